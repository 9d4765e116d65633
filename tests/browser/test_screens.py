"""A picture of every page and state, as `docs/screens.md` lists them, in `screens/`: English wide, French narrow.

The test fails when a state cannot be reached, when the page scrolls sideways or shows the name of a text instead of it,
and when the index does not name what is pictured.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_accessibility import AT_REST
from tests.browser.test_strategies import CODE
from tests.browser.test_truth import hold, post
from tests.web.strategies.conftest import CROSSING

REPOSITORY = Path(__file__).parents[2]
PICTURES = REPOSITORY / "screens"
INDEX = REPOSITORY / "docs" / "screens.md"
SIZES = {"en": {"width": 1920, "height": 1080}, "fr": {"width": 1366, "height": 768}}
ALERTS: tuple[dict[str, Any], ...] = (
    {"Action": "BuyMarket", "PourCent": 5, "PrixSL": 30000},
    {"Action": "BuyMarket", "Symbol": "XRPUSDT", "PourCent": 2},
    {"Action": "BuyMarket", "Symbol": "NOPEUSDT", "PourCent": 2},
    {"Action": "PING"},
)
ENTRY = {
    "Action": "BuyMarket",
    "Symbol": "ETHUSDT",
    "PourCent": 10,
    "PrixSL": 1000,
    "IndicateurName": "Asks",
    "Interval": "15",
}
"""An alert of a stream that asks for approval."""
GATES = """
async (gates) => {
    const { csrf } = await (await fetch("/api/session")).json()
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf }
    return (await fetch("/api/brokers/1/gates", { method: "PUT", headers, body: JSON.stringify(gates) })).status
}
"""
"""Sets the gates with which new streams begin."""


def _click(selector: str) -> Callable[[Any], None]:
    return lambda page: page.locator(selector).first.click()


def _press(*keys: str) -> Callable[[Any], None]:
    return lambda page: [page.keyboard.press(key) for key in keys]


def _wait(selector: str) -> Callable[[Any], None]:
    return lambda page: page.locator(selector).first.wait_for()


def _open_gates(page: Any) -> None:
    page.locator("main [data-test=tab-streams]").click()
    page.locator("[data-test=stream] [data-test=set-gates]").first.click()


def _with_a_strategy(page: Any) -> None:
    """Open a strategy that is saved, which the first language creates."""
    kept = page.locator("main [data-test^=strategy-]", has_text="EMA 10/20")
    if kept.count():
        kept.click()
    else:
        page.click("[data-test=new-strategy]")
        page.fill("[data-test=strategy-name]", "EMA 10/20")
        page.click("[data-test=strategy-save]")
        page.click(CODE)
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(CROSSING)
        page.keyboard.press("Control+s")
    page.click("[data-test=strategy-check]")
    page.wait_for_selector("[data-test=preview-buys]")


def _compare(page: Any) -> None:
    page.locator("main [data-test^=strategy-]", has_text="EMA 10/20").click()
    page.wait_for_selector(CODE)
    page.click("[data-test=strategy-versions]")
    page.wait_for_selector("[data-test=diff] .cm-content")


STATES: dict[str, tuple[str, Callable[[Any], Any] | None]] = {
    "dashboard": ("/", None),
    "trade": ("/trade", None),
    "portfolio": ("/portfolio", None),
    "symbols": ("/symbols", None),
    "heartbeat": ("/heartbeat", None),
    "candles": ("/candles", None),
    "webhooks": ("/webhooks", None),
    "set-up": ("/webhooks", _click("[data-test=set-up]")),
    "streams": ("/webhooks", _click("main [data-test=tab-streams]")),
    "gates": ("/webhooks", _open_gates),
    "approvals": ("/webhooks", _wait("[data-test=approval]")),
    "open-trades": ("/webhooks", _click("main [data-test=tab-trades]")),
    "strategies": ("/strategies", _with_a_strategy),
    "new-strategy": ("/strategies", _click("[data-test=new-strategy]")),
    "versions": ("/strategies", _compare),
    "conditions": ("/conditions", None),
    "orders": ("/orders", None),
    "closed-trades": ("/orders", _click("main [data-test=tab-gains]")),
    "alerts": ("/alerts", None),
    "reconciliations": ("/reconciliations", None),
    "latency": ("/latency", None),
    "account-brokers": ("/account", _click("[data-test=tab-brokers]")),
    "account-alerts": ("/account", _click("[data-test=tab-channels]")),
    "account-security": ("/account", _click("[data-test=tab-security]")),
    "account-preferences": ("/account", _click("[data-test=tab-preferences]")),
    "account-data": ("/account", _click("[data-test=tab-data]")),
    "system": ("/system", None),
    "admin": ("/admin", None),
    "story": ("/webhooks", _click("main [data-test=webhook]")),
    "broker-panel": ("/", _click("[data-test=broker-chip]")),
    "health-panel": ("/", _click("[data-test=health]")),
    "palette": ("/", _press("/")),
    "keys": ("/", _press("?")),
    "new-broker": ("/account", _click("[data-test=new-broker]")),
    "panic": ("/", _click("[data-test=panic]")),
    "halted": ("/", lambda page: hold(page, "stop")),
}
"""The states by the name of their picture: the page, and what is done on it."""


def _words(page: Any) -> str:
    """Return the words of a page, without scripts that it shows."""
    said = str(page.inner_text("body"))
    for script in page.locator("pre, .cm-content").all_inner_texts():
        said = said.replace(script, "")
    return said


@pytest.mark.parametrize("language", SIZES)
def test_every_state_is_pictured(platform: Any, browse: Any, enter: Any, language: str) -> None:
    from playwright.sync_api import expect

    told, printed = platform
    PICTURES.mkdir(exist_ok=True)
    with browse() as page:
        page.set_viewport_size(SIZES[language])
        expect(page.locator("#username")).to_be_visible()
        page.screenshot(path=PICTURES / f"login-{language}.png")
        enter(page, language)
        for alert in ALERTS:
            post(told, printed, **alert, IndicateurName="Screens", Interval="5", BarTime="2026-01-09T10:00:00Z")
        assert page.evaluate(GATES, {"approved": 9}) == 204
        post(told, printed, **ENTRY, N=language)
        assert page.evaluate(GATES, {}) == 204
        try:
            for name, (path, act) in STATES.items():
                page.goto(told["console"] + path)
                expect(page.locator("h1")).to_be_visible()
                page.wait_for_load_state("networkidle")
                page.mouse.move(700, 300)
                if act is not None:
                    act(page)
                page.wait_for_function(AT_REST)
                page.screenshot(path=PICTURES / f"{name}-{language}.png")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
                assert not re.search(r"\b[a-z]+(_[a-z]+)*\.[a-z]+_[a-z_]+\b", _words(page)), name
        finally:
            if page.locator("[data-test=resume]").count():
                hold(page, "resume")
            expect(page.locator("[data-test=halted]")).to_have_count(0)


def test_the_index_names_every_picture() -> None:
    """No picture without a line that says what was looked for, and no line without a picture."""
    listed = re.findall(r"^\| `([a-z-]+)` \|", INDEX.read_text(), re.MULTILINE)
    assert listed == ["login", *STATES]
