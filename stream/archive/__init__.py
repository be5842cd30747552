"""The archive: transactions, decisions and labels as they were sent, in Parquet on any fsspec URL (floor 5)."""
