"""Screenshots of the console for README and docs/: `python -m deploy.console_pictures`, in six minutes.

Everything in the pictures is real: the test transactions of the demo, at the pace of their event times but faster, on a
real Kafka with real models. Requires Chromium and the font Inter (Debian: chromium, fonts-inter). All programs that the
script starts are stopped when it ends.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from playwright.sync_api import Browser, sync_playwright

from deploy.demo.prepare import Prepared, prepare
from deploy.observe.installed import find, not_installed
from deploy.observe.programs import make_stack, settings_for
from schemas.errors import FraudError
from stream.kafka.load_generator import Message, send_transactions
from stream.local.broker import LocalBroker
from stream.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"
#: Seconds of traffic: the whole time axis of the console's chart, and a little more.
TRAFFIC_S = 320
#: Invalid messages to send, which become dead letters.
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
        _send_at_pace(settings, prepared.messages)
        url = f"http://127.0.0.1:{settings.http.port}/"
        _screenshot(browser, url, "console-light.png", width=1440, height=1146, dark=False)
        _screenshot(browser, url, "console-dark-phone.png", width=390, height=1180, dark=True)
        browser.close()


def _send_at_pace(settings: Settings, messages: Sequence[Message]) -> None:
    """Send all transactions in TRAFFIC_S seconds, in proportion to their event times."""
    times = np.array([msgspec.json.decode(value)["event_time_ms"] for _, value in messages])
    ends = np.searchsorted(times, np.linspace(times[0], times[-1], TRAFFIC_S + 1)[1:], side="right")
    began_s, start = time.monotonic(), 0
    for second, end in enumerate(ends, 1):
        if part := messages[start:end]:
            send_transactions(settings.kafka, settings.topic.transactions, part, len(part))
        start = end
        time.sleep(max(0.0, began_s + second - time.monotonic()))


def _screenshot(browser: Browser, url: str, name: str, *, width: int, height: int, dark: bool) -> None:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
    page.goto(url)
    page.locator("#alerts > li").first.wait_for()
    page.locator("#drift > li").first.wait_for()
    page.screenshot(path=DOCS / name)
    page.close()


if __name__ == "__main__":
    main()
