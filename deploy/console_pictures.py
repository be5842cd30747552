"""Pictures of the console for docs/: `python -m deploy.console_pictures`, with real transactions and models.

Needs a Chromium (Debian: chromium). Everything it starts ends with it.
"""

import contextlib
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, sync_playwright

from deploy.demo.prepare import Prepared, prepare
from deploy.observe.installed import find, missing
from schemas.errors import FraudError
from stream.bench.load import send
from stream.kafka.broker import LocalBroker
from stream.kafka.owned_process import OwnedProcess
from stream.kafka.ports import free_port
from stream.kafka.topics import create_topics
from stream.settings import PREFIX, Settings
from training.registry.roles import publish

DOCS = Path(__file__).parents[1] / "docs"
#: Transactions that are seen, a second: some windows of drift, and some alerts.
SHOWN, RATE = 25_000, 1_000
#: Messages that become dead letters.
BROKEN = [("a", b"{"), ("b", b'{"transaction_id": "7"}')]
READY_S = 60.0


def main() -> None:
    """Start everything, let traffic pass, take the pictures."""
    prepared = prepare()
    with tempfile.TemporaryDirectory(prefix="fraud-pictures-") as directory, contextlib.ExitStack() as running:
        scratch = Path(directory)
        broker = running.enter_context(LocalBroker(scratch / "kafka"))
        settings = Settings(
            bootstrap=broker.bootstrap,
            bundle_store=prepared.roles.store,
            web_port=free_port(),
            http_port=free_port(),
        )
        create_topics(settings)
        publish(prepared.roles, settings, "baseline")
        running.enter_context(_program("worker", settings, settings.web_port, scratch))
        running.enter_context(_program("http", settings, settings.http_port, scratch))
        _take(prepared, settings)


def _take(prepared: Prepared, settings: Settings) -> None:
    chromium = find("chromium")
    if chromium is None:
        raise FraudError(missing("chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        send(settings, BROKEN)
        send(settings, prepared.messages[:SHOWN], RATE)
        time.sleep(3)
        url = f"http://127.0.0.1:{settings.http_port}/"
        _picture(browser, url, "console-light.png", width=1200, height=1500, dark=False)
        _picture(browser, url, "console-dark-phone.png", width=390, height=1100, dark=True)
        browser.close()


def _picture(browser: Browser, url: str, name: str, *, width: int, height: int, dark: bool) -> None:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
    page.goto(url)
    page.locator("#alerts li").first.wait_for()
    page.locator("#drift tr").first.wait_for()
    page.screenshot(path=DOCS / name)
    page.close()


@contextlib.contextmanager
def _program(name: str, settings: Settings, port: int, scratch: Path) -> Iterator[None]:
    given = {f"{PREFIX}{key.upper()}": str(value) for key, value in msgspec.to_builtins(settings).items()}
    log = scratch / f"{name}.log"
    process = OwnedProcess([sys.executable, "-m", "stream.cli", name], log, os.environ | given)
    try:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and process.returncode is None:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1),
            ):
                break
            time.sleep(0.1)
        else:
            raise FraudError(f"{name} did not get ready: {log.read_text()[-500:]}")
        yield
    finally:
        process.stop(READY_S)


if __name__ == "__main__":
    main()
