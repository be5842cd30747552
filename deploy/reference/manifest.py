"""docs/manifest.md: the manifest of a bundle, from its structs."""

from deploy.reference.contracts import sections
from deploy.reference.markdown import head
from schemas.json_schema import components
from schemas.manifest import MANIFEST_NAME, MODEL_NAME, Manifest

_INTRODUCTION = f"""
A bundle is a directory with the model, `{MODEL_NAME}`, its manifest, `{MANIFEST_NAME}`, and the files that MLflow adds.
The model has one input, float32 of shape (n, features), and one output, the probability of fraud, of shape (n,). The
manifest lists the SHA-256 of every other file, so its own SHA-256 identifies the bundle.

Before a model gets a role, a program audits its bundle: hashes, format version, feature names, shapes and types, and
the parity rows, which are scored again. A bundle that fails the audit is rejected, and the current roles stay.

`format_version` increases if a reader of the old version would misread a new manifest. The same schema for programs is
[manifest.schema.json](../schemas/json/manifest.schema.json). [training.md](training.md#the-drift-reference-in-a-bundle)
explains the drift reference.
"""


def page() -> str:
    """Return the text of docs/manifest.md."""
    schemas = components([Manifest], "#/")
    first = {"Manifest": schemas.pop("Manifest")}
    return "\n".join([head("Bundle manifest", "schemas/manifest.py", _INTRODUCTION), sections(first | schemas, "##")])
