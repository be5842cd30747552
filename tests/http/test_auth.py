"""Authorisation: API keys with scopes, added and removed while the edge runs; browser sessions; other sites' pages."""

import json
import os
import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from schemas.errors import SettingsError
from stream.http import auth as auth_module
from stream.http.api_keys import ApiKey, ApiKeyFile, Scope, add_key, make_key, read_keys
from stream.http.auth import Auth
from stream.http.tls import require_tls
from stream.settings import Settings
from tests.support.command import run
from tests.support.http_process import HttpProcess
from tests.support.traffic import transaction
from tests.support.until import until


def bearer(key: str) -> dict[str, str]:
    """Return the headers of a JSON request with an API key."""
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def test_keys_and_scopes_are_enforced_and_reloaded(
    make_http_settings: Callable[..., Settings], start_edge: Callable[[Settings], HttpProcess], tmp_path: Path
) -> None:
    """Requests get 401 without a key and 403 without the scope; key changes take effect within a second or two."""
    path = tmp_path / "keys.json"
    shop, shop_entry = make_key("shop", ("predict",))
    add_key(path, shop_entry)
    edge = start_edge(make_http_settings(http_keys=str(path)))

    def status(address: str, key: str = "") -> int:
        headers = bearer(key) if key else {}
        return edge.client.get(address, headers=headers).status_code

    assert edge.client.post("/predict", content=transaction(1), headers=bearer(shop)).is_success
    assert edge.predict(transaction(2)).status_code == 401
    assert edge.predict(transaction(2)).headers["www-authenticate"] == "Bearer"
    assert (status("/model", shop), status("/models", shop), status("/metrics", shop)) == (200, 403, 403)
    assert (status("/model", "frk_wrong"), status("/healthz"), status("/readyz")) == (401, 200, 200)
    ada, ada_entry = make_key("ada", ("read", "metrics"))
    add_key(path, ada_entry)
    until(lambda: status("/models", ada) == 200)
    assert status("/metrics", ada) == 200
    path.write_text(json.dumps([json.loads(path.read_text())[1]]))
    until(lambda: status("/model", shop) == 401)
    path.write_text("[broken")
    until(lambda: status("/models", ada) == 200 and "the previous API keys stay valid" in edge.last_lines())


def test_an_unreadable_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable key file is read again even if the fix, such as a chmod, does not change its time or size."""
    monkeypatch.setattr("stream.http.api_keys.CHECK_INTERVAL_S", 0.0)
    path = tmp_path / "keys.json"
    (old, old_entry), (new, new_entry) = make_key("ada", ("read",)), make_key("bob", ("read",))
    add_key(path, old_entry)
    keys = ApiKeyFile(path)
    path.write_bytes(msgspec.json.encode([new_entry])[::-1])
    assert keys.find(old) is not None
    stamp = path.stat().st_mtime_ns
    path.write_bytes(msgspec.json.encode([new_entry]))
    os.utime(path, ns=(stamp, stamp))
    assert keys.find(old) is None
    assert keys.find(new) is not None


def test_a_key_file_that_is_removed_or_empty_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the file is being replaced, the previous keys stay valid. A start without the file is an error."""
    monkeypatch.setattr("stream.http.api_keys.CHECK_INTERVAL_S", 0.0)
    path = tmp_path / "keys.json"
    key, entry = make_key("ada", ("read",))
    add_key(path, entry)
    keys = ApiKeyFile(path)
    path.unlink()
    assert keys.find(key) is not None
    with pytest.raises(SettingsError, match=r"No such file or directory; create it with `fraud-stream http-key`"):
        ApiKeyFile(path)


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_key_needs_a_name(name: str) -> None:
    """Labels and logs name the key, so each key has a name that fits."""
    with pytest.raises(SettingsError, match="use 1 to 128 characters"):
        make_key(name, ("read",))


def test_the_oldest_browser_session_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of sessions is bounded; the users of the oldest must log in again."""
    monkeypatch.setattr(auth_module, "SESSIONS_MAX", 2)
    key, entry = make_key("ada", ("read",))
    add_key(tmp_path / "keys.json", entry)
    auth = Auth(Settings().replace(http_keys=str(tmp_path / "keys.json")).http)
    tokens = [auth.log_in(key) for _ in range(3)]
    cookies = [{"cookie": f"{auth_module.COOKIE}={token}"} for token in tokens]
    requests = [Request({"type": "http", "headers": Headers(each).raw}) for each in cookies]
    assert [auth.session(each) is not None for each in requests] == [False, True, True]


def test_a_public_address_requires_keys(make_settings: Callable[..., Settings]) -> None:
    """Without keys, an edge that other machines can reach does not start."""
    settings = make_settings(kafka_bootstrap="127.0.0.1:1", http_host="0.0.0.0")  # noqa: S104 - this is the test
    with pytest.raises(SettingsError, match="FRAUD_HTTP_KEYS"):
        Auth(settings.http)


def test_other_sites_pages_are_rejected(edge: HttpProcess) -> None:
    """Without keys, a foreign Host header (DNS rebinding) gets 403, and a form's content type gets 415."""
    json_from_elsewhere = {"Host": "evil.example", "Content-Type": "application/json"}
    foreign = edge.client.post("/predict", content=transaction(1), headers=json_from_elsewhere)
    form = edge.client.post("/predict", content=transaction(1), headers={"Content-Type": "text/plain"})
    assert (foreign.status_code, form.status_code) == (403, 415)


def test_a_key_is_shown_once(tmp_path: Path) -> None:
    """A key is printed once, by the command that adds it; the file has only a digest and only its owner can read it."""
    path = tmp_path / "keys.json"
    done = run("http-key", "shop", "--scope", "predict", "--file", str(path))
    key = done.stdout.strip()
    assert key.startswith("frk_")
    assert key not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    entry = ApiKeyFile(path).find(key)
    assert entry is not None
    assert (entry.name, entry.scopes) == ("shop", ("predict",))


@pytest.mark.parametrize("text", ["", "{}", '[{"name": "a"}]', '[{"name": "a", "sha256": "x", "scopes": ["predict"]}]'])
def test_an_invalid_key_file_is_an_error(tmp_path: Path, text: str) -> None:
    """The error for an invalid key file names the setting."""
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="FRAUD_HTTP_KEYS"):
        read_keys(path)


def test_concurrent_additions_lose_no_key(tmp_path: Path) -> None:
    """Keys added concurrently are all kept, and a key file that cannot be written causes an error."""
    path = tmp_path / "keys.json"
    names = [f"holder-{i}" for i in range(16)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: add_key(path, make_key(name, ("read",))[1]), names))
    assert sorted(key.name for key in read_keys(path)) == sorted(names)
    with pytest.raises(SettingsError, match="cannot be written"):
        add_key(tmp_path / "no-such-folder" / "keys.json", make_key("ada", ("read",))[1])


def test_a_browser_session_needs_its_csrf_token(
    make_http_settings: Callable[..., Settings], start_edge: Callable[[Settings], HttpProcess], tmp_path: Path
) -> None:
    """Scripts cannot read the session cookie, changes require the CSRF token, and removing the key ends the session."""
    path = tmp_path / "keys.json"
    scopes: tuple[Scope, ...] = ("read", "label")
    key, entry = make_key("ada", scopes)
    add_key(path, entry)
    edge = start_edge(make_http_settings(http_keys=str(path)))
    with httpx.Client(base_url=edge.client.base_url) as browser:
        assert browser.post("/console/session", json={"key": "frk_wrong"}).status_code == 401
        cookie = browser.post("/console/session", json={"key": key}).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        csrf = browser.get("/console/session").json()["csrf"]
        label = {"transaction_id": "t1", "fraud": True}
        assert browser.post("/labels", json=label).status_code == 403
        assert browser.post("/labels", json=label, headers={"X-CSRF-Token": csrf}).status_code == 202
        path.write_text("[]")
        until(lambda: browser.get("/console/session").status_code == 401)


def test_an_entry_does_not_contain_its_key() -> None:
    """An entry in the key file contains a digest instead of the key."""
    key, entry = make_key("shop", ("predict",))
    assert isinstance(entry, ApiKey)
    assert key not in repr(entry)


def test_tls_replaces_plain_http(make_http_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """An edge with a certificate accepts TLS connections only."""
    certificate, key = tmp_path / "edge.pem", tmp_path / "edge.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    settings = make_http_settings(http_tls_certificate=str(certificate), http_tls_key=str(key))
    edge = HttpProcess(settings, tmp_path)
    with edge, httpx.Client(verify=ssl.create_default_context(cafile=str(certificate))) as client:
        url = f"https://127.0.0.1:{settings.http.port}/predict"

        def succeeds() -> bool:
            try:
                headers = {"Content-Type": "application/json"}
                return client.post(url, content=transaction(1), headers=headers).is_success
            except httpx.TransportError:
                return False

        until(succeeds, timeout=30)
        with pytest.raises(httpx.TransportError):
            edge.client.get("/healthz")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"http_tls_certificate": "edge.pem"}, "set both"),
        ({"http_tls_certificate": "nowhere.pem", "http_tls_key": "nowhere.key"}, "No such file"),
    ],
)
def test_unusable_tls_files_are_an_error(
    make_settings: Callable[..., Settings], overrides: dict[str, str], message: str
) -> None:
    """The error for unusable TLS files says how to fix the settings."""
    with pytest.raises(SettingsError, match=message):
        require_tls(make_settings(kafka_bootstrap="127.0.0.1:1", **overrides).http)
