"""Everything that happens has an address: links open its story, back and forward move between stories."""

from __future__ import annotations

import subprocess
from typing import Any
from uuid import uuid4


def test_an_order_is_found_by_its_address(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    told, printed = platform
    with browse() as page:
        # Given an order that an alert has led to.
        enter(page, "en")
        subprocess.run(
            next(line for line in printed.splitlines() if line.startswith("curl")), shell=True, check=True,
            capture_output=True,
        )  # fmt: skip
        page.locator("[data-test=tab-executed]").click()
        expect(page.locator("[data-test=trade]").filter(has_text="BTC/USDT").first).to_be_visible()
        trades = page.evaluate("async () => (await (await fetch('/api/trades')).json()).items")
        order = next(trade["id"] for trade in trades if trade["symbol"] == "BTC/USDT")
        # When its address is opened, as from a message.
        page.goto(f"{told['console']}/orders/{order}")
        inspector = page.locator("[data-test=inspector]")
        # Then its story is told, and the way leads on to what it came from, and back.
        expect(inspector).to_contain_text("BTC/USDT")
        expect(inspector.locator("[data-test=chapter].own").first).to_be_visible()
        inspector.get_by_role("link", name="open").first.click()
        expect(page).not_to_have_url(f"{told['console']}/orders?story={order}")
        page.go_back()
        expect(page).to_have_url(f"{told['console']}/orders?story={order}")
        page.keyboard.press("Escape")
        expect(inspector).to_have_count(0)
        expect(page).to_have_url(f"{told['console']}/orders")


def test_an_address_that_leads_nowhere_says_so(platform: Any, browse: Any, enter: Any) -> None:
    """An id of nothing, and a word that is no id."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        for address in (f"positions/{uuid4()}", "webhooks/x"):
            page.goto(f"{platform[0]['console']}/{address}")
            expect(page.locator("[data-test=no-story]")).to_contain_text("nothing of yours")
