"""The pairs of an exchange: searched, narrowed, and marked as favourites that stay."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

UPDATE = """async () => (await fetch('/api/brokers/1/markets', {
    method: 'POST', headers: {'X-CSRF-Token': sessionStorage.getItem('aristobot.csrf')}})).status"""

HALTED = """async () => (await (await fetch('/api/symbols?broker=1')).json()).items.some(one => !one.active)"""


def trade(told: dict[str, Any], symbol: str, status: str) -> None:
    """Let the paper exchange trade a pair or halt it."""
    body = json.dumps({"exchange": "binance", "symbol": symbol, "status": status}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{told['paper']}/paper/markets", body, method="PUT")) as answer:
        assert answer.status == 200


def test_pairs_are_searched_narrowed_and_marked(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.click('a[href="/symbols"]')
        page.mouse.move(800, 300)  # away from the rail, which is open under the pointer
        rows = page.locator("[data-test=symbol]")
        expect(rows.first).to_contain_text("/USDT")
        expect(rows.first).to_contain_text("%")
        expect(page.locator("[data-test=age]")).to_contain_text("old")
        # When a text and a quote are given, in the address too, only these are left.
        page.locator("main input[type=search]").fill("ethusd")
        expect(rows).to_have_count(2)
        page.select_option("[data-test=filter-quote]", "USDC")
        expect(rows).to_have_count(1)
        expect(rows.first).to_contain_text("ETH/USDC")
        # And a favourite comes first from then on, also after a reload without the filters.
        star = rows.first.locator("[data-test=star]")
        with page.expect_response(lambda answer: answer.request.method == "PATCH"):
            star.click()
        expect(star).to_have_attribute("aria-pressed", "true")
        page.goto(f"{platform[0]['console']}/symbols")
        expect(rows.first).to_contain_text("ETH/USDC")
        page.select_option("[data-test=filter-only]", "favourites")
        expect(rows).to_have_count(1)
        rows.first.locator("[data-test=star]").click()
        expect(rows).to_have_count(0)


def test_a_halted_pair_is_marked(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    told = platform[0]
    with browse() as page:
        enter(page, "fr")
        try:
            trade(told, "ETH/BTC", "HALT")
            assert page.evaluate(UPDATE) == 202
            page.wait_for_function(HALTED)
            page.goto(f"{told['console']}/symbols?symbols.only=halted")
            expect(page.locator("[data-test=symbol]")).to_have_count(1)
            expect(page.locator("[data-test=halted-pair]")).to_have_text("suspendue")
        finally:
            trade(told, "ETH/BTC", "TRADING")
            page.evaluate(UPDATE)
