"""docs/ledger-tables.md: the tables of the ledger's database, from their SQLAlchemy definitions."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Table, Text

from deploy.reference.markdown import code, head, table
from stream.ledger.tables import metadata

_INTRODUCTION = """
`fraud-stream ledger` creates these tables and migrates them, on SQLite and on Postgres. They can be read at any time,
with any SQL client; only the ledger may write to them. [ledger.md](ledger.md) explains which of several messages a row
keeps.

There are no views; `fraud-stream compare` shows the comparison by day. Columns whose name ends in `_ms` are UTC
milliseconds since 1970, and amounts are integer minor units of the currency.
"""
_TYPES = {BigInteger: "bigint", Boolean: "boolean", Double: "double", Text: "text"}


def page() -> str:
    """Return the text of docs/ledger-tables.md."""
    blocks = [head("Tables of the ledger", "stream/ledger/tables.py", _INTRODUCTION)]
    for each in metadata.tables.values():
        rows = [[code(column.name), _type(column), _role(column), column.doc or ""] for column in each.columns]
        blocks.append(f"## {each.name}\n\n{each.info['summary']}\n")
        blocks.append(table(["column", "type", "key", "meaning"], rows) + "\n")
        if indexes := _indexes(each):
            blocks.append(f"Indexes: {indexes}.\n")
    return "\n".join(blocks)


def _type(column: Column[object]) -> str:
    name = next(name for kind, name in _TYPES.items() if isinstance(column.type, kind))
    return f"{name} or null" if column.nullable else name


def _role(column: Column[object]) -> str:
    return "primary key" if column.primary_key else ""


def _indexes(table_: Table) -> str:
    described = [
        f"{code(index.name or '')} on {', '.join(code(column.name) for column in index.columns)}"
        for index in sorted(table_.indexes, key=lambda index: index.name or "")
    ]
    return "; ".join(described)
