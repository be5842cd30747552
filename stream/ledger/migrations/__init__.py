"""Alembic migrations of the ledger, part of the package so that a ledger brings its own database up to date."""
