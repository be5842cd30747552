"""Screenshots of the console for docs/: `python -m deploy.console_pictures`, with real transactions and models.

Requires Chromium (Debian: chromium). All programs that the script starts are stopped when it ends.
"""

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from deploy.demo.prepare import Prepared, prepare
from deploy.observe.installed import find, not_installed
from deploy.observe.programs import make_stack, settings_for
from schemas.errors import FraudError
from stream.kafka.load_generator import send_transactions
from stream.local.broker import LocalBroker
from stream.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"
#: Number of transactions (enough for a few drift windows and alerts), and transactions per second.
TRANSACTIONS, RATE = 25_000, 1_000
#: Number of invalid messages to send, which become dead letters.
BROKEN = [("a", b"{"), ("b", b'{"transaction_id": "7"}')]


def main() -> None:
    """Start everything, send traffic and take the screenshots."""
    prepared = prepare()
    with tempfile.TemporaryDirectory(prefix="fraud-pictures-") as directory:
        scratch = Path(directory)
        broker = LocalBroker(scratch / "kafka")
        settings = settings_for(prepared.roles, broker, scratch)
        with make_stack(settings, prepared.roles, broker, scratch, lambda _: None):
            _take_screenshots(prepared, settings)


def _take_screenshots(prepared: Prepared, settings: Settings) -> None:
    chromium = find("chromium")
    if chromium is None:
        raise FraudError(not_installed("chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        send_transactions(settings.kafka, settings.topic.transactions, BROKEN)
        send_transactions(settings.kafka, settings.topic.transactions, prepared.messages[:TRANSACTIONS], RATE)
        time.sleep(3)
        url = f"http://127.0.0.1:{settings.http.port}/"
        _screenshot(browser, url, "console-light.png", width=1200, height=1500, dark=False)
        _screenshot(browser, url, "console-dark-phone.png", width=390, height=1100, dark=True)
        browser.close()


def _screenshot(browser: Browser, url: str, name: str, *, width: int, height: int, dark: bool) -> None:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
    page.goto(url)
    page.locator("#alerts li").first.wait_for()
    page.locator("#drift tr").first.wait_for()
    page.screenshot(path=DOCS / name)
    page.close()


if __name__ == "__main__":
    main()
