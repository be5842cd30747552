"""The archive's file system: what lies there, and how a file comes to be there whole or not at all."""

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from schemas.errors import ArchiveAwayError, ArchiveError
from stream.archive.layout import FORMAT_VERSION, MARKER, ArchiveFile, folder, leftover_of, parse_file, parse_folder

#: Where an object is there whole or not at all, by the nature of the store: writing needs no temporary name.
ATOMIC_PUT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})


class ArchiveFiles:
    """An archive under a URL.

    Args:
        url: Any fsspec URL; its file system package (s3fs, gcsfs, adlfs) must be installed for other than files.

    Raises:
        ArchiveError: If the URL names no file system that can be opened here.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ArchiveError(
                f"archive {url} cannot be opened ({error}); set FRAUD_ARCHIVE_URL, or install its file system"
            ) from error
        self._root = root.rstrip("/")
        protocol = self._files.protocol
        protocols = {protocol} if isinstance(protocol, str) else set(protocol)
        self._puts_whole = not protocols.isdisjoint(ATOMIC_PUT)

    def create(self) -> None:
        """Make the archive if it is not there yet.

        Raises:
            ArchiveError: If it is of a newer program.
            ArchiveAwayError: If the file system does not answer, or does not let us write.
        """
        with self._asking("made"):
            self._files.invalidate_cache()
            if not self._files.exists(self._at(MARKER)):
                self._write(MARKER, json.dumps({"format_version": FORMAT_VERSION}).encode())
        self.require()

    def require(self) -> None:
        """See whether the archive is there.

        A bucket or a mount that is gone for a while looks empty: an archive begun anew there would hold everything
        a second time. So every look and every file asks for the marker first.

        Raises:
            ArchiveError: If it is of a newer program.
            ArchiveAwayError: If it is not there, or the file system does not answer.
        """
        with self._asking("read"):
            try:
                marker = self._files.cat_file(self._at(MARKER))
            except FileNotFoundError:
                raise ArchiveAwayError(
                    f"no archive at {self.url}; bring it back, or see to FRAUD_ARCHIVE_URL"
                ) from None
        try:
            version = json.loads(marker)["format_version"]
        except (ValueError, TypeError, KeyError):
            raise ArchiveError(
                f"{self.url}/{MARKER} is no archive's; set FRAUD_ARCHIVE_URL to a place of its own"
            ) from None
        if version != FORMAT_VERSION:
            raise ArchiveError(
                f"archive {self.url} has format version {version}, this program knows {FORMAT_VERSION}; upgrade it"
            )

    def days(self, kind: str) -> list[date]:
        """Return the dates a kind has folders for, the newest first.

        Raises:
            ArchiveAwayError: If the file system does not answer.
        """
        names = self._names(kind)
        return sorted(filter(None, map(parse_folder, names)), reverse=True)

    def in_day(self, kind: str, day: date) -> tuple[list[ArchiveFile], list[str]]:
        """Return a kind's files of one date, and the names of what crashes left there or a writer is at.

        Raises:
            ArchiveAwayError: If the file system does not answer.
        """
        names = self._names(f"{kind}/{folder(day)}")
        files = [file for name in names if (file := parse_file(name, day))]
        return files, [name for name in names if leftover_of(name) is not None]

    def put(self, kind: str, file: ArchiveFile, content: memoryview) -> None:
        """Write a file, whole or not at all; one that is there already stays as it is.

        Raises:
            ArchiveAwayError: If it is not known to be there.
        """
        self.require()
        path = f"{kind}/{file.path}"
        with self._asking("written"):
            # Of the same range, so it holds the same messages; a reader may be at it.
            if self._files.exists(self._at(path)):
                return
            self._write(path, content)
        # A mount may have gone after the first look, and what stood in its place has taken the file.
        self.require()
        with self._asking("written"):
            if not self._files.exists(self._at(path)):
                raise ArchiveAwayError(f"archive {self.url} went away while {path} was put; see to FRAUD_ARCHIVE_URL")

    def open(self, kind: str, file: ArchiveFile) -> Any:
        """Open a file to be read.

        Raises:
            ArchiveAwayError: If it cannot be.
        """
        with self._asking("read"):
            return self._files.open(self._at(f"{kind}/{file.path}"), "rb")

    def clean(self, kind: str, day: date, leftovers: Iterable[str]) -> None:
        """Take leftovers away.

        Raises:
            ArchiveAwayError: If the file system does not answer.
        """
        with self._asking("cleaned"):
            for name in leftovers:
                with suppress(FileNotFoundError):  # a sibling was quicker
                    self._files.rm_file(self._at(f"{kind}/{folder(day)}/{name}"))

    def _names(self, path: str) -> list[str]:
        with self._asking("listed"):
            self._files.invalidate_cache(self._at(path))
            try:
                found = self._files.ls(self._at(path), detail=False)
            except FileNotFoundError:
                return []
        return [each.rstrip("/").rpartition("/")[2] for each in found]

    def _write(self, path: str, content: bytes | memoryview) -> None:
        target = self._at(path)
        parent, _, name = target.rpartition("/")
        if self._puts_whole:  # and has no folders, whose making could make a bucket
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
                os.replace(temporary, target)  # noqa: PTH105 - paths are the file system's, texts
                _keep_names(parent)
            else:
                self._files.mv(temporary, target)
        except BaseException:
            with suppress(Exception):
                self._files.rm_file(temporary)
            raise

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except ArchiveError:
            raise
        except Exception as error:  # every file system raises its own errors
            text = " ".join(str(error).split()) or type(error).__name__
            raise ArchiveAwayError(f"archive {self.url} cannot be {what} ({text}); see to FRAUD_ARCHIVE_URL") from error


def _keep_names(directory: str) -> None:
    """Make a file's name, and that of its folder, outlive a power failure."""
    for each in (directory, os.path.dirname(directory)):  # noqa: PTH120 - likewise
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
