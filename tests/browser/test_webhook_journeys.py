"""Two journeys of a trader: an alert is set up, and the alerts of a stream stop coming."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.browser.ahead import AHEAD
from tests.browser.conftest import running
from tests.browser.test_accessibility import findings_of
from tests.browser.test_truth import terminals_of
from tests.conftest import short_folder

MINUTES, SLOTS = 5, timedelta(minutes=5)


@pytest.fixture(scope="module")
def platform() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield a platform whose clocks the tests of this file move."""
    with short_folder() as home:
        yield from running(home, "tests.browser.ahead")


class Day:
    """The time of day of the platform, and the alerts of one stream."""

    def __init__(self, told: dict[str, Any], symbol: str, indicator: str) -> None:
        self.told, self.file = told, Path(told["home"]) / AHEAD
        self.base = {
            "Symbol": symbol, "Exchange": "BINANCE", "Interval": str(MINUTES), "IndicateurName": indicator,
            "UserID": told["user_number"], "UserExchangeID": told["broker"],
        }  # fmt: skip
        self.slot = self._now()

    def _now(self) -> datetime:
        ahead = float(self.file.read_text()) if self.file.exists() else 0.0
        return datetime.now(UTC) + timedelta(seconds=ahead)

    def turn_to(self, seconds: float, slots: int = 0) -> None:
        """Turn the clocks to so many seconds after a slot, which is the last one or so many further."""
        if slots:
            midnight = self.slot.replace(hour=0, minute=0, second=0, microsecond=0)
            self.slot = midnight + ((self.slot - midnight) // SLOTS + slots) * SLOTS
        ahead = self.slot + timedelta(seconds=seconds) - datetime.now(UTC)
        part = self.file.with_suffix(".part")
        part.write_text(str(ahead.total_seconds()))
        part.replace(self.file)

    def send(self, url: str, action: str, **fields: Any) -> None:
        """Send the alert of the bar that has just ended."""
        bar = (self.slot - SLOTS).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = json.dumps({**self.base, "Action": action, "BarTime": bar, **fields}).encode()
        request = urllib.request.Request(url, said, {"Content-Type": "application/json"})
        assert urllib.request.urlopen(request, timeout=20).status == 200


def test_an_alert_is_set_up_and_its_trade_is_kept_up_to_date(platform: Any, browse: Any, enter: Any) -> None:
    """The address is copied, a test arrives, a signal is executed under stop and target, and MAJ moves both."""
    from playwright.sync_api import expect

    told, _ = platform
    with browse() as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        enter(page, "en")
        page.click('a[href="/webhooks"]')
        setup = page.locator("[data-test=setup]")
        # A newcomer sees the script with the own numbers in it, and the reason why TradingView cannot come in yet.
        expect(setup.locator("[data-test=template]")).to_contain_text(f'input.int({told["broker"]}, "UserExchangeID"')
        expect(setup.locator("[data-test=not-public]")).to_be_visible()
        setup.get_by_role("tab", name="Alert message").click()
        expect(setup.locator("[data-test=template]")).to_contain_text(f'"UserID":{told["user_number"]}')
        setup.locator("[data-test=ping]").click()
        expect(page.get_by_text("The PING arrived in")).to_be_visible()
        expect(setup.locator("[data-test=last-received]")).to_have_text("no alert received yet")
        setup.get_by_role("button", name="Copy", exact=True).first.click()
        url = page.evaluate("navigator.clipboard.readText()")
        assert url == told["webhook_url"]
        # An alert is made by a form, and tried with paper money before TradingView has it.
        for name, value in (("symbol", "SOLUSDT"), ("percent", "5"), ("stop", "10")):
            setup.locator(f"[data-test=builder-{name}]").fill(value)
        expect(setup.locator("[data-test=template]")).to_contain_text('"Symbol":"SOLUSDT","Interval":"{{interval}}"')
        assert findings_of(page) == []
        setup.locator("[data-test=try]").click()
        expect(page.locator("[data-test=webhook]").filter(has_text="SOLUSDT")).to_contain_text("executed")
        # The first signal.
        day = Day(told, "BTCUSDT", "Journey")
        day.turn_to(2, slots=1)
        day.send(url, "BuyMarket", PourCent=10, PrixSL=30000, PrixTP=90000)
        received = page.locator("[data-test=webhook]").filter(has_text="BTCUSDT").filter(has_text="BuyMarket")
        expect(received).to_contain_text("executed")
        expect(setup.locator("[data-test=template]")).to_have_count(0)  # one line from now on
        page.get_by_role("tab", name="Orders of the open trade").click()
        trade = page.locator("[data-test=open-trade]").filter(has_text="BTC/USDT")
        expect(trade.locator("[data-test=stop]")).to_contain_text("30,000.00")
        expect(trade.locator("[data-test=target]")).to_contain_text("90,000.00")
        expect(trade.locator("[data-test=trade-order]")).to_have_count(3)
        # The next bars keep the protection up to date.
        day.turn_to(2, slots=1)
        day.send(url, "PING")
        day.turn_to(2, slots=1)
        day.send(url, "MAJ", PrixSL=31000, PrixTP=91000, PourCent=100)
        expect(trade.locator("[data-test=stop]")).to_contain_text("31,000.00")
        expect(trade.locator("[data-test=target]")).to_contain_text("91,000.00")
        page.get_by_role("tab", name="Streams").click()
        stream = page.locator("[data-test=stream]").filter(has_text="Journey")
        expect(stream).to_contain_text("monitored")
        expect(stream.locator("[data-test=countdown]")).to_contain_text("in ")
        _locked(page, day, url)
        # Its alert is deleted in TradingView.
        stream.locator("[data-test=close]").click()
        expect(stream).to_contain_text("closed")


def _locked(page: Any, day: Day, url: str) -> None:
    """Lock the stream: an entry is refused with its reason, and the rest goes on."""
    from playwright.sync_api import expect

    page.locator("[data-test=stream]").filter(has_text="Journey").locator("[data-test=set-gates]").click()
    page.locator("[data-test=gate-locked]").check()
    page.locator("[data-test=gate-rest]").fill("30")
    assert findings_of(page) == []
    page.locator("[data-test=gates-save]").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    day.turn_to(2, slots=1)
    day.send(url, "BuyMarket", PourCent=5)
    page.get_by_role("tab", name="Webhooks received").click()
    expect(page.locator("[data-test=webhook]").filter(has_text="BuyMarket").first).to_contain_text("no entry passes")
    page.get_by_role("tab", name="Streams").click()


def test_an_entry_waits_for_its_trader_and_a_share_is_held(platform: Any, browse: Any, enter: Any) -> None:
    """The first entry is shown with what it would cost and lose, and executed once approved; the next one at once."""
    from playwright.sync_api import expect

    told, _ = platform
    day, url = Day(told, "XRPUSDT", "Careful"), told["webhook_url"]
    with browse() as page:
        enter(page, "en")
        page.goto(f"{told['console']}/webhooks?list=streams")
        day.turn_to(2, slots=1)
        day.send(url, "PING")
        page.locator("[data-test=stream]").filter(has_text="Careful").locator("[data-test=set-gates]").click()
        page.locator("[data-test=gate-approved]").fill("1")
        page.locator("[data-test=gates-save]").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("tab", name="Webhooks received").click()
        entry = page.locator("[data-test=webhook]").filter(has_text="Careful").filter(has_text="Position")
        for answer, outcome in (("decline", "you declined it"), ("approve", "executed")):
            day.turn_to(2, slots=1)
            day.send(url, "Position", Position=4, PrixSL=0.01)
            card = page.locator("[data-test=approval]").filter(has_text="XRP/USDT")
            expect(card.locator("[data-test=cost]")).to_contain_text("USDT")
            expect(card.locator("[data-test=stop]")).to_contain_text("below")
            expect(entry.first).to_contain_text("awaits you")
            assert findings_of(page) == []
            card.locator(f"[data-test={answer}]").click()
            expect(card).to_have_count(0)
            expect(entry.first).to_contain_text(outcome)
        # From now on the stream asks no more: what is held already trades nothing, and nothing is held at the end.
        position = page.locator("[data-test=position]").filter(has_text="XRP/USDT")
        for share, held in ((4, 1), (2, 1), (0, 0)):
            day.turn_to(2, slots=1)
            day.send(url, "Position", Position=share)
            expect(entry.first).to_contain_text(f"to {share}%")
            expect(entry.first).to_contain_text("executed")
            expect(position).to_have_count(held)
        # The alert is deleted in TradingView: its trader closes the stream, which misses nothing from now on.
        page.goto(f"{told['console']}/webhooks?list=streams")
        stream = page.locator("[data-test=stream]").filter(has_text="Careful")
        stream.locator("[data-test=close]").click()
        expect(stream).to_contain_text("closed")


def test_a_stream_that_falls_silent_is_paused_and_resumed(platform: Any, browse: Any, enter: Any) -> None:
    """Overdue, three MISS, paused: the position keeps its stop, and what comes after the resumption is executed."""
    from playwright.sync_api import expect

    told, _ = platform
    day, url = Day(told, "ETHUSDT", "Crisis"), told["webhook_url"]
    with browse() as page:
        enter(page, "en")
        page.goto(f"{told['console']}/webhooks?list=streams")
        day.turn_to(2, slots=1)
        day.send(url, "BuyMarket", PourCent=10, PrixSL=1000)
        day.turn_to(2, slots=1)
        day.send(url, "PING")
        stream = page.locator("[data-test=stream]").filter(has_text="Crisis")
        expect(stream).to_contain_text("monitored")
        # The network is cut: the next alert is suspected after a minute, and forgiven when it comes within the grace.
        day.turn_to(61, slots=1)
        expect(stream.locator("[data-test=delayed]")).to_be_visible()
        day.turn_to(72)
        day.send(url, "PING")
        expect(stream.locator("[data-test=delayed]")).to_have_count(0)
        # The following three do not come.
        page.get_by_role("tab", name="Webhooks received").click()
        missed = page.locator("[data-test=webhook]").filter(has_text="MISS").filter(has_text="Crisis")
        for number in (1, 2):
            day.turn_to(82, slots=1)
            expect(missed).to_have_count(number)
            expect(page.locator("[data-test=gravity]")).to_have_text("Warning")
        expect(missed.first).to_have_class(re.compile("warn"))
        expect(page.locator("[data-test=critical-badge]")).to_have_count(0)
        day.turn_to(82, slots=1)
        expect(page.locator("[data-test=critical-badge]")).to_be_visible()
        expect(missed).to_have_count(3)
        for row in missed.all():
            expect(row).to_have_class(re.compile("bad"))
        expect(page.locator("[data-test=gravity]")).to_have_text("Critical")
        expect(page.locator("[data-test=missed]")).to_have_text("3")
        total = page.evaluate("fetch('/api/webhooks/stats').then(answer => answer.json()).then(told => told.total)")
        expect(page.locator("[data-test=received]")).to_have_text(str(total))
        assert findings_of(page) == []
        # On every page: the badge, the line, and the position under its stop.
        page.click('a[href="/"]')
        expect(page.locator("[data-test=webhooks-critical]")).to_contain_text("ETHUSDT 5 min Crisis")
        page.locator("[data-test=tab-positions]").click()
        expect(page.locator("[data-test=position]").filter(has_text="ETH/USDT")).to_contain_text("SL 100%")
        _resumed(page, day, url)


def _resumed(page: Any, day: Day, url: str) -> None:
    """Nothing is executed until the trader has looked and resumes; the next alert is processed as ever."""
    from playwright.sync_api import expect

    day.turn_to(2, slots=1)
    day.send(url, "BuyMarket", PourCent=5)
    page.locator("[data-test=critical-badge]").click()
    page.get_by_role("tab", name="Webhooks received").click()
    ignored = page.locator("[data-test=webhook]").filter(has_text="Crisis").first
    expect(ignored).to_contain_text("its stream is paused")
    # The trader has looked, and resumes.
    page.locator("[data-test=resume-webhooks]").click()
    expect(page.locator("[data-test=critical-badge]")).to_have_count(0)
    expect(page.locator("[data-test=webhooks-critical]")).to_have_count(0)
    expect(page.locator("[data-test=gravity]")).to_have_text("OK")
    day.turn_to(2, slots=1)
    day.send(url, "MAJ", PrixSL=1100, PourCent=100)
    moved = page.locator("[data-test=webhook]").filter(has_text="Crisis").filter(has_text="MAJ")
    expect(moved).to_contain_text("executed")
    expect(page.locator("[data-test=position]").filter(has_text="ETH/USDT")).to_contain_text("1,100.00")


def test_a_slot_in_which_our_own_door_was_away_is_not_judged(platform: Any, browse: Any, enter: Any) -> None:
    """The door is killed when the alert is due, and comes back within the grace: nobody knows, and nothing counts."""
    from playwright.sync_api import expect

    told, _ = platform
    day, url = Day(told, "SOLUSDT", "Door"), told["webhook_url"]
    with browse() as page:
        enter(page, "en")
        page.goto(f"{told['console']}/webhooks?list=streams")
        for _ in range(2):
            day.turn_to(2, slots=1)
            day.send(url, "PING")
        stream = page.locator("[data-test=stream]").filter(has_text="Door")
        expect(stream).to_contain_text("monitored")
        day.turn_to(10, slots=1)
        [door] = terminals_of(told, "receiver")
        os.kill(door, signal.SIGKILL)
        expect(page.locator("[data-test=health]")).to_be_visible()
        while not (found := terminals_of(told, "receiver")) or found == [door] or not _answers(url):
            page.wait_for_timeout(100)
        day.turn_to(82)
        page.get_by_role("tab", name="Webhooks received").click()
        row = page.locator("[data-test=webhook]").filter(has_text="SOLUSDT").filter(has_text="not judged")
        expect(row).to_have_count(1)
        expect(row).to_have_class(re.compile("muted"))
        page.get_by_role("tab", name="Streams").click()
        expect(stream).to_contain_text("100%")
        stream.locator("[data-test=close]").click()
        expect(stream).to_contain_text("closed")


def _answers(url: str) -> bool:
    """Return whether the door answers, whatever it says."""
    try:
        urllib.request.urlopen(url.partition("/webhook")[0], timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
