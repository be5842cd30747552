"""A backup restores what was saved; a damaged one is refused; nothing is ever overwritten."""

import json
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from schemas.errors import BackupError
from stream.backup.backup import create_backup, restore_backup
from stream.backup.file import FilePart
from stream.backup.folder import FolderPart
from stream.backup.manifest import MANIFEST, verify_backup
from stream.backup.part import Part
from stream.backup.sqlite import SqlitePart
from stream.clock import SystemClock

CONTENTS = {"fraud/1/manifest.json": b"{}", "fraud/1/model.onnx": b"\x08\x09" * 1000, "fraud/2/manifest.json": b"[]"}


def _write(folder: Path) -> None:
    for name, content in CONTENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _parts(root: Path) -> list[Part]:
    """Return one part of each kind that needs no server."""
    return [
        SqlitePart("ledger", root / "ledger.db"),
        FolderPart("bundles", str(root / "bundles")),
        FilePart("keys", root / "keys.json"),
    ]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with something in each part."""
    root = tmp_path / "source"
    _write(root / "bundles")
    with closing(sqlite3.connect(root / "ledger.db")) as database:
        database.execute("CREATE TABLE numbers (number)")
        database.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in range(1000)])
        database.commit()
    (root / "keys.json").write_text("[]")
    return root


@pytest.fixture
def saved(source: Path, tmp_path: Path) -> Path:
    """A backup of all parts."""
    create_backup(tmp_path / "saved", _parts(source), SystemClock())
    return tmp_path / "saved"


def test_what_was_saved_is_restored(saved: Path, tmp_path: Path) -> None:
    """All files, rows and hashes come back; only their owner may read the backup and the restored keys."""
    target = tmp_path / "target"
    manifest = restore_backup(saved, _parts(target))
    assert manifest.parts == ("ledger", "bundles", "keys")
    assert {name: (target / "bundles" / name).read_bytes() for name in CONTENTS} == CONTENTS
    with closing(sqlite3.connect(target / "ledger.db")) as database:
        assert database.execute("SELECT count(*), sum(number) FROM numbers").fetchone() == (1000, 499_500)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o700
    assert stat.S_IMODE((target / "keys.json").stat().st_mode) == 0o600
    assert verify_backup(saved) == manifest, "a restore leaves the backup as it is"


def _truncate(backup: Path) -> None:
    model = backup / "bundles/fraud/1/model.onnx"
    model.write_bytes(model.read_bytes()[:-1])


def _alter(backup: Path) -> None:
    database = backup / "ledger/database.sqlite"
    content = bytearray(database.read_bytes())
    content[-1] ^= 1
    database.write_bytes(content)


def _remove(backup: Path) -> None:
    (backup / "keys/file").unlink()


def _add(backup: Path) -> None:
    (backup / "bundles/fraud/3").mkdir()
    (backup / "bundles/fraud/3/manifest.json").write_bytes(b"{}")


def _interrupt(backup: Path) -> None:
    (backup / MANIFEST).unlink()


def _garble(backup: Path) -> None:
    (backup / MANIFEST).write_bytes((backup / MANIFEST).read_bytes()[:-10])


def _make_newer(backup: Path) -> None:
    manifest = json.loads((backup / MANIFEST).read_bytes())
    (backup / MANIFEST).write_text(json.dumps(manifest | {"format_version": 2}))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_truncate, "model.onnx has 1999 bytes instead of 2000; use another backup"),
        (_alter, "database.sqlite was altered; use another backup"),
        (_remove, "keys/file is missing; use another backup"),
        (_add, "manifest.json is not in the manifest; use another backup"),
        (_interrupt, "not a complete backup .* use another one"),
        (_garble, "not a backup's manifest .* use another backup"),
        (_make_newer, "format version 2, but this program supports 1; restore the backup with the program that made"),
    ],
)
def test_a_damaged_backup_is_refused(
    saved: Path, tmp_path: Path, damage: Callable[[Path], None], expected: str
) -> None:
    """The error is one line that names the file, and nothing is restored, the intact parts included."""
    damage(saved)
    with pytest.raises(BackupError, match=expected) as raised:
        restore_backup(saved, _parts(tmp_path / "target"))
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("existing", ["ledger.db", "ledger.db-wal", "bundles/fraud/9/manifest.json", "keys.json"])
def test_nothing_is_overwritten(saved: Path, tmp_path: Path, existing: str) -> None:
    """If the target of one part is not empty, no part is restored."""
    target = tmp_path / "target"
    (target / existing).parent.mkdir(parents=True)
    (target / existing).write_bytes(b"precious")
    with pytest.raises(BackupError, match="nothing is overwritten"):
        restore_backup(saved, _parts(target))
    assert [each for each in target.rglob("*") if each.is_file()] == [target / existing]
    assert (target / existing).read_bytes() == b"precious"


def test_an_existing_backup_is_not_overwritten(source: Path, saved: Path) -> None:
    """A backup needs a new directory."""
    before = verify_backup(saved)
    with pytest.raises(BackupError, match="name a new directory"):
        create_backup(saved, _parts(source), SystemClock())
    assert verify_backup(saved) == before


@pytest.mark.parametrize("missing", ["ledger.db", "bundles", "keys.json"])
def test_a_failed_backup_leaves_nothing_behind(source: Path, tmp_path: Path, missing: str) -> None:
    """What is missing is an error, not an empty part, and there is no directory that looks like a backup."""
    (source / missing).rename(tmp_path / "away")
    with pytest.raises(BackupError):
        create_backup(tmp_path / "incomplete", _parts(source), SystemClock())
    assert not (tmp_path / "incomplete").exists()


def test_a_part_that_was_not_saved_is_an_error(source: Path, tmp_path: Path) -> None:
    """Restoring a part that the backup lacks names those that it has."""
    create_backup(tmp_path / "saved", _parts(source)[1:2], SystemClock())
    with pytest.raises(BackupError, match="has no part ledger, only bundles"):
        restore_backup(tmp_path / "saved", _parts(tmp_path / "target"))
