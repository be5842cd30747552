"""Who asks, and whether they may: by API key, or by the session of a browser that gave one.

Without a file of keys everybody may everything; the server then listens on this machine alone, and answers only to
the names of this machine, so that no foreign page can talk to it by way of a browser.
"""

import functools
import ipaddress
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from schemas.errors import SettingsError
from stream.http.errors import HttpError
from stream.http.keys import SCOPES, ApiKey, Keys, Scope
from stream.settings import Settings

_PORT = re.compile(r":\d+\Z")
COOKIE = "fraud_session"
CSRF_HEADER = "x-csrf-token"
#: Seconds after which a browser's session ends.
SESSION_S = 12 * 3600.0
#: Sessions at once; the oldest end first.
SESSIONS_MAX = 1000
#: Who asks where there are no keys.
ANYBODY = ApiKey("anybody", "0" * 64, SCOPES)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that gave a key.

    Attributes:
        csrf: What its page sends along with what it changes: no other site's page can know it.
    """

    key: str
    csrf: str
    ends: float


@functools.lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself; an IPv6 address may stand in brackets."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Access:
    """Decides who may do what.

    Args:
        settings: File of keys, address.

    Raises:
        SettingsError: If the keys cannot be read; or there are none, and other machines could ask.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.http.keys and not is_loopback(settings.http.host):
            raise SettingsError(
                f"{settings.http.host} is open to other machines, and there are no keys; make one with "
                "`fraud-stream http-key` and set FRAUD_HTTP_KEYS, or set FRAUD_HTTP_HOST=127.0.0.1"
            )
        self._keys = Keys(Path(settings.http.keys)) if settings.http.keys else None
        self._sessions: dict[str, Session] = {}

    @property
    def open(self) -> bool:
        """Whether no key is wanted."""
        return self._keys is None

    def require(self, request: Request, scope: Scope) -> ApiKey:
        """Return who asks.

        Raises:
            HttpError: 401 without a key that is known, 403 without the scope, or for a change that a page of ours did
                not ask for.
        """
        holder = self._holder(request)
        if scope not in holder.scopes:
            raise HttpError(403, f"the key of {holder.name} has no scope {scope}; ask for one that has")
        return holder

    def log_in(self, key: str) -> str:
        """Begin a browser's session; return its token.

        Raises:
            HttpError: If the key is not known.
        """
        self._known(key)
        now = time.monotonic()
        self._sessions = {token: each for token, each in self._sessions.items() if each.ends > now}
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        token = secrets.token_urlsafe(32)
        self._sessions[token] = Session(key, secrets.token_urlsafe(32), now + SESSION_S)
        return token

    def log_out(self, request: Request) -> None:
        """End a browser's session."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)

    def session(self, request: Request) -> Session | None:
        """Return the session that a request belongs to."""
        found = self._sessions.get(request.cookies.get(COOKIE, ""))
        return found if found is not None and found.ends > time.monotonic() else None

    def _holder(self, request: Request) -> ApiKey:
        if self._keys is None:
            if not is_loopback(_PORT.sub("", request.headers.get("host", ""))):
                raise HttpError(403, "this server is called 127.0.0.1 or localhost; ask for it by one of these")
            return ANYBODY
        word, _, key = request.headers.get("authorization", "").partition(" ")
        if word.lower() == "bearer" and key:
            return self._known(key.strip())
        session = self.session(request)
        if session is None:
            raise HttpError(401, "send a key: Authorization: Bearer frk_…; `fraud-stream http-key` makes one")
        if request.method not in {"GET", "HEAD"} and not secrets.compare_digest(
            request.headers.get(CSRF_HEADER, "").encode(), session.csrf.encode()
        ):
            raise HttpError(403, f"a browser's change wants the page's own {CSRF_HEADER}; load the page anew")
        return self._known(session.key)

    def _known(self, key: str) -> ApiKey:
        holder = self._keys.holder(key) if self._keys is not None else ANYBODY
        if holder is None:
            raise HttpError(401, "this key is not known (any more); ask whoever runs this server for one")
        return holder
