"""Makes and restores backups: one folder for each part, and a manifest."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.errors import BackupError
from stream.backup.manifest import BackupManifest, verify_backup, write_manifest
from stream.backup.part import Part
from stream.clock import Clock


def create_backup(
    directory: Path, parts: Sequence[Part], clock: Clock, on_step: Callable[[str], object] = lambda _: None
) -> BackupManifest:
    """Save parts to a new directory, one after the other in the given order.

    A part that refers to another one comes before it: what is referred to never changes and is added first, so
    whatever the earlier part refers to is in the later one.

    Args:
        directory: Directory to create. If saving fails, it is removed.
        parts: Parts to save.
        clock: Source of the time in the manifest.
        on_step: Called with the name of each part before it is saved.

    Raises:
        BackupError: If the directory exists or cannot be written to.
        FraudError: If a part cannot be saved.
    """
    created_at_ms = clock.now_ms()
    try:
        directory.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise BackupError(f"{directory} cannot be created ({error.strerror}); name a new directory") from error
    try:
        for part in parts:
            on_step(part.name)
            folder = directory / part.name
            folder.mkdir()
            part.save(folder)
        return write_manifest(directory, tuple(part.name for part in parts), created_at_ms)
    except BaseException as error:
        shutil.rmtree(directory, ignore_errors=True)
        if isinstance(error, OSError):
            raise BackupError(f"{directory} cannot be written ({error.strerror}); make room, then try again") from error
        raise


def restore_backup(
    directory: Path, parts: Sequence[Part], on_step: Callable[[str], object] = lambda _: None
) -> BackupManifest:
    """Restore parts in the given order. Nothing is written unless the backup is intact and all stores are empty.

    Args:
        directory: The backup.
        parts: Parts to restore.
        on_step: Called with the name of each part before it is restored.

    Raises:
        BackupError: If the backup is incomplete or altered, or lacks a part.
        FraudError: If a part's store is not empty, or cannot be written to.
    """
    manifest = verify_backup(directory)
    for part in parts:
        if part.name not in manifest.parts:
            saved = ", ".join(manifest.parts) or "nothing"
            raise BackupError(f"{directory} has no part {part.name}, only {saved}; choose others with --part")
        part.require_empty()
    for part in parts:
        on_step(part.name)
        part.restore(directory / part.name)
    return manifest
