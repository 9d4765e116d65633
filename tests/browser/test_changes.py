"""Stops, targets and resting orders are changed by number and by dragging their lines on the chart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.browser.conftest import running
from tests.browser.test_accessibility import findings_of
from tests.browser.test_trading_journeys import bitget as bitget  # the fixture  # noqa: PLC0414
from tests.conftest import short_folder

BOX = "() => document.querySelector('[data-test=chart]').getBoundingClientRect().toJSON()"
CURSORS = "() => [...document.querySelectorAll('[data-test=chart] *')].map((one) => one.style.cursor)"


@pytest.fixture(scope="module")
def platform() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield a platform of their own, whose market stands still."""
    with short_folder() as home:
        for told, printed in running(home):
            httpx.put(f"{told['paper']}/paper/price", json={"symbol": "ETH/USDT", "price": "3000"}).raise_for_status()
            yield told, printed


def _ordered(page: Any, **typed: str) -> None:
    """Type a ticket, validate it and execute it."""
    from playwright.sync_api import expect

    for name, value in typed.items():
        field = page.locator(f"[data-test=ticket-{name}]")
        if name in {"type", "unit"}:
            field.select_option(value)
        else:
            field.fill(value)
    page.click("[data-test=validate]")
    expect(page.locator("[data-test=execute]")).to_be_enabled()
    page.click("[data-test=execute]")
    expect(page.locator("[data-test=ticket-order] strong")).to_be_visible()


def _line(page: Any, place: int) -> tuple[float, float]:
    """Return where on the chart a line can be taken hold of: the pointer says so. `place` counts from the top."""
    box = page.evaluate(BOX)
    x, found = box["left"] + 60, list[float]()
    y = box["top"] + 2
    while y < box["top"] + box["height"] - 30:
        page.mouse.move(x, y)
        page.wait_for_timeout(30)
        if "ns-resize" in page.evaluate(CURSORS):
            found.append(y)
            y += 14
        y += 3
    return x, found[place]


def _drag(page: Any, place: int, by: float) -> None:
    x, y = _line(page, place)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + by / 2)
    page.mouse.move(x, y + by)
    page.mouse.up()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_position_of_the_hand_is_put_under_a_stop_that_is_then_dragged(
    platform: Any, browse: Any, enter: Any, language: str
) -> None:
    """By number first; then the line is dragged, confirmed, and dragged once more without a question."""
    from playwright.sync_api import expect

    told = platform[0]
    with browse() as page:
        page.set_viewport_size({"width": 1920, "height": 1080})
        enter(page, language)
        page.goto(f"{told['console']}/trade?pair=ETH/USDT&broker={told['broker']}")
        page.locator("[data-test=tab-positions]").click()
        row = page.locator("[data-test=position]").filter(has_text="ETH/USDT")
        _ordered(page, type="market", unit="quote", amount="300")
        row.locator("[data-test=protect-position]").click()
        page.fill("[data-test=change-stop_loss]", "2990")
        page.fill("[data-test=change-take_profit]", "3010")
        expect(page.locator("[data-test=result-stop_loss]")).to_contain_text("USDT")
        assert findings_of(page) == []
        page.click("[data-test=change-confirm]")
        expect(page.locator("[data-test=change]")).to_have_count(0)
        expect(row.locator("[data-test=level]")).to_contain_text("100")
        # The stop is the lowest of its lines.
        _drag(page, -1, -8)
        stop = page.locator("[data-test=change-stop_loss]")
        expect(stop).to_be_visible()
        moved = float(stop.input_value())
        assert 2990 < moved < 3000
        page.keyboard.press("Escape")
        expect(page.locator("[data-test=change]")).to_have_count(0)
        _drag(page, -1, -8)
        page.check("[data-test=change-unconfirmed]")
        page.click("[data-test=change-confirm]")
        expect(row).to_contain_text(str(int(moved))[-2:])
        expect(page.locator("[data-test=unconfirmed]")).to_be_visible()
        before = row.inner_text()
        page.wait_for_timeout(1500)
        _drag(page, -1, 6)
        expect(page.locator("[data-test=change]")).to_have_count(0)
        expect(row).not_to_have_text(before)
        page.click("[data-test=unconfirmed]")
        expect(page.locator("[data-test=unconfirmed]")).to_have_count(0)
        row.locator("[data-test=close-position]").click()
        page.click("[data-test=close-confirm]")
        expect(row).to_have_count(0)


def test_a_resting_order_is_changed_and_one_that_has_changed_meanwhile_is_not(
    platform: Any, browse: Any, enter: Any
) -> None:
    """By number: it says that the queue is lost. What was cancelled in another window is told."""
    from playwright.sync_api import expect

    told = platform[0]
    with browse() as page:
        enter(page, "en")
        page.goto(f"{told['console']}/trade?pair=ETH/USDT&broker={told['broker']}")
        page.locator("[data-test=tab-open]").click()
        rows = page.locator("[data-test=trade]").filter(has_text="ETH/USDT")
        _ordered(page, type="limit", unit="base", amount="0.01", price="2900")
        rows.first.locator("[data-test=amend-order]").click()
        page.fill("[data-test=change-price]", "2910")
        expect(page.locator("[data-test=change-effect]")).to_contain_text("loses its place")
        assert findings_of(page) == []
        page.click("[data-test=change-confirm]")
        expect(rows).to_contain_text("2,910.00")
        expect(rows).to_have_count(1)
        rows.first.locator("[data-test=amend-order]").click()
        page.fill("[data-test=change-price]", "2920")
        with httpx.Client(base_url=told["console"], timeout=60) as other:
            body = {"username": told["user"], "password": told["password"]}
            other.headers["X-CSRF-Token"] = other.post("/api/session", json=body).json()["csrf"]
            assert other.post("/api/orders/cancel-all", params={"symbol": "ETH/USDT"}).json()["asked"] == 1
            expect(rows).to_have_count(0)
        page.click("[data-test=change-confirm]")
        expect(page.locator("[data-test=change-problem]")).to_contain_text("changed in the meantime")


def test_a_click_on_the_price_axis_opens_the_ticket_with_its_price(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    told = platform[0]
    with browse() as page:
        enter(page, "en")
        page.goto(f"{told['console']}/trade?pair=ETH/USDT&broker={told['broker']}")
        expect(page.locator("[data-test='pick-ETH/USDT']")).to_be_visible()
        expect(page.locator("[data-test=chart]")).to_have_attribute("aria-label", re.compile(r"\d{3}"))
        box = page.evaluate(BOX)
        page.mouse.click(box["left"] + box["width"] - 20, box["top"] + box["height"] / 2)
        expect(page.locator("[data-test=ticket-type]")).to_have_value("limit")
        assert float(page.locator("[data-test=ticket-price]").input_value()) > 0


@pytest.mark.parametrize("exchange", ["binance", "bitget"])
def test_a_stop_and_a_target_for_what_was_bought_by_hand_cancel_each_other(
    platform: Any, browse: Any, enter: Any, bitget: int, exchange: str
) -> None:
    """Both rest where the exchange has lists; elsewhere the stop rests, and the target is watched."""
    from playwright.sync_api import expect

    told = platform[0]
    broker = told["broker"] if exchange == "binance" else bitget
    with browse() as page:
        page.set_viewport_size({"width": 1920, "height": 1080})
        enter(page, "en")
        page.goto(f"{told['console']}/trade?pair=BNB/USDT&broker={broker}")
        page.locator("[data-test=ticket-type]").select_option("oco")
        expect(page.locator("[data-test=oco-none]")).to_be_visible()
        page.locator("[data-test=ticket-type]").select_option("market")
        _ordered(page, unit="quote", amount="200")
        expect(page.locator("[data-test=ticket-order] strong")).to_have_text("filled")
        page.locator("[data-test=ticket-type]").select_option("oco")
        page.fill("[data-test=oco-stop_loss]", "100")
        page.fill("[data-test=oco-take_profit]", "5000")
        page.click("[data-test=oco-ask]")
        expect(page.locator("[data-test=result-take_profit]")).to_contain_text("USDT")
        assert findings_of(page) == []
        page.click("[data-test=change-confirm]")
        page.locator("[data-test=tab-positions]").click()
        row = page.locator("[data-test=position]").filter(has_text="BNB/USDT")
        expect(row.locator("[data-test=level]")).to_contain_text("100")
        expect(row.locator("[data-test=watched]")).to_have_count(0 if exchange == "binance" else 1)
        page.locator("[data-test=tab-open]").click()
        resting = page.locator("[data-test=trade]").filter(has_text="BNB/USDT")
        expect(resting).to_have_count(2 if exchange == "binance" else 1)
        page.locator("[data-test=tab-positions]").click()
        row.locator("[data-test=close-position]").click()
        page.click("[data-test=close-confirm]")
        expect(row).to_have_count(0)
