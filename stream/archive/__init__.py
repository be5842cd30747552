"""The archive: transactions, decisions and labels as they were sent, in Parquet files at any fsspec URL.

This package belongs to floor 5 of the import order in docs/architecture.md.
"""
