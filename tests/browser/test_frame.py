"""The frame of the console: what one owns, tables that are narrowed, sorted and exported, keys, and a kept layout."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from tests.browser.test_truth import post


def _buy(platform: Any, symbol: str, bar: str, **fields: Any) -> None:
    told, printed = platform
    post(told, printed, Action="BuyMarket", Symbol=symbol, PourCent=2, Interval="5", BarTime=bar, **fields)


def test_the_portfolio_is_told_and_follows_a_trade(platform: Any, browse: Any, enter: Any) -> None:
    """Equity is the first thing on the dashboard; a buy moves money into coins within seconds."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        expect(page.locator("[data-test=equity]")).to_contain_text(re.compile(r"^[\d,]+\.\d\d\sUSDT$"))
        page.keyboard.press("g")
        page.keyboard.press("p")
        expect(page).to_have_url(re.compile("/portfolio$"))
        coins = page.locator("[data-test=holding]")
        expect(coins.filter(has_text="USDT").first).to_be_visible()
        _buy(platform, "XRPUSDT", "2026-01-08T10:00:00Z")
        expect(coins.filter(has_text="XRP")).to_be_visible()
        page.select_option("[data-test=currency]", "BTC")
        expect(page.locator("[data-test=equity]")).to_contain_text("BTC")
        page.select_option("[data-test=currency]", "USDT")
        expect(page.locator("[data-test=equity]")).to_contain_text("USDT")


def test_a_table_is_narrowed_sorted_and_exported_as_shown(platform: Any, browse: Any, enter: Any) -> None:
    """Filters stand in the address, so that back undoes them and a reload keeps them."""
    from playwright.sync_api import expect

    _buy(platform, "SOLUSDT", "2026-01-08T11:00:00Z", IndicateurName="=cmd()")
    with browse() as page:
        enter(page, "en")
        page.click('a[href="/orders"]')
        table = page.locator("[data-table=orders]")
        expect(table.locator("[data-test=trade]").filter(has_text="SOL/USDT").first).to_be_visible()
        table.locator("[data-test=search]").fill("solusdt")
        table.locator("[data-test=filter-side]").select_option("buy")
        expect(page).to_have_url(
            re.compile(r"orders\.text=solusdt.*orders\.side=buy|orders\.side=buy.*orders\.text=solusdt")
        )
        expect(table.locator("[data-test=trade]").filter(has_text="XRP/USDT")).to_have_count(0)
        page.reload()
        rows = table.locator("[data-test=trade]")
        expect(rows.first).to_contain_text("SOL/USDT")
        expect(table.locator("[data-test=filter-side]")).to_have_value("buy")
        table.get_by_role("button", name="Filled").click()
        expect(table.locator("th[aria-sort=descending]")).to_contain_text("Filled")
        with page.expect_download() as download:
            table.locator("[data-test=export]").click()
        text = download.value.path().read_text(encoding="utf-8-sig")
        exported = [*csv.DictReader(io.StringIO(text))]
        assert len(exported) == rows.count()
        assert {row["Pair"] for row in exported} == {"SOL/USDT"}
        table.locator("[data-test=clear]").click()
        expect(page).not_to_have_url(re.compile("orders.side"))
        page.click('a[href="/webhooks"]')
        webhooks = page.locator("[data-table=webhooks]")
        webhooks.locator("[data-test=search]").fill("cmd")
        expect(webhooks.locator("[data-test=webhook]")).to_have_count(1)
        with page.expect_download() as download:
            webhooks.locator("[data-test=export]").click()
        assert "'=cmd()" in download.value.path().read_text(encoding="utf-8-sig")


def test_keys_lead_everywhere_and_rows_open_beside_the_page(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    _buy(platform, "XRPUSDT", "2026-01-08T12:00:00Z")
    with browse() as page:
        enter(page, "en")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.locator("[data-test=palette-input]").fill("webh")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/webhooks$"))
        # What is typed into a field is no command.
        page.locator("[data-table=webhooks] [data-test=search]").fill("")
        page.keyboard.type("g o")
        expect(page).to_have_url(re.compile(r"/webhooks"))
        page.keyboard.press("Escape")
        page.locator("[data-test=tab-positions]").click()
        row = page.locator("[data-test=position]").first
        row.focus()
        page.keyboard.press("Enter")
        expect(page.locator("[data-test=inspector]")).to_contain_text("Position")
        expect(row).to_have_attribute("aria-current", "true")
        page.keyboard.press("Escape")
        expect(page.locator("[data-test=inspector]")).to_have_count(0)


def test_a_page_that_is_left_at_once_keeps_what_was_just_arranged(browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        for tab in ("alerts", "positions"):
            page.locator(f"[data-test=tab-{tab}]").click()
            page.reload()
            expect(page.locator(f"[data-test=tab-{tab}]")).to_have_attribute("aria-selected", "true")


def test_the_layout_follows_its_user_until_it_is_reset(browse: Any, enter: Any) -> None:
    """Columns, the dock and its tab are the same in another browser."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.locator("[data-test=tab-positions]").click()
        dock = page.locator("[data-table=positions]")
        dock.locator("[data-test=columns]").click()
        with page.expect_response("**/api/account/layout"):
            page.get_by_role("dialog", name="Columns").get_by_label("Value", exact=True).uncheck()
        page.keyboard.press("Escape")
        expect(dock.locator("th").filter(has_text="Value")).to_have_count(0)
    with browse() as page:
        enter(page, "en")
        expect(page.locator("[data-table=positions] th").first).to_be_visible()
        expect(page.locator("[data-table=positions] th").filter(has_text="Value")).to_have_count(0)
        page.locator("[data-test=user-menu]").click()
        page.get_by_text("Reset the layout", exact=True).click()
        expect(page.locator("[data-table=positions] th").filter(has_text="Value")).to_have_count(1)


def test_escape_closes_what_lies_on_top_and_the_keyboard_goes_back(platform: Any, browse: Any, enter: Any) -> None:
    """On a narrow window the inspector lies over the page, which stays where it was."""
    from playwright.sync_api import expect

    _buy(platform, "SOLUSDT", "2026-01-08T13:00:00Z")
    with browse() as page:
        page.set_viewport_size({"width": 1366, "height": 768})
        enter(page, "en")
        page.locator("[data-test=tab-positions]").click()
        row, inspector = page.locator("[data-test=position]").first, page.locator("[data-test=inspector]")
        expect(row).to_be_visible()
        before = page.locator("main").bounding_box()
        row.focus()
        page.keyboard.press("Enter")
        expect(inspector).to_contain_text("Position")
        assert page.locator("main").bounding_box() == before
        assert inspector.bounding_box()["height"] > 600
        chip = page.locator("[data-test=broker-chip]")
        chip.focus()
        page.keyboard.press("Enter")
        expect(page.locator(":popover-open")).to_contain_text("Manage brokers")
        # Tab leads into the panel, Escape closes the panel alone.
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest(':popover-open') !== null")
        page.keyboard.press("Escape")
        expect(page.locator(":popover-open")).to_have_count(0)
        expect(inspector).to_be_visible()
        page.keyboard.press("Escape")
        expect(inspector).to_have_count(0)
        expect(row).to_be_focused()


def test_what_an_address_asks_for_in_vain_is_dropped(browse: Any, enter: Any, platform: Any) -> None:
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        odd = "orders.state=nonsense&orders.side=%3Cscript%3E&orders.nonsense=1&orders.sort=-nothing&orders.text=sol"
        page.goto(f"{platform[0]['console']}/orders?{odd}")
        expect(page).to_have_url(re.compile(r"/orders\?orders\.text=sol$"))
        expect(page.locator("[data-table=orders] [data-test=filter-side]")).to_have_value("")
        # The dock has filters of its own.
        page.locator("[data-test=tab-executed]").first.click()
        expect(page.locator("[data-table=executed] [data-test=search]").last).to_have_value("")
