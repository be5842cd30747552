"""The archive's file system: listing files, and writing a file completely or not at all."""

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from schemas.errors import ArchiveError, ArchiveUnavailableError
from stream.archive.layout import FORMAT_VERSION, MARKER, ArchiveFile, folder, parse_file, parse_folder, parse_temporary

#: Protocols of stores that write an object completely or not at all, so that no temporary name is needed.
ATOMIC_PUT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})


class ArchiveFiles:
    """An archive at a URL.

    Args:
        url: Any fsspec URL; its file system package (s3fs, gcsfs, adlfs) must be installed, except for local files.

    Raises:
        ArchiveError: If no file system can be opened for the URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ArchiveError(
                f"cannot open archive {url} ({error}); "
                "set FRAUD_ARCHIVE_URL, or install the package for its file system"
            ) from error
        self._root = root.rstrip("/")
        protocol = self._files.protocol
        protocols = {protocol} if isinstance(protocol, str) else set(protocol)
        self._has_atomic_put = not protocols.isdisjoint(ATOMIC_PUT)

    def create(self) -> None:
        """Create the archive if it does not exist yet.

        Raises:
            ArchiveError: If a newer program created the archive.
            ArchiveUnavailableError: If the file system is not responding or denies write access.
        """
        with self._translated_errors("create"):
            self._files.invalidate_cache()
            if not self._files.exists(self._at(MARKER)):
                self._write(MARKER, json.dumps({"format_version": FORMAT_VERSION}).encode())
        self.require()

    def require(self) -> None:
        """Raise unless the archive exists.

        A bucket or mount that is temporarily missing looks empty, and a new archive created there would store every
        message a second time. Therefore the marker is checked before files are listed, read or written.

        Raises:
            ArchiveError: If a newer program created the archive, or the marker was not written by an archive.
            ArchiveUnavailableError: If the archive does not exist, or the file system is not responding.
        """
        with self._translated_errors("read"):
            try:
                marker = self._files.cat_file(self._at(MARKER))
            except FileNotFoundError:
                raise ArchiveUnavailableError(
                    f"there is no archive at {self.url}; restore it, or check FRAUD_ARCHIVE_URL"
                ) from None
        try:
            version = json.loads(marker)["format_version"]
        except (ValueError, TypeError, KeyError):
            raise ArchiveError(
                f"{self.url}/{MARKER} was not written by an archive; set FRAUD_ARCHIVE_URL to an empty folder"
            ) from None
        if version != FORMAT_VERSION:
            raise ArchiveError(
                f"archive {self.url} has format version {version}, but this program supports {FORMAT_VERSION}; "
                "upgrade this program"
            )

    def list_days(self, kind: str) -> list[date]:
        """Return the dates for which a kind of message has a folder, newest first.

        Raises:
            ArchiveUnavailableError: If the file system is not responding.
        """
        names = self._list_names(kind)
        return sorted(filter(None, map(parse_folder, names)), reverse=True)

    def list_day(self, kind: str, day: date) -> tuple[list[ArchiveFile], list[str]]:
        """Return the archive files of one kind and date, and the names of abandoned or unfinished temporary files.

        Raises:
            ArchiveUnavailableError: If the file system is not responding.
        """
        names = self._list_names(f"{kind}/{folder(day)}")
        files = [file for name in names if (file := parse_file(name, day))]
        return files, [name for name in names if parse_temporary(name) is not None]

    def put(self, kind: str, file: ArchiveFile, content: memoryview) -> None:
        """Write a file completely or not at all; an existing file is left unchanged.

        Raises:
            ArchiveUnavailableError: If it is not certain that the file was written.
        """
        self.require()
        path = f"{kind}/{file.path}"
        with self._translated_errors("write"):
            # An existing file for the same range contains the same messages, and a reader may have it open.
            if self._files.exists(self._at(path)):
                return
            self._write(path, content)
        # The mount may have disappeared after the first check, so that the file was written to the folder beneath it.
        self.require()
        with self._translated_errors("write"):
            if not self._files.exists(self._at(path)):
                raise ArchiveUnavailableError(
                    f"archive {self.url} became unavailable while {path} was being written; check FRAUD_ARCHIVE_URL"
                )

    def open(self, kind: str, file: ArchiveFile) -> Any:
        """Open a file for reading.

        Raises:
            ArchiveUnavailableError: If the file cannot be opened.
        """
        with self._translated_errors("read"):
            return self._files.open(self._at(f"{kind}/{file.path}"), "rb")

    def remove_temporary(self, kind: str, day: date, names: Iterable[str]) -> None:
        """Remove temporary files.

        Raises:
            ArchiveUnavailableError: If the file system is not responding.
        """
        with self._translated_errors("clean"):
            for name in names:
                with suppress(FileNotFoundError):  # another archive has removed it
                    self._files.rm_file(self._at(f"{kind}/{folder(day)}/{name}"))

    def _list_names(self, path: str) -> list[str]:
        with self._translated_errors("list"):
            self._files.invalidate_cache(self._at(path))
            try:
                paths = self._files.ls(self._at(path), detail=False)
            except FileNotFoundError:
                return []
        return [each.rstrip("/").rpartition("/")[2] for each in paths]

    def _write(self, path: str, content: bytes | memoryview) -> None:
        target = self._at(path)
        parent, _, name = target.rpartition("/")
        # Stores that write atomically have no folders either, and `makedirs` could create a bucket there.
        if self._has_atomic_put:
            self._files.pipe_file(target, bytes(content))
            return
        self._files.makedirs(parent, exist_ok=True)
        temporary = f"{parent}/.{name}.{uuid.uuid4().hex}.tmp"
        try:
            with self._files.open(temporary, "wb") as file:
                file.write(content)
                if isinstance(self._files, LocalFileSystem):
                    file.flush()
                    os.fsync(file.fileno())
            if isinstance(self._files, LocalFileSystem):
                os.replace(temporary, target)  # noqa: PTH105 - fsspec paths are plain strings
                _sync_directories(parent)
            else:
                self._files.mv(temporary, target)
        except BaseException:
            with suppress(Exception):
                self._files.rm_file(temporary)
            raise

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    @contextmanager
    def _translated_errors(self, action: str) -> Iterator[None]:
        try:
            yield
        except ArchiveError:
            raise
        except Exception as error:  # every file system raises its own errors
            text = " ".join(str(error).split()) or type(error).__name__
            raise ArchiveUnavailableError(
                f"cannot {action} archive {self.url} ({text}); check FRAUD_ARCHIVE_URL"
            ) from error


def _sync_directories(directory: str) -> None:
    """Sync a directory and its parent, so that the names of a new file and its folder survive a power failure."""
    for each in (directory, os.path.dirname(directory)):  # noqa: PTH120 - as above
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
