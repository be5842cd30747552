"""Pictures of the console for docs/: `python -m deploy.console_pictures`, with real transactions and models.

Needs a Chromium (Debian: chromium). Everything it starts ends with it.
"""

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from deploy.demo.prepare import Prepared, prepare
from deploy.observe.installed import find, missing
from deploy.observe.programs import settings_for, stack
from schemas.errors import FraudError
from stream.kafka.load_generator import send_transactions
from stream.local.broker import LocalBroker
from stream.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"
#: Transactions that are seen, a second: some windows of drift, and some alerts.
SHOWN, RATE = 25_000, 1_000
#: Messages that become dead letters.
BROKEN = [("a", b"{"), ("b", b'{"transaction_id": "7"}')]


def main() -> None:
    """Start everything, let traffic pass, take the pictures."""
    prepared = prepare()
    with tempfile.TemporaryDirectory(prefix="fraud-pictures-") as directory:
        scratch = Path(directory)
        broker = LocalBroker(scratch / "kafka")
        settings = settings_for(prepared.roles, broker, scratch)
        with stack(settings, prepared.roles, broker, scratch, lambda _: None):
            _take(prepared, settings)


def _take(prepared: Prepared, settings: Settings) -> None:
    chromium = find("chromium")
    if chromium is None:
        raise FraudError(missing("chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        send_transactions(settings.kafka, settings.topic.transactions, BROKEN)
        send_transactions(settings.kafka, settings.topic.transactions, prepared.messages[:SHOWN], RATE)
        time.sleep(3)
        url = f"http://127.0.0.1:{settings.http.port}/"
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


if __name__ == "__main__":
    main()
