"""The stored candles as a trader sees them: history is loaded, paused, resumed, and its holes are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any


def ago(days: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}"


def wish(page: Any, since: str, timeframe: str = "1m", symbol: str = "ETH/USDT") -> None:
    page.click("[data-test=load-history]")
    page.fill("[data-test=load-symbol]", symbol)
    page.select_option("[data-test=load-timeframe]", timeframe)
    page.fill("[data-test=load-since]", since)
    page.click("[data-test=load-submit]")


def test_history_is_loaded_before_ones_eyes(browse: Any, enter: Any) -> None:
    """A load can be paused and goes on; then everything is there, and the chart pages through it."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.click('nav a[href="/candles"]')
        expect(page.locator("[data-test=coverage]").filter(has_text="BTC/USDT").first).to_be_visible()
        wish(page, ago(120))
        load = page.locator("[data-test^=load-]", has_text="ETH/USDT").first
        load.locator("[data-test=pause]").click()
        expect(load).to_contain_text("paused")
        page.click("[data-test='holes-ETH/USDT-1m']")
        expect(page.locator("[data-test=holes]")).to_contain_text("not loaded")
        load.locator("[data-test=resume]").click()
        expect(load).to_contain_text("done", timeout=60_000)
        expect(load).to_contain_text("100.0%")
        expect(load.locator("button")).to_have_count(0)
        expect(page.locator("[data-test=holes]")).to_have_count(0)
        row = page.locator("[data-test=coverage]").filter(has_text="ETH/USDT").first
        expect(row).to_contain_text(ago(120))
        expect(row).to_contain_text(re.compile(r"17\d,\d{3}"))


def test_what_the_exchange_has_not_is_said_in_the_form(browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.goto(f"{page.url.rstrip('/')}/candles")
        wish(page, ago(3), symbol="NONE/USDT")
        expect(page.locator("[data-test=load] [role=alert]")).to_have_text("The exchange does not list this pair")
        page.select_option("[data-test=load-timeframe]", "10m")
        page.fill("[data-test=load-symbol]", "btc/usdt")
        page.click("[data-test=load-submit]")
        expect(page.locator("[data-test=load] [role=alert]")).to_have_text(
            "The exchange has no candles of this interval"
        )
