"""The heartbeat as a trader sees it: stored and live signals, the followed markets, the raw stream."""

from __future__ import annotations

import re
from typing import Any

import httpx


def test_the_clock_beats_before_ones_eyes(platform: Any, browse: Any, enter: Any) -> None:
    """A signal comes within the next minute, in the colour of live ones; after a reload it is a stored one."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.click('nav a[href="/heartbeat"]')
        expect(page.locator("[data-test=beats]")).to_have_text("Running")
        expect(page.locator("[data-test=clock-card]")).to_contain_text("BTC/USDT")
        btc = page.locator("[data-test=series]").filter(has_text="BTC/USDT")
        expect(btc).to_contain_text("PAPER")
        box = page.locator("[data-test=box-1m]")
        live = box.locator("li.live").first
        expect(live).to_have_text(re.compile(r"^1m \d\d\.\d\d\.\d\d_\d\d:\d\d$"), timeout=70_000)
        said = live.inner_text()
        expect(page.locator("[data-test=last-bar]")).to_have_text(re.compile(r"^\d+\ss ago$"))
        page.reload()
        stored = page.locator("[data-test=box-1m] li").filter(has_text=said)
        expect(stored).to_be_visible()
        expect(stored).not_to_have_class(re.compile("live"))


def test_the_chart_shows_the_market_and_what_one_has_in_it(platform: Any, browse: Any, enter: Any) -> None:
    """The pair and the timeframe stand in the address; a trade and its stop are drawn."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.click('nav a[href="/heartbeat"]')
        chart = page.locator("[data-test=chart]")
        expect(chart).to_have_attribute("aria-label", re.compile(r"^Chart of BTC/USDT 1m, last price \d+\.\d\d$"))
        expect(chart.locator("canvas").first).to_be_visible()
        page.click("[data-test='chart-5m']")
        expect(chart).to_have_attribute("aria-label", re.compile("BTC/USDT 5m, last price"))
        page.select_option("[data-test=chart-pair]", "XRP/USDT")
        expect(chart).to_have_attribute("aria-label", re.compile(r"XRP/USDT 5m, last price 0\.\d{4}$"))
        assert "timeframe=5m" in page.url
        page.reload()
        expect(chart).to_have_attribute("aria-label", re.compile("XRP/USDT 5m"))


def test_the_raw_stream_is_shown_while_somebody_looks(browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.click('nav a[href="/heartbeat"]')
        expect(page.locator("[data-test=raw-lines]")).to_have_count(0)
        page.click("[data-test=raw]")
        lines = page.locator("[data-test=raw-lines] li")
        expect(lines.first).to_contain_text('"stream"', timeout=60_000)
        page.click("[data-test=raw]")
        expect(lines).to_have_count(0)


def test_a_stream_that_is_cut_is_heard_again(platform: Any, browse: Any, enter: Any) -> None:
    """The header says that the clock is without a signal as long as its exchange is not heard."""
    from playwright.sync_api import expect

    told = platform[0]
    with browse() as page:
        enter(page, "en")
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.click('nav a[href="/heartbeat"]')
        expect(page.locator("[data-test=beats]")).to_have_text("Running")
        httpx.request("DELETE", f"{told['paper']}/paper/market-streams").raise_for_status()
        expect(page.locator("[data-test=beat]")).to_contain_text("bar", timeout=60_000)
        expect(page.locator("[data-test=beats]")).to_have_text("Running", timeout=60_000)


def test_any_pair_of_the_exchange_can_be_charted(browse: Any, enter: Any) -> None:
    """From the list of pairs to its chart: the heartbeat follows it as long as it is looked at."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.click('nav a[href="/symbols"]')
        page.locator("[data-test=symbol] a", has_text="ETH/BTC").click()
        chart = page.locator("[data-test=chart]")
        expect(chart).to_have_attribute(
            "aria-label", re.compile(r"^Chart of ETH/BTC 1m, last price 0\.\d{5}$"), timeout=60_000
        )
        followed = page.locator("[data-test=series]").filter(has_text="ETH/BTC")
        expect(followed).to_contain_text("PAPER")


def test_indicators_are_chosen_and_follow_their_user(browse: Any, enter: Any) -> None:
    """An average and an RSI come from the server, keep their lengths over a reload, and go again."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "fr")
        page.click('nav a[href="/heartbeat"]')
        legend = page.locator("[data-test=chart-legend] li")
        page.click("[data-test=chart-indicators]")
        page.click("[data-test=add-ema]")
        page.click("[data-test=add-rsi]")
        expect(legend).to_have_text([re.compile(r"^EMA 20 [\d\s]+,\d\d$"), re.compile(r"^RSI 14 \d{1,3},\d$")])
        length = page.get_by_label("EMA 20: longueur")
        length.fill("201")
        length.press("Tab")
        expect(page.get_by_role("alert")).to_contain_text("de 2 à 200")
        expect(legend).to_have_count(2)
        with page.expect_response("**/api/account/layout"):
            length.fill("35")
            length.press("Tab")
        expect(legend.first).to_have_text(re.compile(r"^EMA 35 [\d\s]+,\d\d$"))
        page.reload()
        expect(legend).to_have_text([re.compile(r"^EMA 35 [\d\s]+,\d\d$"), re.compile(r"^RSI 14 \d{1,3},\d$")])
        page.click("[data-test=chart-indicators]")
        page.get_by_label("Retirer RSI 14").click()
        with page.expect_response("**/api/account/layout"):
            page.get_by_label("Retirer EMA 35").click()
        expect(legend).to_have_count(0)
