"""A folder as a part of a backup: the bundle store, or MLflow's artifacts."""

from pathlib import Path, PurePosixPath

import fsspec

from schemas.errors import BackupError

#: Files that complete the folder they are in, so they are copied last; see `stream.models.bundle_store`.
_LAST = "manifest.json"


class FolderPart:
    """All files under a URL.

    Args:
        name: Name of the part.
        url: Any fsspec URL. A remote URL needs the package for its file system (s3fs, gcsfs or adlfs).

    Raises:
        BackupError: If the URL's file system is unknown or not installed.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise BackupError(f"{name}: {url} cannot be opened ({error}); correct the URL") from error
        self._root = root.rstrip("/")

    def save(self, folder: Path) -> None:
        """Copy all files."""
        files = self._list()
        if not files:
            raise BackupError(f"{self.name}: there is nothing at {self._url}; correct the URL, or leave the part out")
        for each in files:
            target = folder / each
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._files.get_file(f"{self._root}/{each}", str(target))
            except Exception as error:  # every file system raises its own errors
                raise self._unreachable("read", error) from error

    def require_empty(self) -> None:
        """Check that there are no files at the URL."""
        if files := self._list():
            raise BackupError(
                f"{self.name}: {self._url} already contains {files[0]}, and nothing is overwritten; "
                "move it away, or name an empty folder"
            )

    def restore(self, folder: Path) -> None:
        """Copy all files back, those that complete a bundle last."""
        files = sorted(each for each in folder.rglob("*") if each.is_file())
        for each in sorted(files, key=lambda file: file.name == _LAST):
            remote = f"{self._root}/{each.relative_to(folder).as_posix()}"
            try:
                self._files.makedirs(remote.rpartition("/")[0], exist_ok=True)
                self._files.put_file(str(each), remote)
            except Exception as error:  # as above
                raise self._unreachable("write", error) from error

    def _list(self) -> list[str]:
        try:
            self._files.invalidate_cache()
            found = self._files.find(self._root) if self._files.exists(self._root) else []
        except Exception as error:  # as above
            raise self._unreachable("read", error) from error
        return sorted(str(PurePosixPath(each).relative_to(self._root)) for each in found)

    def _unreachable(self, verb: str, error: Exception) -> BackupError:
        return BackupError(f"{self.name}: cannot {verb} {self._url} ({error}); check the store and its permissions")
