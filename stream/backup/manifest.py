"""The manifest of a backup: which parts the backup has, and the size and SHA-256 of every file.

The manifest is written last. A backup without one was interrupted, and a backup whose files differ from it was damaged
or altered; neither is restored.
"""

import hashlib
from pathlib import Path

import msgspec

from schemas.errors import BackupError

#: File name of the manifest, in the backup's directory.
MANIFEST = "backup.json"
#: Format version; increased when older programs cannot restore what a newer program has saved.
FORMAT_VERSION = 1


class SavedFile(msgspec.Struct, frozen=True):
    """Size in bytes and SHA-256 of a file."""

    size: int
    sha256: str


class BackupManifest(msgspec.Struct, frozen=True):
    """Contents of a backup."""

    format_version: int
    #: When the first part was saved, UTC milliseconds.
    created_at_ms: int
    #: Names of the parts, in the order in which they were saved; each has a folder of its own.
    parts: tuple[str, ...]
    #: Files of all parts, by path relative to the backup's directory.
    files: dict[str, SavedFile]


def write_manifest(directory: Path, parts: tuple[str, ...], created_at_ms: int) -> BackupManifest:
    """Hash all files in a directory and write its manifest."""
    manifest = BackupManifest(FORMAT_VERSION, created_at_ms, parts, _hash_files(directory))
    (directory / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def verify_backup(directory: Path) -> BackupManifest:
    """Read a backup's manifest, and compare every file with it.

    Raises:
        BackupError: If the directory is not a complete backup, a file is missing, differs or was added, or a newer
            program made the backup.
    """
    manifest = _read_manifest(directory)
    try:
        actual = _hash_files(directory)
    except OSError as error:
        raise BackupError(f"{error.filename} cannot be read ({error.strerror}); use another backup") from error
    for path in sorted(manifest.files.keys() | actual.keys()):
        saved, file = manifest.files.get(path), actual.get(path)
        if file is None or saved is None:
            fault = "is missing" if file is None else "is not in the manifest"
        elif file.size != saved.size:
            fault = f"has {file.size} bytes instead of {saved.size}"
        elif file.sha256 != saved.sha256:
            fault = "was altered"
        else:
            continue
        raise BackupError(f"{directory / path} {fault}; use another backup")
    return manifest


def _read_manifest(directory: Path) -> BackupManifest:
    path = directory / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=BackupManifest)
    except OSError as error:
        raise BackupError(
            f"{directory} is not a complete backup ({MANIFEST}: {error.strerror}); use another one"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupError(f"{path} is not a backup's manifest ({error}); use another backup") from None
    if manifest.format_version != FORMAT_VERSION:
        raise BackupError(
            f"{path} has format version {manifest.format_version}, but this program supports {FORMAT_VERSION}; "
            "restore the backup with the program that made it"
        )
    return manifest


def _hash_files(directory: Path) -> dict[str, SavedFile]:
    files = sorted(each for each in directory.rglob("*") if each.is_file() and each != directory / MANIFEST)
    return {each.relative_to(directory).as_posix(): _hash_file(each) for each in files}


def _hash_file(path: Path) -> SavedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return SavedFile(file.tell(), digest.hexdigest())
