"""Sections about the project's structs, with a table of fields for each."""

from typing import Any

from deploy.reference.markdown import code, fields_text


def sections(schemas: dict[str, dict[str, Any]], level: str) -> str:
    """Return a section for each struct.

    Args:
        schemas: Schemas by the structs' names, from `schemas.json_schema.components`.
        level: Hash signs of the sections' headings.
    """
    return "\n".join(
        f"{level} {name}\n\n{schema['description']}\n\n{_body(schema)}\n" for name, schema in schemas.items()
    )


def _body(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return f"One of {', '.join(map(code, schema['enum']))}."
    return fields_text(schema, lambda name: f"#{name.lower()}")
