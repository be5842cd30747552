"""The console in a real Chromium: live alerts, labels written to Kafka, states, widths, and no markup from outside."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stream.control.role_changes import combine_changes, set_exploration
from stream.control.role_writer import change_roles
from stream.http.api_keys import Scope, add_key, make_key
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.faults.conftest import publish_champion
from tests.support.http_process import HttpProcess
from tests.support.tool import tool
from tests.support.topics import produce_all, read_all
from tests.support.traffic import send, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess

Start = Callable[[Settings], HttpProcess]
#: Features of a transaction that the champion of `publish_champion` declines.
DECLINED = {"V1": 3.0, "V2": 3.0, "V3": 3.0}
Scheme = Literal["light", "dark"]
BACKGROUND: dict[Scheme, str] = {"light": "rgb(246, 247, 249)", "dark": "rgb(15, 18, 22)"}
#: Returns the elements that are wider than their box or the screen, except charts and text for screen readers.
CLIPPED = """() => {
  const screen = document.documentElement.clientWidth;
  const all = document.querySelectorAll("header *, main *, #banner, #banner *, dialog[open], dialog[open] *");
  const shown = [...all].filter((each) => each.getClientRects().length && !each.closest("svg, .announcement"));
  const clipped = shown.filter((each) => each.getBoundingClientRect().right > screen + 1 ||
    (getComputedStyle(each).display !== "inline" && each.scrollWidth > each.clientWidth + 1));
  return clipped.map((each) => `${each.tagName}.${each.className}: ${each.textContent.slice(0, 40)}`);
}"""
#: Returns the console's current state, as the server sends it to a page that connects.
SNAPSHOT = """() => new Promise((resolve) => {
  const source = new EventSource("/console/events");
  source.addEventListener("snapshot", (event) => { source.close(); resolve(JSON.parse(event.data)); });
})"""
#: Widths in pixels: a phone, a tablet and desktops, and both sides of each breakpoint in console.css.
WIDTHS = (360, 479, 480, 639, 640, 768, 991, 992, 1024, 1440)


def wide(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return a state in which every section has the longest texts that it may have to show."""
    name = "merchant_category_code_of_the_last_hour_"  # 40 characters, and none at which a browser breaks lines
    now = snapshot["now_ms"]
    states = ("page", "alarm", "high", "ok", "unknown")
    columns = {f"{name}{number}": [0.25, 0.125, state] for number, state in enumerate(states)}
    figures = {"transactions": 9_876_543, "reviews": 987_654, "declines": 876_543, "problems": 765_432}
    models = [
        {"model": f"fraud/{name}{number}", "policy": name, "decides": number == 0} | figures for number in range(3)
    ]
    return snapshot | {
        "status": {"problems": [{"name": "kafka", "sentence": f"The broker at {name}{name} does not respond."}]},
        "traffic": [each | {"models": models} for each in snapshot["traffic"]],
        "drift": [{"at_ms": now, "model": models[0]["model"], "decides": True, "columns": columns}],
        "dead_letters": [
            {
                "reason": name,
                "detail": f"{name}{name} is not finite",
                "source": f"{name}/1023/9876543210",
                "size": 10_485_760,
                "refused_at_ms": now,
            }
        ],
        "roles": [each | {"author": name, "note": name * 3, "champion": name} for each in snapshot["roles"]],
    }


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
    expect(opened.locator("#state")).to_have_text("Live")
    yield opened
    opened.close()
    assert errors == []


def test_an_alert_appears_within_two_seconds_and_can_be_labelled(page: Page, edge: HttpProcess) -> None:
    """The alert of a prediction over HTTP appears on the page; it is labelled fraud, then relabelled legitimate."""
    began = time.monotonic()
    edge.predict(transaction(1, features=DECLINED, amount_minor=123_450))
    alert = page.locator("#alerts > li").first
    expect(alert.locator(".verdict")).to_have_text("decline", timeout=5000)
    assert time.monotonic() - began < 2
    expect(alert.locator(".amount")).to_have_text("€1,234.50")
    expect(alert.locator(".reasons li").first).to_contain_text("V")
    expect(alert.locator(".reasons li").first).to_contain_text("%")
    alert.get_by_role("button", name="Fraud: 1").click()
    expect(alert.locator(".label")).to_have_text("labelled fraud")
    alert.get_by_role("button", name="Legitimate: 1").click()
    expect(alert.locator(".label")).to_have_text("labelled legitimate")
    expect(alert.get_by_role("button", name="Legitimate: 1")).to_have_attribute("aria-pressed", "true")
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
    expect(page.locator("#alerts > li").first.locator(".id code")).to_have_text(script)
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
        expect(page.locator("#models li")).to_have_count(2)
        expect(page.locator("#models")).to_contain_text("champion")
        until(lambda: page.locator("#rate").inner_text().strip("0,.").isdigit())
    expect(page.locator("#alerts > li")).to_have_count(100)
    expect(page.locator("#alerts > li:visible")).to_have_count(6)
    page.get_by_role("button", name="Show all 100").click()
    expect(page.locator("#alerts > li:visible")).to_have_count(100)
    expect(page.locator("#rate-chart text").filter(has_text="5 min ago")).to_have_count(1)
    expect(page.locator("#rate-chart text").first).to_have_text("0")
    expect(page.locator("#p99")).to_contain_text("ms")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_clipped_at_any_width(browser: Browser, page: Page, edge: HttpProcess, scheme: Scheme) -> None:
    """From 360 to 1440 pixels nothing is wider than its box, even with long names, and the colour scheme is used."""
    edge.predict(transaction(1, transaction_id="payment-" * 15, features=DECLINED))
    expect(page.locator("#models li")).to_have_count(2)
    event = f"event: snapshot\ndata: {json.dumps(wide(page.evaluate(SNAPSHOT)))}\n\n"
    for width in WIDTHS:
        sized = browser.new_page(viewport={"width": width, "height": 740}, color_scheme=scheme, is_mobile=width < 400)
        sized.route("**/console/events", lambda route: route.fulfill(body=event, content_type="text/event-stream"))
        sized.goto(page.url)
        expect(sized.locator("#alerts > li")).to_have_count(1)
        expect(sized.locator("#drift > li")).to_have_count(5)
        expect(sized.locator("#models > li")).to_have_count(3)
        expect(sized.locator("#dead-letters > li")).to_have_count(1)
        expect(sized.locator("#banner")).to_be_visible()
        assert sized.evaluate(CLIPPED) == [], f"at {width} pixels"
        sized.evaluate("document.getElementById('log-in').showModal()")
        assert sized.evaluate(CLIPPED) == [], f"the dialog at {width} pixels"
        assert sized.evaluate("getComputedStyle(document.body).backgroundColor") == BACKGROUND[scheme]
        sized.close()


def test_the_page_works_with_a_keyboard(page: Page, edge: HttpProcess) -> None:
    """Tab reaches a skip link first, Enter on it moves to the alerts, and every visible button has a name."""
    edge.predict(transaction(1, features=DECLINED))
    expect(page.locator("#alerts > li")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the alerts")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Fraud: 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#alerts .label")).to_have_text("labelled fraud")
    expect(page.get_by_role("button", name="Fraud: 1")).to_be_focused()
    unnamed = page.locator("button:not([aria-label])").all()
    assert all(each.inner_text() for each in unnamed if each.is_visible())


def test_alerts_do_not_move_under_the_pointer(page: Page, edge: HttpProcess) -> None:
    """While the list has the pointer or the focus, new alerts wait, so that no click or key hits another alert."""
    edge.predict(transaction(1, features=DECLINED))
    page.locator("#alerts > li").first.hover()
    edge.predict(transaction(2, features=DECLINED))
    edge.predict(transaction(3, features=DECLINED))
    expect(page.locator("#held")).to_have_text("Show 2 new alerts")
    expect(page.locator("#alerts > li")).to_have_count(1)
    page.locator("#traffic-title").hover()
    expect(page.locator("#alerts > li .id code")).to_have_text(["3", "2", "1"])
    expect(page.locator("#held")).to_be_hidden()
    page.get_by_role("button", name="Fraud: 3").focus()
    edge.predict(transaction(4, features=DECLINED))
    expect(page.locator("#held")).to_have_text("Show 1 new alert")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#alerts > li .id code")).to_have_text(["4", "3", "2", "1"])


def test_empty_sections_say_so(page: Page) -> None:
    """Before any transaction, each section says what is missing instead of staying blank."""
    for name in ("traffic", "alerts", "models", "dead-letters", "drift"):
        expect(page.locator(f"#no-{name}")).to_be_visible()
    expect(page.locator("#no-roles")).to_be_hidden()


def test_a_missing_champion_is_named(browser: Browser, make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """An edge without a champion says what to do; the message goes as soon as a champion is published."""
    settings = make_settings(http_port=free_port())
    create_topics(settings.kafka, settings.topic)
    with HttpProcess(settings, tmp_path) as edge:
        until(edge.is_alive)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{edge.web_port}/")
        expect(page.locator("#state")).to_have_text("Not ready")
        expect(page.locator("#banner")).to_contain_text("No model is champion")
        expect(page.locator("#banner")).to_contain_text("fraud-train promote")
        publish_champion(settings)
        expect(page.locator("#state")).to_have_text("Live", timeout=10_000)
        expect(page.locator("#banner")).to_be_hidden()
        page.close()


def test_lost_kafka_and_a_lost_server_are_named(
    browser: Browser,
    make_http_settings: Callable[..., Settings],
    start_edge: Start,
    own_broker: LocalBroker,
) -> None:
    """Without Kafka the page says so; without the server it says from when its figures are."""
    edge = start_edge(make_http_settings(kafka_bootstrap=own_broker.bootstrap))
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{edge.web_port}/")
    expect(page.locator("#state")).to_have_text("Live")
    own_broker.stop()
    expect(page.locator("#banner")).to_contain_text("Kafka is not responding", timeout=15_000)
    edge.kill()
    expect(page.locator("#state")).to_have_text("Reconnecting…", timeout=10_000)
    expect(page.locator("#banner")).to_contain_text("The server is not responding")
    page.close()


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_error_of_a_proxy_is_waited_out(browser: Browser, edge: HttpProcess, status: int) -> None:
    """An error while the server restarts behind a proxy is not a log-out: the page tries again by itself."""
    page = browser.new_page()
    page.route("**/console/session", lambda route: route.fulfill(status=status), times=1)
    page.goto(f"http://127.0.0.1:{edge.web_port}/")
    expect(page.locator("#banner")).to_contain_text("The server is not responding")
    expect(page.locator("#state")).to_have_text("Live", timeout=10_000)
    expect(page.locator("#banner")).to_be_hidden()
    page.close()


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
    page.get_by_role("dialog").get_by_role("button", name="Log in").click()
    expect(page.locator("#log-in-problem")).to_contain_text("unknown")
    page.get_by_label("API key").fill(key)
    page.get_by_role("dialog").get_by_role("button", name="Log in").click()
    expect(page.locator("#state")).to_have_text("Live")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    edge.client.post("/predict", content=transaction(1, features=DECLINED), headers=headers)
    expect(page.locator("#alerts > li")).to_have_count(1)
    expect(page.locator("#alerts button")).to_have_count(2)
    assert not page.locator("#alerts button").first.is_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#log-in")).to_be_visible()
    page.close()
