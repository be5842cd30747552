"""Edits that make a valid bundle defective."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from schemas.manifest import MANIFEST_NAME, MODEL_NAME, Parity, decode_manifest, encode_manifest

#: Function that changes a bundle in its directory.
Edit = Callable[[Path], object]


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def edit_manifest(**changes: Any) -> Edit:
    """Return an edit that replaces fields of the manifest, as a faulty exporter would write them."""

    def edit(bundle: Path) -> None:
        manifest = decode_manifest((bundle / MANIFEST_NAME).read_bytes())
        (bundle / MANIFEST_NAME).write_bytes(encode_manifest(msgspec.structs.replace(manifest, **changes)))

    return edit


def edit_manifest_json(change: Callable[[dict[str, Any]], object]) -> Edit:
    """Return an edit that changes the manifest's JSON directly, to write values that the struct does not allow."""

    def edit(bundle: Path) -> None:
        fields = msgspec.json.decode((bundle / MANIFEST_NAME).read_bytes())
        change(fields)
        (bundle / MANIFEST_NAME).write_bytes(msgspec.json.encode(fields))

    return edit


def repeat_feature(bundle: Path) -> None:
    """Give the second feature the name of the first."""
    features = decode_manifest((bundle / MANIFEST_NAME).read_bytes()).features
    edit_manifest(features=(features[0], *features[:1], *features[2:]))(bundle)


def edit_first_feature(**changes: Any) -> Edit:
    """Return an edit that replaces fields of the first feature."""

    def edit(bundle: Path) -> None:
        first, *others = decode_manifest((bundle / MANIFEST_NAME).read_bytes()).features
        edit_manifest(features=(msgspec.structs.replace(first, **changes), *others))(bundle)

    return edit


def parity_shape(rows: int, width: int, scores: int) -> Edit:
    """Return an edit that replaces the parity rows and scores with arrays of the given sizes."""
    return edit_manifest(parity=Parity(((0.0,) * width,) * rows, (0.5,) * scores))


def null_in_parity(bundle: Path, **changes: Any) -> None:
    """Set a value of the first parity row to null."""
    kept = decode_manifest((bundle / MANIFEST_NAME).read_bytes()).parity
    first, *others = kept.rows
    edit_manifest(parity=msgspec.structs.replace(kept, rows=((None, *first[1:]), *others)), **changes)(bundle)


def parity_off(by: float) -> Edit:
    """Return an edit that changes one of the expected scores by the given amount."""

    def change(fields: dict[str, Any]) -> None:
        fields["parity"]["scores"][3] += by

    return edit_manifest_json(change)


def replace_model(graph: bytes, **changes: Any) -> Edit:
    """Return an edit that replaces the model and writes the new model's hash into the manifest."""

    def edit(bundle: Path) -> None:
        (bundle / MODEL_NAME).write_bytes(graph)
        edit_manifest(files={MODEL_NAME: sha256_of(bundle / MODEL_NAME)}, **changes)(bundle)

    return edit


def list_file(name: str) -> Edit:
    """Return an edit that lists a file in the manifest without creating the file."""
    return edit_manifest_json(lambda fields: fields["files"].update({name: "0" * 64}))


def list_folder(bundle: Path) -> None:
    """Create a folder at a path that the manifest lists as a file."""
    (bundle / "more").mkdir()
    list_file("more")(bundle)


def add_nested_file(bundle: Path) -> None:
    """Add an unlisted file two folders deep."""
    (bundle / "a" / "b").mkdir(parents=True)
    (bundle / "a" / "b" / "c").touch()
