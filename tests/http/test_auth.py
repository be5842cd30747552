"""Who may do what: keys with scopes, taken up and taken away while the edge runs; and pages of other sites."""

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

from schemas.errors import SettingsError
from stream.http.auth import Access
from stream.http.keys import ApiKey, Keys, Scope, add_key, make_key, read_keys
from stream.http.tls import require_tls
from stream.settings import Settings
from tests.support.command import run
from tests.support.http_process import HttpProcess
from tests.support.traffic import transaction
from tests.support.until import until


def bearer(key: str) -> dict[str, str]:
    """Return the headers of whoever holds a key."""
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def test_keys_with_scopes_come_and_go(
    make_http_settings: Callable[..., Settings], start_edge: Callable[[Settings], HttpProcess], tmp_path: Path
) -> None:
    """401 without, 403 without the scope; a new key works within a second or two, a removed one no more."""
    path = tmp_path / "keys.json"
    shop, kept = make_key("shop", ("predict",))
    add_key(path, kept)
    edge = start_edge(make_http_settings(http_keys=str(path)))

    def status(address: str, key: str = "") -> int:
        headers = bearer(key) if key else {}
        return edge.client.get(address, headers=headers).status_code

    assert edge.client.post("/predict", content=transaction(1), headers=bearer(shop)).is_success
    assert edge.ask(transaction(2)).status_code == 401
    assert edge.ask(transaction(2)).headers["www-authenticate"] == "Bearer"
    assert (status("/model", shop), status("/models", shop), status("/metrics", shop)) == (200, 403, 403)
    assert (status("/model", "frk_wrong"), status("/healthz"), status("/readyz")) == (401, 200, 200)
    ada, further = make_key("ada", ("read", "metrics"))
    add_key(path, further)
    until(lambda: status("/models", ada) == 200)
    assert status("/metrics", ada) == 200
    path.write_text(json.dumps([json.loads(path.read_text())[1]]))
    until(lambda: status("/model", shop) == 401)
    path.write_text("[broken")
    until(lambda: status("/models", ada) == 200 and "the keys until now stay" in edge.last_lines())


def test_a_file_that_could_not_be_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What mends it, as a chmod does, may leave its time and size as they were."""
    monkeypatch.setattr("stream.http.keys.LOOK_S", 0.0)
    path = tmp_path / "keys.json"
    (old, kept_old), (new, kept_new) = make_key("ada", ("read",)), make_key("bob", ("read",))
    add_key(path, kept_old)
    keys = Keys(path)
    path.write_bytes(msgspec.json.encode([kept_new])[::-1])
    assert keys.holder(old) is not None
    stamp = path.stat().st_mtime_ns
    path.write_bytes(msgspec.json.encode([kept_new]))
    os.utime(path, ns=(stamp, stamp))
    assert keys.holder(old) is None
    assert keys.holder(new) is not None


def test_other_machines_want_keys(make_settings: Callable[..., Settings]) -> None:
    """Open to others without keys, it does not even start."""
    settings = make_settings(kafka_bootstrap="127.0.0.1:1", http_host="0.0.0.0")  # noqa: S104 - the very case
    with pytest.raises(SettingsError, match="FRAUD_HTTP_KEYS"):
        Access(settings)


def test_a_foreign_page_gets_nothing(edge: HttpProcess) -> None:
    """Without keys: neither under a name that a page made point here, nor with what forms can send."""
    json_from_elsewhere = {"Host": "evil.example", "Content-Type": "application/json"}
    foreign = edge.client.post("/predict", content=transaction(1), headers=json_from_elsewhere)
    form = edge.client.post("/predict", content=transaction(1), headers={"Content-Type": "text/plain"})
    assert (foreign.status_code, form.status_code) == (403, 415)


def test_a_key_is_seen_once(tmp_path: Path) -> None:
    """The command prints it; the file keeps a digest, and is nobody else's to read."""
    path = tmp_path / "keys.json"
    done = run("http-key", "shop", "--scope", "predict", "--file", str(path))
    key = done.stdout.strip()
    assert key.startswith("frk_")
    assert key not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    holder = Keys(path).holder(key)
    assert holder is not None
    assert (holder.name, holder.scopes) == ("shop", ("predict",))


@pytest.mark.parametrize("text", ["", "{}", '[{"name": "a"}]', '[{"name": "a", "sha256": "x", "scopes": ["predict"]}]'])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """One line that names the setting."""
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="FRAUD_HTTP_KEYS"):
        read_keys(path)


def test_keys_made_at_once_are_all_kept(tmp_path: Path) -> None:
    """Each command reads what the one before it wrote."""
    path = tmp_path / "keys.json"
    names = [f"holder-{i}" for i in range(16)]
    with ThreadPoolExecutor(8) as makers:
        list(makers.map(lambda name: add_key(path, make_key(name, ("read",))[1]), names))
    assert sorted(key.name for key in read_keys(path)) == sorted(names)
    with pytest.raises(SettingsError, match="cannot be written"):
        add_key(tmp_path / "no-such-folder" / "keys.json", make_key("ada", ("read",))[1])


def test_a_browser_s_session(
    make_http_settings: Callable[..., Settings], start_edge: Callable[[Settings], HttpProcess], tmp_path: Path
) -> None:
    """A cookie that scripts cannot read; changes want the page's own token as well; the key goes, the session goes."""
    path = tmp_path / "keys.json"
    scopes: tuple[Scope, ...] = ("read", "label")
    key, kept = make_key("ada", scopes)
    add_key(path, kept)
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


def test_api_keys_say_nothing_of_the_key() -> None:
    """What is kept is a digest."""
    key, kept = make_key("shop", ("predict",))
    assert isinstance(kept, ApiKey)
    assert key not in repr(kept)


def test_tls_by_setting(make_http_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """With a certificate it speaks TLS and nothing else."""
    certificate, key = tmp_path / "edge.pem", tmp_path / "edge.key"
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*asked, *names], check=True, capture_output=True)
    settings = make_http_settings(http_tls_certificate=str(certificate), http_tls_key=str(key))
    edge = HttpProcess(settings, tmp_path)
    with edge, httpx.Client(verify=ssl.create_default_context(cafile=str(certificate))) as client:
        url = f"https://127.0.0.1:{settings.http.port}/predict"

        def answered() -> bool:
            try:
                headers = {"Content-Type": "application/json"}
                return client.post(url, content=transaction(1), headers=headers).is_success
            except httpx.TransportError:
                return False

        until(answered, timeout=30)
        with pytest.raises(httpx.TransportError):
            edge.client.get("/healthz")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"http_tls_certificate": "edge.pem"}, "set both"),
        ({"http_tls_certificate": "nowhere.pem", "http_tls_key": "nowhere.key"}, "No such file"),
    ],
)
def test_tls_that_cannot_be_is_one_line(
    make_settings: Callable[..., Settings], given: dict[str, str], said: str
) -> None:
    """It names the settings."""
    with pytest.raises(SettingsError, match=said):
        require_tls(make_settings(kafka_bootstrap="127.0.0.1:1", **given))
