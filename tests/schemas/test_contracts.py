"""Published contracts: JSON Schema files are up to date, and messages of every version stay readable."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its types are in a separate package
import msgspec
import pytest

from schemas.json_schema import CONTRACTS, DIRECTORY, rendered

GOLDEN = Path(__file__).parents[1] / "golden"
#: `v<version>/<contract>[.<variant>].json`. A file is never edited: a new optional field gets a variant, a change that
#: old readers cannot handle gets a new version.
FILES = sorted(GOLDEN.glob("v*/*.json"))


def _contract(file: Path) -> str:
    return file.name.partition(".")[0]


def _version(file: Path) -> int:
    return int(file.parent.name[1:])


def _file_id(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _contains(old: Any, new: Any) -> bool:
    """Return whether `new` contains everything in `old`; objects may have more fields."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and _contains(value, new[name]) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_contains, old, new))
    return type(old) is type(new) and bool(old == new)


@pytest.mark.parametrize("name", CONTRACTS)
def test_json_schema_files_are_up_to_date(name: str) -> None:
    """The committed JSON Schema files match those generated from the structs."""
    written = (DIRECTORY / f"{name}.schema.json").read_text(encoding="utf-8")
    assert written == rendered(CONTRACTS[name]), "stale: run `python -m schemas.json_schema` and commit schemas/json/"


def test_every_schema_file_has_a_contract() -> None:
    """Every schema file belongs to a contract, so no files from removed contracts remain."""
    assert {file.name for file in DIRECTORY.iterdir()} == {f"{name}.schema.json" for name in CONTRACTS}


@pytest.mark.parametrize("name", CONTRACTS)
def test_json_schemas_are_valid_and_described(name: str) -> None:
    """Each schema file is a self-contained draft 2020-12 schema with a title and a description."""
    schema = json.loads(rendered(CONTRACTS[name]))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["description"]
    assert "$id" not in schema
    assert all(part["description"] for part in schema.get("$defs", {}).values())


def test_every_field_is_in_a_golden_file() -> None:
    """The newest golden files for a contract together contain all its fields."""
    for name, contract in CONTRACTS.items():
        newest = max(_version(file) for file in FILES if _contract(file) == name)
        files = [file for file in FILES if _contract(file) == name and _version(file) == newest]
        named = {field for file in files for field in json.loads(file.read_bytes())}
        missing = set(msgspec.json.schema_components([contract])[1][_component(contract)]["properties"]) - named
        assert not missing, f"add tests/golden/v{newest}/{name}.<variant>.json with {sorted(missing)}"


def _component(contract: type[msgspec.Struct]) -> str:
    (root,), _ = msgspec.json.schema_components([contract])
    return str(root["$ref"].rpartition("/")[2])


@pytest.mark.parametrize("file", FILES, ids=_file_id)
def test_golden_files_stay_readable(file: Path) -> None:
    """A message of any version can be decoded, and has the same content when it is encoded again."""
    golden = file.read_bytes()
    again = msgspec.json.encode(msgspec.json.decode(golden, type=CONTRACTS[_contract(file)]))
    assert _contains(json.loads(golden), json.loads(again))


@pytest.mark.parametrize("file", FILES, ids=_file_id)
def test_golden_files_satisfy_their_json_schema(file: Path) -> None:
    """Golden files, which the Python structs can decode, are also valid according to the published schema."""
    schema = json.loads((DIRECTORY / f"{_contract(file)}.schema.json").read_bytes())
    jsonschema.validate(json.loads(file.read_bytes()), schema, cls=jsonschema.Draft202012Validator)


def test_the_comparison_of_golden_files_detects_differences() -> None:
    """The comparison detects a changed value, a missing element, a changed type and a missing field."""
    assert _contains({"a": [1, {"b": None}]}, {"a": [1, {"b": None, "c": 2}]})
    for other in ({"a": [1, {"b": 0}]}, {"a": [1]}, {"a": [1.0, {"b": None}]}, {}):
        assert not _contains({"a": [1, {"b": None}]}, other)


def test_the_schema_refuses_invalid_transactions() -> None:
    """The schema, like the codec, rejects a wrong currency, amount, type or version."""
    golden = json.loads((GOLDEN / "v1" / "transaction.json").read_bytes())
    schema = json.loads((DIRECTORY / "transaction.schema.json").read_bytes())
    for change in ({"currency": "eur"}, {"amount_minor": -1}, {"features": [1.0]}, {"schema_version": 2}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**golden, **change}, schema)
