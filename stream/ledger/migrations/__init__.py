"""Alembic migrations of the ledger, part of the package so that each ledger can migrate its own database."""
