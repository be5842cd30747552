"""The generated pages of messages and the manifest explain every field."""

import pytest

from deploy.reference.http_api import document as http_document
from schemas.json_schema import CONTRACTS, components

FIELDS = [
    (struct, field, schema.get("description", ""))
    for struct, part in components(CONTRACTS.values(), "#/").items()
    for field, schema in part.get("properties", {}).items()
]


@pytest.mark.parametrize(("struct", "field", "meaning"), FIELDS, ids=[f"{each[0]}.{each[1]}" for each in FIELDS])
def test_every_field_has_a_meaning(struct: str, field: str, meaning: str) -> None:
    """No cell of the column "meaning" is empty, and none says None where JSON says null."""
    assert meaning, f"add a #: comment above {struct}.{field}"
    assert "None" not in meaning


def test_every_field_of_the_http_api_has_a_meaning() -> None:
    """The schemas of requests, responses and problems are explained too."""
    schemas = http_document()["components"]["schemas"]
    fields = [(name, field, schema) for name, each in schemas.items() for field, schema in each["properties"].items()]
    assert [(name, field) for name, field, schema in fields if not schema.get("description")] == []
