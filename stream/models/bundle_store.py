"""The bundle store: keeps bundles under any fsspec URL, and copies them to a local directory for reading."""

import contextlib
import shutil
import tempfile
from pathlib import Path, PurePosixPath

import fsspec

from schemas.errors import BundleError, BundleMissingError


class BundleStore:
    """A store of immutable bundles under a URL: a local folder by default, or S3, GCS or ABFS if configured.

    Args:
        url: Any fsspec URL. A remote URL needs the package for its file system (s3fs, gcsfs or adlfs).

    Raises:
        BundleMissingError: If the URL's file system is unknown or not installed.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise BundleMissingError(
                f"bundle store {url} cannot be opened ({error}); correct FRAUD_BUNDLE_STORE, or install the package "
                "for this kind of URL"
            ) from error

    def exists(self, path: str) -> bool:
        """Return whether the store contains anything at a path, even an incomplete bundle."""
        return bool(self._files.exists(self._locate(path)))

    def put(self, bundle: Path, path: str) -> None:
        """Copy a bundle into the store; if copying fails, remove the files copied so far.

        Args:
            bundle: Local directory of the bundle.
            path: Path in the store at which to put the bundle.

        Raises:
            BundleError: If the path is taken (bundles are immutable), or if the store cannot be written to.
        """
        target = self._locate(path)
        if self.exists(path):
            raise BundleError(
                f"{self._url} already has a bundle {path}, and bundles are immutable; publish under a new version"
            )
        # The manifest is copied last, so that a partial copy cannot be read as a bundle, even if the writer is killed.
        files = sorted((f for f in bundle.rglob("*") if f.is_file()), key=lambda f: f.name == "manifest.json")
        try:
            for file in files:
                remote = f"{target}/{file.relative_to(bundle).as_posix()}"
                self._files.makedirs(remote.rpartition("/")[0], exist_ok=True)
                self._files.put_file(str(file), remote)
        except BaseException as error:
            self.discard(path)
            if not isinstance(error, Exception):  # such as Ctrl-C
                raise
            # Every file system raises its own errors.
            raise BundleError(
                f"cannot write bundle {path} to {self._url} ({error}); check the store and its permissions"
            ) from error

    def discard(self, path: str) -> None:
        """Remove everything at a path if the store allows deletion; only for bundles that nothing refers to."""
        with contextlib.suppress(Exception):
            self._files.rm(self._locate(path), recursive=True)

    def fetch(self, path: str) -> "FetchedBundle":
        """Copy a bundle to a temporary local directory, and return the copy as a context manager.

        Args:
            path: Path of the bundle in the store.

        Raises:
            BundleMissingError: If nothing is at the path, or the store cannot be reached.
        """
        target = self._locate(path)
        local = Path(tempfile.mkdtemp(prefix="fraud-bundle-"))
        try:
            self._files.get(f"{target}/", f"{local}/", recursive=True)
        except Exception as error:  # every file system raises its own errors
            shutil.rmtree(local)
            raise BundleMissingError(
                f"bundle {path} cannot be read from {self._url} ({error}); publish the bundle again, or correct "
                "FRAUD_BUNDLE_STORE"
            ) from error
        return FetchedBundle(local)

    def _locate(self, path: str) -> str:
        relative = PurePosixPath(path)
        parts = relative.parts
        if not parts or ".." in parts or relative.is_absolute():
            raise BundleError(f"bundle path {path!r} must be relative and stay inside the store; use another path")
        return f"{self._root.rstrip('/')}/{'/'.join(parts)}"


class FetchedBundle:
    """A local copy of a bundle. Entering it returns the directory; leaving it removes the copy."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> Path:
        return self._directory

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
