"""Generates JSON Schema files for all public messages and the manifest, for programs not written in Python.

`python -m schemas.json_schema` writes them to `schemas/json/`; a test fails when they are stale.
"""

import json
import re
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from schemas import manifest, messages
from schemas.field_notes import field_notes

DIRECTORY = Path(__file__).parent / "json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

CONTRACTS: dict[str, type[msgspec.Struct]] = {**messages.PUBLIC, "manifest": manifest.Manifest}

#: Structs by name in the schema, to look up their field descriptions.
_STRUCTS = {
    name: struct
    for module in (messages, manifest)
    for name, struct in vars(module).items()
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct)
}


def json_schema(contract: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the draft 2020-12 schema of a message or the manifest, with `#:` comments as field descriptions."""
    (root,), parts = msgspec.json.schema_components([contract], ref_template="#/$defs/{name}")
    body = parts.pop(root["$ref"].rpartition("/")[2])
    # A generic struct's title contains its type arguments.
    body["title"] = (typing.get_origin(contract) or contract).__name__
    for part in (body, *parts.values()):
        describe(part, _STRUCTS)
    schema = {"$schema": DIALECT, **body}
    return {**schema, "$defs": parts} if parts else schema


def components(contracts: Iterable[type[msgspec.Struct]], prefix: str) -> dict[str, dict[str, Any]]:
    """Return the schemas of structs and of all structs that they contain, by the structs' names.

    Args:
        contracts: Structs to describe.
        prefix: Beginning of each reference to a component, such as `#/components/schemas/`.
    """
    contracts = tuple(contracts)
    structs = _STRUCTS | {each.__name__: each for each in contracts if isinstance(each, type)}
    _, parts = msgspec.json.schema_components(contracts, ref_template=prefix + "{name}")
    for part in parts.values():
        # A generic struct's title contains its type arguments.
        part["title"] = part["title"].partition("[")[0]
        describe(part, structs)
    return {part["title"]: part for part in parts.values()}


def rendered(contract: type[msgspec.Struct]) -> str:
    """Return the text of the schema file for a message or the manifest."""
    return json.dumps(json_schema(contract), indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Write the schema files of all public messages and the manifest."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, contract in CONTRACTS.items():
        (DIRECTORY / f"{name}.schema.json").write_text(rendered(contract), encoding="utf-8")


def describe(part: dict[str, Any], structs: Mapping[str, type[msgspec.Struct]]) -> None:
    """Shorten a struct's description in a schema to one paragraph, and describe its fields by their `#:` comments.

    Readers of JSON know None as null.

    Args:
        part: Schema of a struct; it is changed in place.
        structs: Structs by name.
    """
    # The first paragraph describes the struct; the rest is for readers of the Python code.
    part["description"] = re.sub(r"\s+", " ", part["description"].partition("\n\n")[0])
    if struct := structs.get(part["title"]):
        for field, note in field_notes(struct).items():
            schema = part["properties"][field]
            unit = schema.get("description", "")  # from the field's type
            text = f"{note} {unit[:1].upper()}{unit[1:]}." if unit else note
            schema["description"] = re.sub(r"\bNone\b", "null", text)
        if tag := struct.__struct_config__.tag_field:
            part["properties"][tag]["description"] = "Kind of the object."


if __name__ == "__main__":
    write()
