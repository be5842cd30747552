"""Authorisation of requests by an API key, or by a browser session that was opened with an API key.

Without a file of API keys, every request is authorised. The server then listens only on a loopback address and accepts
only this machine's names as Host, so that no page from another site can reach the server through a browser.
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
from stream.http.api_keys import SCOPES, ApiKey, ApiKeyFile, Scope
from stream.http.errors import HttpError
from stream.settings import HttpSettings

_PORT = re.compile(r":\d+\Z")
COOKIE = "fraud_session"
CSRF_HEADER = "x-csrf-token"
#: Seconds after which a browser session expires.
SESSION_S = 12 * 3600.0
#: Maximum number of browser sessions; the oldest are closed first.
SESSIONS_MAX = 1000
#: Stands for the API key of every request while no keys are configured.
ANONYMOUS = ApiKey("anonymous", "0" * 64, SCOPES)


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A session that a browser opened with an API key.

    Attributes:
        key: Entry of the API key that opened the session.
        csrf: Token that the page sends with every change. Pages from other sites cannot read the token.
        expires_s: `time.monotonic()` at which the session expires.
    """

    key: str
    csrf: str
    expires_s: float


@functools.lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Return whether a host name or address is a loopback address. IPv6 addresses may be in brackets."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Auth:
    """Authorises requests by API key or browser session.

    Args:
        http: Settings with the file of API keys and the server's address.

    Raises:
        SettingsError: If the API keys cannot be read, or there are no keys and the address is not a loopback address.
    """

    def __init__(self, http: HttpSettings) -> None:
        if not http.keys and not is_loopback(http.host):
            raise SettingsError(
                f"{http.host} accepts requests from other machines, so API keys are required; create one with "
                "`fraud-stream http-key` and set FRAUD_HTTP_KEYS, or set FRAUD_HTTP_HOST=127.0.0.1"
            )
        self._keys = ApiKeyFile(Path(http.keys)) if http.keys else None
        self._sessions: dict[str, BrowserSession] = {}

    def authorise(self, request: Request, scope: Scope) -> ApiKey:
        """Return the entry of the API key that authorises a request.

        Raises:
            HttpError: 401 without a valid key; 403 if the key lacks the scope, or if a browser session sends a change
                without its CSRF token.
        """
        key = self._authenticate(request)
        if scope not in key.scopes:
            raise HttpError(403, f"the API key of {key.name} lacks the scope {scope}; use a key with this scope")
        return key

    def log_in(self, key: str) -> str:
        """Open a browser session for an API key, and return the session's token.

        Raises:
            HttpError: 401 if the key is unknown.
        """
        self._require_key(key)
        now = time.monotonic()
        self._sessions = {token: each for token, each in self._sessions.items() if each.expires_s > now}
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        token = secrets.token_urlsafe(32)
        self._sessions[token] = BrowserSession(key, secrets.token_urlsafe(32), now + SESSION_S)
        return token

    def log_out(self, request: Request) -> None:
        """Close the browser session of a request."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)

    def session(self, request: Request) -> BrowserSession | None:
        """Return the browser session of a request; None if the request has no session or the session has expired."""
        session = self._sessions.get(request.cookies.get(COOKIE, ""))
        return session if session is not None and session.expires_s > time.monotonic() else None

    def _authenticate(self, request: Request) -> ApiKey:
        if self._keys is None:
            if not is_loopback(_PORT.sub("", request.headers.get("host", ""))):
                raise HttpError(403, "without API keys, the Host header must be 127.0.0.1 or localhost")
            return ANONYMOUS
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key:
            return self._require_key(key.strip())
        session = self.session(request)
        if session is None:
            raise HttpError(401, "send an API key: Authorization: Bearer frk_…; `fraud-stream http-key` creates one")
        if request.method not in {"GET", "HEAD"} and not secrets.compare_digest(
            request.headers.get(CSRF_HEADER, "").encode(), session.csrf.encode()
        ):
            raise HttpError(403, f"a change from a browser must carry the page's {CSRF_HEADER}; reload the page")
        return self._require_key(session.key)

    def _require_key(self, key: str) -> ApiKey:
        entry = self._keys.find(key) if self._keys is not None else ANONYMOUS
        if entry is None:
            raise HttpError(
                401, "this API key is unknown or was removed; ask the operator of this server for a new one"
            )
        return entry
