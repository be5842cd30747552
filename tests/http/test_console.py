"""The console in a real Chromium: live alerts, labels written to Kafka, and no markup from outside."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stream.control.role_changes import combine_changes, set_exploration
from stream.control.role_writer import change_roles
from stream.http.api_keys import Scope, add_key, make_key
from stream.settings import Settings
from tests.support.http_process import HttpProcess
from tests.support.tool import tool
from tests.support.topics import produce_all, read_all
from tests.support.traffic import send, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess

Start = Callable[[Settings], HttpProcess]
#: Features of a transaction that the champion of `publish_champion` declines.
DECLINED = {"V1": 3.0, "V2": 3.0, "V3": 3.0}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium: the browser at the path in CHROMIUM, or the system's."""
    path = os.environ.get("CHROMIUM") or tool("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, edge: HttpProcess) -> Iterator[Page]:
    """The console of an edge, connected. Any JavaScript error fails the test."""
    opened = browser.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    opened.goto(f"http://127.0.0.1:{edge.web_port}/")
    expect(opened.locator("#state")).to_have_text("live")
    yield opened
    opened.close()
    assert errors == []


def test_an_alert_appears_within_two_seconds_and_can_be_labelled(page: Page, edge: HttpProcess) -> None:
    """The alert of a prediction over HTTP appears on the page; it is labelled fraud, then relabelled legitimate."""
    began = time.monotonic()
    edge.predict(transaction(1, features=DECLINED, amount_minor=123_450))
    alert = page.locator("#alerts li").first
    expect(alert.locator(".verdict")).to_have_text("decline", timeout=5000)
    assert time.monotonic() - began < 2
    expect(alert.locator(".amount")).to_have_text("€1,234.50")
    expect(alert.locator(".reasons")).to_contain_text("V1")
    alert.get_by_role("button", name="Fraud: 1").click()
    expect(alert.locator(".label")).to_have_text("labelled fraud")
    alert.get_by_role("button", name="Legitimate: 1").click()
    expect(alert.locator(".label")).to_have_text("labelled legitimate")
    labels = [json.loads(m.value() or b"") for m in read_all(edge.settings.kafka.bootstrap, edge.settings.topic.labels)]
    assert [(each["transaction_id"], each["fraud"], each["source"]) for each in labels] == [
        ("1", True, "analyst"),
        ("1", False, "analyst"),
    ]


def test_outside_text_is_not_rendered_as_markup(page: Page, edge: HttpProcess) -> None:
    """A script in a transaction id or in a role change's note is shown as text and does not run."""
    script = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    edge.predict(transaction(1, transaction_id=script, features=DECLINED))
    change_roles(
        edge.settings.kafka, edge.settings.topic, combine_changes([set_exploration(None)]), author=script, note=script
    )
    expect(page.locator("#alerts li").first.locator(".id")).to_have_text(script)
    expect(page.locator("#roles li").first).to_contain_text(script)
    assert page.title() == "Fraud scorer"


def test_the_traffic_of_workers_is_shown(page: Page, edge: HttpProcess, tmp_path: Path) -> None:
    """The page shows the decision rate, models by role and dead letters of every program that decides."""
    settings = edge.settings
    with WorkerProcess(settings, tmp_path) as worker:
        worker.wait_ready()
        produce_all(settings.kafka.bootstrap, settings.topic.transactions, [(b"a", b"{"), (b"b", b"[]")])
        for first in range(0, 3000, 300):
            send(settings, 300, first)
            time.sleep(0.3)
        expect(page.locator("#dead-letters li")).to_have_count(2)
        expect(page.locator("#models tr")).to_have_count(2)
        expect(page.locator("#models")).to_contain_text("champion")
        until(lambda: page.locator("#rate").inner_text().strip("0,.").isdigit())
    expect(page.locator("#alerts li")).to_have_count(100)
    expect(page.locator("#p99")).to_contain_text("ms")


def test_small_screens_dark_mode_and_keyboards(browser: Browser, page: Page, edge: HttpProcess) -> None:
    """The page fits 360 pixels, follows the colour scheme, starts with a skip link, and names its buttons."""
    edge.predict(transaction(1, features=DECLINED))
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark", is_mobile=True)
    phone.goto(page.url)
    expect(phone.locator("#alerts li")).to_have_count(1)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert phone.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 22)"
    phone.close()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the alerts")).to_be_focused()
    unnamed = page.locator("button:not([aria-label])").all()
    assert all(each.inner_text() for each in unnamed if each.is_visible())


def test_users_log_in_with_a_key(
    browser: Browser,
    make_http_settings: Callable[..., Settings],
    start_edge: Start,
    tmp_path: Path,
) -> None:
    """A wrong key is rejected, a user whose key lacks the scope `label` sees no buttons, and logging out works."""
    path = tmp_path / "keys.json"
    scopes: tuple[Scope, ...] = ("predict", "read")
    key, entry = make_key("ada", scopes)
    add_key(path, entry)
    edge = start_edge(make_http_settings(http_keys=str(path)))
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{edge.web_port}/")
    page.get_by_label("API key").fill("frk_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#log-in-problem")).to_contain_text("unknown")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#state")).to_have_text("live")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    edge.client.post("/predict", content=transaction(1, features=DECLINED), headers=headers)
    expect(page.locator("#alerts li")).to_have_count(1)
    expect(page.locator("#alerts button")).to_have_count(2)
    assert not page.locator("#alerts button").first.is_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#log-in")).to_be_visible()
    page.close()
