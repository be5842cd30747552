-- A separate database, because MLflow and the ledger both keep their migration state in `alembic_version`.
CREATE DATABASE ledger;
