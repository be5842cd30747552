"""The page in a real Chromium: alerts as they come, labels on Kafka, and text that stays text."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from stream.http.keys import Scope, add_key, make_key

from stream.control.role_changes import combine_changes, set_exploration
from stream.control.role_writer import change_roles
from stream.settings import Settings
from tests.support.http_process import HttpProcess
from tests.support.tool import tool
from tests.support.topics import produce_all, read_all
from tests.support.traffic import send, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess

Start = Callable[[Settings], HttpProcess]
#: Features that the champion of `publish_champion` declines.
DECLINED = {"V1": 3.0, "V2": 3.0, "V3": 3.0}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names."""
    path = os.environ.get("CHROMIUM") or tool("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, edge: HttpProcess) -> Iterator[Page]:
    """The page of an edge, live; whatever it complains about fails the test."""
    opened = browser.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    opened.goto(f"http://127.0.0.1:{edge.web_port}/")
    expect(opened.locator("#state")).to_have_text("live")
    yield opened
    opened.close()
    assert complaints == []


def test_an_alert_is_seen_within_two_seconds_and_a_click_becomes_a_label(page: Page, edge: HttpProcess) -> None:
    """From the transaction over HTTP to the page; then "Fraud", then second thoughts."""
    began = time.monotonic()
    edge.ask(transaction(1, features=DECLINED, amount_minor=123_450))
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


def test_what_comes_from_outside_stays_text(page: Page, edge: HttpProcess) -> None:
    """A script in an id, in a role change's note and in a dead letter is shown and not run."""
    script = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    edge.ask(transaction(1, transaction_id=script, features=DECLINED))
    change_roles(edge.settings, combine_changes([set_exploration(None)]), author=script, note=script)
    expect(page.locator("#alerts li").first.locator(".id")).to_have_text(script)
    expect(page.locator("#roles li").first).to_contain_text(script)
    assert page.title() == "Fraud scorer"


def test_traffic_of_workers_is_shown(page: Page, edge: HttpProcess, tmp_path: Path) -> None:
    """Decisions a second, who plays, dead letters: of every program that decides."""
    settings = edge.settings
    with WorkerProcess(settings, tmp_path) as worker:
        worker.wait_ready()
        produce_all(settings.kafka.bootstrap, settings.topic.transactions, [(b"a", b"{"), (b"b", b"[]")])
        for first in range(0, 3000, 300):
            send(settings, 300, first)
            time.sleep(0.3)
        expect(page.locator("#letters li")).to_have_count(2)
        expect(page.locator("#players tr")).to_have_count(2)
        expect(page.locator("#players")).to_contain_text("champion")
        until(lambda: page.locator("#rate").inner_text().strip("0,.").isdigit())
    expect(page.locator("#alerts li")).to_have_count(100)
    expect(page.locator("#p99")).to_contain_text("ms")


def test_a_phone_a_dark_room_and_a_keyboard(browser: Browser, page: Page, edge: HttpProcess) -> None:
    """Nothing sticks out at 360 pixels; dark where asked for; the first key leads to the alerts; buttons are named."""
    edge.ask(transaction(1, features=DECLINED))
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark", is_mobile=True)
    phone.goto(page.url)
    expect(phone.locator("#alerts li")).to_have_count(1)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert phone.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 22)"
    phone.close()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the alerts")).to_be_focused()
    unnamed = page.locator("button:not([aria-label])").all()
    assert all(each.inner_text() for each in unnamed if each.is_visible())


def test_with_keys_people_log_in(
    browser: Browser,
    make_http_settings: Callable[..., Settings],
    start_edge: Start,
    tmp_path: Path,
) -> None:
    """A wrong key is told so; one without the scope label shows no buttons; logging out ends it."""
    path = tmp_path / "keys.json"
    scopes: tuple[Scope, ...] = ("predict", "read")
    key, kept = make_key("ada", scopes)
    add_key(path, kept)
    edge = start_edge(make_http_settings(http_keys=str(path)))
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{edge.web_port}/")
    page.get_by_label("API key").fill("frk_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#log-in-problem")).to_contain_text("not known")
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
