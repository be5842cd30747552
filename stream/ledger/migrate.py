"""Migrates the ledger's database to the newest revision.

Migrations only add tables, columns and indexes, so that the previous release can work with a database that the next one
has migrated: a release can be rolled back. What a release no longer uses is dropped by the release after it.
"""

import logging

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, delete, insert, inspect, select, text

from schemas.errors import LedgerError
from stream.ledger.database import reading, writing
from stream.ledger.tables import schema_compatibility

log = logging.getLogger(__name__)

#: Oldest revision whose program can work with the newest revision's database. To be raised by the migration that drops
#: what programs of older revisions need.
OLDEST_COMPATIBLE = "0006"
#: Postgres: key of the advisory lock for migrations; an arbitrary number, the same in every ledger.
_MIGRATION_LOCK = 7_265_431


def migrate(engine: Engine) -> None:
    """Migrate the database to the newest revision, unless a newer program has migrated it.

    Several ledgers may try at once: one migrates, and the others wait. A database of a newer program is left as it is,
    and used if the newer program's migrations allow that.

    Raises:
        LedgerUnavailableError: If the database is not responding.
        LedgerError: If this program cannot work with the database of a newer program, or the database does not belong
            to a ledger.
    """
    config = Config()
    config.set_main_option("script_location", "stream.ledger:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with reading(engine) as connection:
        # Usually there is nothing to migrate, and checking for that needs no write lock.
        if _is_usable(connection, scripts.get_current_head(), known):
            return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if _is_usable(connection, scripts.get_current_head(), known):
            return  # another ledger was faster
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.execute(delete(schema_compatibility))
        connection.execute(insert(schema_compatibility).values(oldest_revision=OLDEST_COMPATIBLE))


def _is_usable(connection: Connection, newest: str | None, known: set[str]) -> bool:
    """Return whether the database can be used without a migration.

    Raises:
        LedgerError: If a newer program has migrated the database, and this program cannot work with it.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None or current in known:
        return current == newest
    oldest = None
    if inspect(connection).has_table(schema_compatibility.name):
        oldest = connection.scalar(select(schema_compatibility.c.oldest_revision))
    if oldest not in known:
        raise LedgerError(
            f"the ledger database was migrated by a newer program (to revision {current}); upgrade this program"
        )
    log.warning("the ledger database was migrated by a newer program (to revision %s); continuing", current)
    return True
