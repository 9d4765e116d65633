"""The console tells the truth: a silent server or database, a halt that got through or not, cover below 100 %."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import children_of, descendants_of, words_of

HOLD = 1300
"""Milliseconds that a button is held which acts after a second."""
STOP = """async () => (await fetch('/api/trading/stop', {
    method: 'POST', headers: {'X-CSRF-Token': sessionStorage.getItem('aristobot.csrf')}})).status"""


def post(told: dict[str, Any], printed: str, **fields: Any) -> None:
    """Deliver an alert of the demo user, with these fields instead of the printed ones."""
    line = next(line for line in printed.splitlines() if line.startswith("curl"))
    address = next(word.strip("'\"") for word in line.split() if "token=" in word)
    body = {"UserID": told["user_number"], "UserExchangeID": 1, "Symbol": "BTCUSDT", **fields}
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert urllib.request.urlopen(request, timeout=20).status == 200


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Keep these processes from running: they neither answer nor hang up."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def terminals_of(told: dict[str, Any], name: str) -> list[int]:
    """Return the processes of a terminal."""
    return [pid for pid in descendants_of(told["pid"]) if words_of(pid)[-2:] == ["terminal", name]]


def web_of(told: dict[str, Any]) -> list[int]:
    """Return the processes of the web terminal."""
    return terminals_of(told, "web")


def postgres_of(told: dict[str, Any]) -> list[int]:
    """Return PostgreSQL's processes, its first one first."""
    first = int((Path(told["home"]) / "postgres" / "postmaster.pid").read_text().split()[0])
    return [first, *children_of(first)]


def hold(page: Any, test: str) -> None:
    page.locator(f"[data-test={test}]").hover()
    page.mouse.down()
    page.wait_for_timeout(HOLD)
    page.mouse.up()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_halt_takes_a_second_and_stands_on_every_page(platform: Any, browse: Any, enter: Any, language: str) -> None:
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, language)
        stop, halted = page.locator("[data-test=stop]"), page.locator("[data-test=halted]")
        # Given a slip of the hand: nothing happens.
        stop.click()
        page.wait_for_timeout(300)
        expect(halted).to_have_count(0)
        # When the button is held, by the keyboard too.
        stop.focus()
        page.keyboard.down("Enter")
        expect(halted).to_be_visible()
        page.keyboard.up("Enter")
        # Then every page and every broker says so, until it is resumed.
        for place in ("webhooks", "alerts", "account"):
            page.goto(f"{platform[0]['console']}/{place}")
            expect(halted).to_be_visible()
            expect(page.locator("[data-test=broker-chip]")).to_contain_text(
                {"en": "paused", "fr": "en pause"}[language]
            )
        hold(page, "resume")
        expect(halted).to_have_count(0)
        expect(stop).to_be_visible()


def test_a_frozen_server_is_seen_and_a_halt_that_fails_says_so(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    told, printed = platform
    with browse() as page:
        enter(page, "en")
        post(told, printed, Action="BuyMarket", PourCent=5, PrixSL=30000, Interval="5", BarTime="2026-01-06T10:00:00Z")
        page.locator("[data-test=tab-positions]").click()
        price = page.locator("[data-test=price]").first
        expect(price).to_be_visible()
        with frozen(*web_of(told)):
            expect(page.locator("[data-test=silence]")).to_contain_text("The server does not answer", timeout=60_000)
            expect(page.locator("[data-test=connection]")).not_to_have_text("Connected")
            expect(price).to_have_class("old")
            hold(page, "stop")
            expect(page.locator("[data-test=halt-failed]")).to_contain_text("STOP NOT CONFIRMED", timeout=60_000)
        expect(page.locator("[data-test=silence]")).to_have_count(0)
        expect(page.locator("[data-test=connection]")).to_have_text("Connected")
        # And the server may still find the request where it waited, and halt: settle it for whoever comes next.
        assert page.evaluate(STOP) == 200
        halted = page.locator("[data-test=halted]")
        expect(halted).to_be_visible()
        hold(page, "resume")
        expect(halted).to_have_count(0)


def test_ages_are_told_by_the_servers_clock(platform: Any, browse: Any, enter: Any) -> None:
    """The browser's own is five hours ahead."""
    from playwright.sync_api import expect

    told, printed = platform
    with browse() as page:
        enter(page, "en")
        buy = {"Action": "BuyMarket", "Symbol": "SOLUSDT", "PourCent": 5, "PrixSL": 10}
        post(told, printed, **buy, Interval="5", BarTime="2026-01-06T12:00:00Z")
        page.locator("[data-test=tab-positions]").click()
        row = page.locator("[data-test=position]").filter(has_text="SOL/USDT")
        expect(row).to_be_visible()
        page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=5))
        page.reload()
        expect(row.locator("[data-test=level-age]")).to_contain_text(re.compile(r"for (\d+ min )?\d+\ss"))


def test_with_a_frozen_database_a_halt_gets_through(platform: Any, browse: Any, enter: Any) -> None:
    """The gateway takes it at once; a reload in the meantime says what is wrong and comes back by itself."""
    from playwright.sync_api import expect

    told, _ = platform
    with browse() as page:
        enter(page, "en")
        expect(page.locator("[data-test=stop]")).to_be_visible()
        with frozen(*postgres_of(told)):
            expect(page.locator("[data-test=silence]")).to_contain_text("not its database", timeout=60_000)
            hold(page, "stop")
            expect(page.locator("[data-test=halted]")).to_contain_text("recorded as soon as")
            page.reload(wait_until="commit")
            expect(page.get_by_role("status")).to_contain_text("session is kept", timeout=60_000)
        halted = page.locator("[data-test=halted]")
        expect(halted).to_contain_text("since")
        hold(page, "resume")
        expect(halted).to_have_count(0)


def test_less_than_full_cover_stands_on_every_page_and_cancelling_all_says_what_it_does(
    platform: Any, browse: Any, enter: Any
) -> None:
    from playwright.sync_api import expect

    told, printed = platform
    buy = {"Action": "BuyMarket", "Symbol": "ETHUSDT", "PourCent": 20, "PrixSL": 1000}
    with browse() as page:
        enter(page, "en")
        post(told, printed, **buy, Interval="5", BarTime="2026-01-06T11:00:00Z")
        page.locator("[data-test=tab-positions]").click()
        row = page.locator("[data-test=position]").filter(has_text="ETH/USDT")
        expect(row.locator("[data-test=level]")).to_have_text("SL 100%")
        # When the stop is moved for a half of it only.
        move = {"Action": "MAJ", "Symbol": "ETHUSDT", "PourCent": 50, "PrixSL": 1100, "PrixTP": 0}
        post(told, printed, **move, Interval="5", BarTime="2026-01-06T11:05:00Z")
        # Then the row and a line of its own say how much is covered.
        expect(row.locator("[data-test=level]")).to_contain_text("SL 50%")
        expect(page.locator("[data-test=bare]")).to_contain_text("ETH/USDT 50%")
        # And cancelling all leaves the stops, and says so before it does anything.
        page.locator("[data-test=tab-open]").click()
        page.locator("[data-test=cancel-all]").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("No order to cancel.")
        expect(dialog).to_contain_text("protective order")
        dialog.get_by_role("button", name="Keep orders").click()
        page.locator("[data-test=tab-positions]").click()
        expect(row.locator("[data-test=level]")).to_contain_text("SL 50%")
