"""Why nothing happens, and how long signals take, as a trader sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.browser.test_truth import hold, post


def test_a_row_says_what_stands_in_the_way_and_what_clears_it(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    told, printed = platform
    with browse() as page:
        enter(page, "en")
        page.click('a[href="/conditions"]')
        account = page.locator("[data-test=condition]").filter(has_text="whole account")
        expect(account).to_contain_text("ready")
        # Given a stream whose last alert was refused: its row says why, and leads to the alert's history.
        alert = {"Action": "BuyMarket", "Symbol": "NOPEUSDT", "Interval": "7", "PourCent": 5, "IndicateurName": "Lost"}
        post(told, printed, **alert, BarTime="2026-01-06T12:00:00Z")
        stream = page.locator("[data-test=condition]").filter(has_text="NOPEUSDT · 7 min · Lost")
        expect(stream).to_contain_text("Last alert refused: pair unknown on this exchange")
        stream.click()
        expect(page.locator("[data-test=summary]")).to_contain_text("BuyMarket · Lost")
        page.keyboard.press("Escape")
        # When trading is halted, the account says so at once, and again when it is resumed.
        hold(page, "stop")
        expect(account).to_contain_text("Auto-trading is stopped")
        expect(account).to_contain_text("Hold Resume")
        hold(page, "resume")
        expect(account).to_contain_text("ready")
        # And rows with an obstacle can be had alone.
        page.select_option("[data-test=filter-state]", "hindered")
        expect(account).to_have_count(0)
        expect(stream).to_be_visible()


def test_a_signals_way_is_told_step_by_step(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    told, printed = platform
    with browse() as page:
        enter(page, "en")
        buy = {"Action": "BuyMarket", "Symbol": "SOLUSDT", "PourCent": 5, "PrixSL": 10, "IndicateurName": "Way"}
        just_closed = datetime.now(UTC) - timedelta(minutes=5)
        post(told, printed, **buy, Interval="5", BarTime=just_closed.isoformat())
        page.locator("[data-test=tab-positions]").click()
        expect(page.locator("[data-test=position]").filter(has_text="SOL/USDT")).to_be_visible()
        page.click('a[href="/latency"]')
        exchange = page.locator("[data-test=exchange]")
        for step in ("Delivery", "Decision", "Sending", "Acknowledgement", "Received to acknowledged"):
            expect(exchange.get_by_role("row", name=step)).to_be_visible()
        page.locator("[data-test=signal]").first.click()
        expect(page.locator("aside [data-test=strip]")).to_contain_text("Acknowledgement")
