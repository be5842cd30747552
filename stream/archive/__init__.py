"""The archive: transactions, decisions and labels as they were sent, in Parquet files at any fsspec URL.

Floor 5 in docs/architecture.md.
"""
