"""A single small file as a part of a backup: the API keys of the HTTP edge."""

import shutil
from pathlib import Path

from schemas.errors import BackupError

_NAME = "file"


class FilePart:
    """A file with secrets, or with hashes of secrets: only its owner may read the copies.

    Args:
        name: Name of the part.
        path: The file.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    def save(self, folder: Path) -> None:
        """Copy the file."""
        self._copy(self._path, folder / _NAME)

    def require_empty(self) -> None:
        """Check that the file does not exist."""
        if self._path.exists():
            raise BackupError(f"{self.name}: {self._path} exists, and nothing is overwritten; move it away")

    def restore(self, folder: Path) -> None:
        """Copy the file back."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._copy(folder / _NAME, self._path)

    def _copy(self, source: Path, target: Path) -> None:
        try:
            target.touch(mode=0o600)
            shutil.copyfile(source, target)
        except OSError as error:
            raise BackupError(
                f"{self.name}: cannot copy {source} to {target} ({error.strerror}); check both paths"
            ) from error
