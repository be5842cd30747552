"""API keys: who may do what, from a file that may change while we run.

The file is a JSON list of `ApiKey`. It holds SHA-256 digests, no keys: a key is 256 random bits, so that there is
nothing to guess and a slow hash would buy nothing. `fraud-stream http-key` makes one.
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

#: predict: ask for decisions. read: models and the console. label: say what became of an alert. metrics: /metrics.
Scope = Literal["predict", "read", "label", "metrics"]
SCOPES: tuple[Scope, ...] = ("predict", "read", "label", "metrics")
#: Seconds between two looks at the file.
LOOK_S = 1.0
#: The stamp of a file that was not looked at.
NEVER = (0, 0, 0)
#: A key begins so, for whoever finds one where it should not be.
PREFIX = "frk_"


class ApiKey(msgspec.Struct, frozen=True):
    """A key's holder."""

    #: Whoever holds it; stands in labels and logs.
    name: Identifier
    sha256: Sha256
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)]


def make_key(name: str, scopes: tuple[Scope, ...]) -> tuple[str, ApiKey]:
    """Return a new key, to be told once, and what is kept of it.

    Raises:
        SettingsError: If the name is empty or too long.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    kept = {"name": name, "sha256": _digest(key), "scopes": scopes}
    try:
        return key, msgspec.convert(kept, ApiKey)
    except msgspec.ValidationError as error:
        raise SettingsError(f"no name for a key's holder: {error}; take 1 to 128 characters") from None


def read_keys(path: Path) -> list[ApiKey]:
    """Read a file of keys.

    Raises:
        SettingsError: If it cannot be read, or is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[ApiKey])
    except OSError as error:
        raise SettingsError(f"FRAUD_HTTP_KEYS={path}: {error.strerror}; make it with `fraud-stream http-key`") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"FRAUD_HTTP_KEYS={path} is no list of keys: {error}") from None


def add_key(path: Path, key: ApiKey) -> None:
    """Write a key into a file, whether or not there is one yet; nobody reads half of it, two at once lose none.

    Raises:
        SettingsError: If it holds something else, or cannot be written.
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
        raise SettingsError(f"{path} cannot be written ({error.strerror}); name another --file") from error


class Keys:
    """The keys in a file, as it stands now.

    Args:
        path: The file.

    Raises:
        SettingsError: If it cannot be read. Once it could, a later file that cannot is logged, and the keys stay.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._unreadable = ""
        self._holders = {key.sha256: key for key in read_keys(path)}
        self._next_look = time.monotonic() + LOOK_S

    def holder(self, key: str) -> ApiKey | None:
        """Return who holds a key, None where nobody does (any more)."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_S
            self._look()
        return self._holders.get(_digest(key))

    def _look(self) -> None:
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._holders = {key.sha256: key for key in read_keys(self._path)}
        except SettingsError as error:
            if str(error) != self._unreadable:
                log.error("%s; the keys until now stay", error)  # noqa: TRY400 - the sentence says it all
            self._unreadable = str(error)
            self._seen = NEVER  # what mends it, a chmod say, may leave no other trace
        else:
            self._unreadable = ""
            log.info("%d keys are in use", len(self._holders))

    def _stamp(self) -> tuple[int, int, int]:
        try:
            stat = self._path.stat()
        except OSError:
            return NEVER
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
