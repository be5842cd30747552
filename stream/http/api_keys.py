"""API keys and their scopes, read from a file that may change while the edge runs.

The file is a JSON list of `ApiKey`. It contains SHA-256 digests instead of keys. A key is 256 random bits, which cannot
be guessed, so a slow password hash would add no protection. `fraud-stream http-key` creates keys.
"""

import fcntl
import hashlib
import logging
import secrets
import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.errors import SettingsError
from schemas.messages import Identifier, Sha256

log = logging.getLogger(__name__)

#: predict: request decisions. read: see the models and the console. label: label alerts. metrics: read /metrics.
Scope = Literal["predict", "read", "label", "metrics"]
SCOPES: tuple[Scope, ...] = ("predict", "read", "label", "metrics")
#: Seconds between checks for changes to the file.
CHECK_INTERVAL_S = 1.0
#: Stamp that stands for a file that has not been read yet.
NO_STAMP = (0, 0, 0)
#: Prefix of every key, so that secret scanners and people recognise a leaked one.
PREFIX = "frk_"


class ApiKey(msgspec.Struct, frozen=True):
    """The entry for one API key in the file. It does not contain the key itself."""

    #: Name of the key's holder, for labels and logs.
    name: Identifier
    sha256: Sha256
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)]


def make_key(name: str, scopes: tuple[Scope, ...]) -> tuple[str, ApiKey]:
    """Return a new key and its entry for the file. The key cannot be recovered from the entry.

    Raises:
        SettingsError: If the name is empty or too long.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    entry = {"name": name, "sha256": _digest(key), "scopes": scopes}
    try:
        return key, msgspec.convert(entry, ApiKey)
    except msgspec.ValidationError as error:
        raise SettingsError(f"the name of an API key is invalid: {error}; use 1 to 128 characters") from None


def read_keys(path: Path) -> list[ApiKey]:
    """Return the entries of a file of API keys.

    Raises:
        SettingsError: If the file cannot be read, or is not a list of API keys.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[ApiKey])
    except OSError as error:
        raise SettingsError(
            f"FRAUD_HTTP_KEYS={path}: {error.strerror}; create it with `fraud-stream http-key`"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"FRAUD_HTTP_KEYS={path} is not a list of API keys ({error}); recreate it with `fraud-stream http-key`"
        ) from None


def add_key(path: Path, key: ApiKey) -> None:
    """Add the entry of a key to a file of API keys, and create the file if it does not exist.

    The file is replaced atomically, under a lock, so concurrent calls do not lose keys.

    Raises:
        SettingsError: If the file cannot be written, or contains anything other than a list of API keys.
    """
    draft = path.with_name(path.name + ".new")
    try:
        with path.with_name(path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = [*(read_keys(path) if path.exists() else []), key]
            draft.touch(mode=0o600)
            draft.write_bytes(msgspec.json.format(msgspec.json.encode(keys)) + b"\n")
            draft.replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}); choose another --file") from error


class ApiKeyFile:
    """The API keys in a file, reloaded when the file changes.

    If a changed file cannot be read, the error is logged and the previous keys stay valid.

    Args:
        path: File of API keys.

    Raises:
        SettingsError: If the file cannot be read when this object is created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loaded_stamp = self._stamp()
        self._last_error = ""
        self._keys = {key.sha256: key for key in read_keys(path)}
        self._next_check = time.monotonic() + CHECK_INTERVAL_S

    def find(self, key: str) -> ApiKey | None:
        """Return the entry of an API key; None if the key is unknown or was removed."""
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + CHECK_INTERVAL_S
            self._reload_if_changed()
        return self._keys.get(_digest(key))

    def _reload_if_changed(self) -> None:
        stamp = self._stamp()
        if stamp == self._loaded_stamp:
            return
        self._loaded_stamp = stamp
        try:
            self._keys = {key.sha256: key for key in read_keys(self._path)}
        except SettingsError as error:
            if str(error) != self._last_error:
                log.error("%s; the previous API keys stay valid", error)  # noqa: TRY400 - the text is complete
            self._last_error = str(error)
            self._loaded_stamp = NO_STAMP  # read again even if the fix, such as a chmod, does not change the stamp
        else:
            self._last_error = ""
            log.info("loaded %d API keys", len(self._keys))

    def _stamp(self) -> tuple[int, int, int]:
        try:
            stat = self._path.stat()
        except OSError:
            return NO_STAMP
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
