"""The monitor through the real bus and counter: it finds unreported changes, and looks fully after an outage."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from concurrent.futures import wait
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from adapters.paper.pairs import PAIRS
from application.ports.requests import Action
from aristobot.__main__ import main
from aristobot.answering import answer_requests
from aristobot.commands import reconcile as command
from aristobot.terminals import monitor as terminal
from aristobot.terminals.monitor import REFUSED, Monitor, metrics_for
from domain.alert import Cause
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.reconciliation import Occasion
from projections.books.projector import PAGE, Books
from tests.support.log import Log
from tests.terminals.at_work import REST, platform_for

TRADE = {"opened_at": None, "closed_at": "2026-03-02T10:30:00Z", "cost": "100", "net": "10.5"}


@pytest.fixture
def platform(database, valkey, tmp_path, monkeypatch):
    return platform_for(database, valkey, tmp_path, monkeypatch)


async def at_work(house):
    """Return a monitor, and a broker with its account and a resting order. Its stream is not heard."""
    user = await house.user()
    account, keys = house.account(USDT="5000")
    broker = await house.connect(user, keys)
    order = await house.wish(broker)
    lane = house.gateway.lanes[broker]
    await house.until(lambda: lane.streaming and lane.idle)
    house.gateway._listening[broker].cancel()
    return Monitor(house.web, Log()), broker, account, order


async def look(monitor, gateway=True):
    """Let the monitor look once, to the end, and return the brokers that could not be asked.

    Without a gateway it waits for half a second only.
    """
    with pytest.MonkeyPatch.context() as patience:
        patience.setattr(terminal, "ASK_SECONDS", 20.0 if gateway else 0.5)
        await asyncio.to_thread(monitor.look)
        await asyncio.to_thread(wait, monitor._looks.values())
    return monitor.figures()["away"]


def runs_of(house, topic="Started"):
    """Return the events of one kind that reconciliations have recorded, the one at the start included."""
    return [one.event for one in house.store.read(0, topics=[f"Reconciliation.{topic}"])]


def alerts_of(house):
    return [one.event for one in house.store.read(0, topics=["Alert.Raised"])]


def elsewhere(house, account):
    """Place an order on the exchange, in a symbol that no poll asks about."""
    named = {"client_order_id": "web_1", "side": "buy", "type": "limit", "price": Decimal(2000)}
    house.server.paper.ledger.place(account, PAIRS["ETH/USDT"], quantity=Decimal("0.1"), **named)


async def test_a_fill_that_the_stream_did_not_tell_is_found(platform):
    """One look finds it, and the next one adds nothing."""
    async with platform() as house:
        monitor, _, _, order = await at_work(house)
        house.server.paper.prices.hold("BTC/USDT", Decimal(39000))
        for _ in range(2):
            assert await look(monitor) == []
        assert house.store.get(Order, order.id).status is Status.CLOSED
        assert [e.occasion for e in runs_of(house) if e.occasion is Occasion.POLL] == [Occasion.POLL]
        assert monitor.figures()["look_age"] is not None


@pytest.mark.parametrize("away", ["gateway", "exchange"])
async def test_who_was_away_is_looked_at_as_a_whole_afterwards(platform, away):
    """A poll of the markets with our orders would not be enough: much may have happened meanwhile."""
    async with platform() as house:
        # Given an order that no poll finds.
        monitor, broker, account, _ = await at_work(house)
        elsewhere(house, account)
        assert await look(monitor) == []
        # When the gateway or the exchange is away during one look.
        if away == "gateway":
            house._tasks[1].cancel()
            await asyncio.gather(house._tasks[1], return_exceptions=True)
        else:
            house.server.paper.faults.add(Fault("query", "status_500"))
        assert await look(monitor, away != "gateway") == [broker]
        assert monitor._log.said == ["broker_not_compared"]
        assert not [e for e in runs_of(house) if e.occasion is Occasion.FULL]
        # Then the next look is a full one and finds the order.
        if away == "gateway":
            house._tasks.append(asyncio.create_task(house.gateway.counter.serve()))
        assert await look(monitor) == []
        [found] = [e.discrepancy for e in runs_of(house, "DiscrepancyFound")]
        assert (found.symbol, found.resolution) == ("ETH/USDT", "awaited")
        assert [e.occasion for e in runs_of(house)][-1] is Occasion.FULL


@pytest.mark.parametrize(("seconds", "told"), [("0", 1), ("180", 0)])
async def test_a_doubt_that_lasts_is_told_once(platform, monkeypatch, seconds, told):
    """The alert is raised as soon as the doubt has lasted for `ARISTOBOT_DOUBT_SECONDS`."""
    monkeypatch.setenv("ARISTOBOT_DOUBT_SECONDS", seconds)
    async with platform() as house:
        monitor, broker, _, _ = await at_work(house)
        house.server.paper.faults.add(Fault("place_order", "lose_request"))
        placed = await asyncio.to_thread(house.database.placed, house.store, 1, broker, **REST)
        await house.until(lambda: house.store.get(Order, placed.id).status is Status.UNKNOWN)
        for _ in range(2):
            assert await look(monitor) == []
        lasting = [alert for alert in alerts_of(house) if alert.cause is Cause.DOUBT_LASTS]
        assert [alert.subject for alert in lasting] == [placed.id] * told
        assert [alert.facts["symbol"] for alert in lasting] == ["BTC/USDT"] * told


@pytest.mark.parametrize("away", ["exchange", "gateway"])
async def test_a_doubt_that_lasts_is_told_also_while_nobody_can_be_asked(platform, monkeypatch, away):
    """The log knows when the doubt began. A silent gateway or exchange is just when a doubt lasts."""
    monkeypatch.setenv("ARISTOBOT_DOUBT_SECONDS", "0")
    async with platform() as house:
        monitor, broker, _, _ = await at_work(house)
        assert await look(monitor) == []
        house.server.paper.faults.add(Fault("place_order", "lose_request"))
        placed = await asyncio.to_thread(house.database.placed, house.store, 1, broker, **REST)
        await house.until(lambda: house.store.get(Order, placed.id).status is Status.UNKNOWN)
        if away == "gateway":
            house._tasks[1].cancel()
            await asyncio.gather(house._tasks[1], return_exceptions=True)
        else:
            house.server.paper.faults.add(Fault("query", "status_500", times=1000))
        for _ in range(2):
            assert await look(monitor, away != "gateway") == [broker]
        lasting = [alert.subject for alert in alerts_of(house) if alert.cause is Cause.DOUBT_LASTS]
        assert lasting == [placed.id]


async def test_a_broker_that_is_silent_holds_up_no_other(platform, monkeypatch):
    """The next looks leave it alone until it has answered, and reconcile the others as usual."""
    monkeypatch.setattr(terminal, "ASK_SECONDS", 20.0)
    async with platform() as house:
        monitor, silent, _, _ = await at_work(house)
        other = await house.connect(1, house.account()[1], "another")
        await house.until(lambda: other in house.gateway.lanes and house.gateway.lanes[other].reconciled.is_set())
        asked, answer, compare = Counter(), asyncio.Event(), house.gateway.counter._reconcile

        async def reconcile(broker, occasion, *, dry):
            asked[broker.number] += 1
            if broker.number == silent:
                await answer.wait()
            return await compare(broker, occasion, dry=dry)

        monkeypatch.setattr(house.gateway.counter, "_reconcile", reconcile)
        for _ in range(3):
            await asyncio.to_thread(monitor.look)
            await asyncio.to_thread(monitor._looks[other].result)
        assert asked == {silent: 1, other: 3}
        assert monitor.figures()["look_age"] is None
        answer.set()
        assert await look(monitor) == []
        assert await look(monitor) == []
        assert asked[silent] > 1
        assert monitor.figures()["look_age"] is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("symbol = ''", "symbol is missing"),
        ("status = 'odd'", "status odd is no standard one"),
        ("raw_response = NULL", "the exchange's answer is missing"),
    ],
)
async def test_a_malformed_record_is_told_once(platform, change, said):
    """No alert is raised for the correct records beside it."""
    async with platform() as house:
        monitor, broker, _, order = await at_work(house)
        await house.wish(broker)
        books = Books(house.database.connect("aristobot_projector"))
        while books.step(house.store.read, PAGE)[0]:
            pass
        house.database.tampering().execute(f"UPDATE books.trades SET {change} WHERE id = %s", (order.id,))
        for _ in range(2):
            assert await look(monitor) == []
        [alert] = [alert for alert in alerts_of(house) if alert.cause is Cause.RECORD_MALFORMED]
        assert (alert.subject, alert.facts["faults"]) == (order.id, said)


async def test_metrics_are_calculated_for_whoever_asks(platform):
    """A request with invalid trades is refused as `invalid`, and the next request is answered."""
    async with platform() as house:
        stopping = threading.Event()
        serving = asyncio.create_task(
            asyncio.to_thread(answer_requests, house.web.bus, "monitor", metrics_for, Log(), stopping, *REFUSED)
        )
        try:
            for wrong in ({}, {"trades": None}, {"trades": [{**TRADE, "net": "NaN"}]}, {"trades": [{"net": "1"}]}):
                _, end = await house.ask(1, Action.CALCULATE_METRICS, **wrong)
                assert (end.success, end.data, end.code) == (False, None, "invalid")
            _, end = await house.ask(1, Action.CALCULATE_METRICS, trades=[TRADE, {**TRADE, "net": "-0.5"}])
            assert end.success
            told = {name: end.data[name] for name in ("total_profit", "trades", "win_rate", "profit_factor")}
            assert told == {"total_profit": "10.0", "trades": 2, "win_rate": "0.5", "profit_factor": "21"}
        finally:
            stopping.set()
            await serving


async def test_the_command_line_compares_and_says_by_its_code_whether_somebody_has_to_decide(
    platform, monkeypatch, capsys
):
    """The code is 0 when every difference is reported or recorded.

    It is 1 when something is left to a person, an order is in doubt or the gateway is unheard, and 2 when the broker
    does not exist.
    """
    async with platform() as house:
        _, broker, account, order = await at_work(house)
        monkeypatch.setenv("ARISTOBOT_DATABASE_URL", house.database.url)

        async def reconcile(number):
            given = ["reconcile", "--dry-run", "--json", "--broker", str(number)]
            code = await asyncio.to_thread(main, given)
            return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

        # When nothing differs.
        head = house.store.head()
        code, [told] = await reconcile(broker)
        assert (code, told["completed"], told["dry_run"], told["discrepancies"]) == (0, True, True, [])
        assert [phase["phase"] for phase in told["phases"]] == ["fetch", "match", "external", "restore", "audit"]
        # When a fill was not reported.
        house.server.paper.prices.hold("BTC/USDT", Decimal(39000))
        code, [told] = await reconcile(broker)
        assert [found["resolution"] for found in told["discrepancies"]] == ["recorded"]
        assert (code, told["discrepancies"][0]["order"]) == (0, str(order.id))
        # When the exchange reports more than the order's quantity.
        [there] = house.server.paper.ledger.of(account)
        there.filled += 1
        code, [told] = await reconcile(broker)
        assert (code, [found["resolution"] for found in told["discrepancies"]]) == (1, ["decide"])
        # When an order is in doubt.
        there.filled -= 1
        doubts = house.gateway.lanes[broker].orders.doubts
        doubts.begin(house.store.get(Order, order.id))
        code, [told] = await reconcile(broker)
        assert (code, [doubt["order"] for doubt in told["doubts"]]) == (1, [str(order.id)])
        doubts.end(order.id)
        # When there is no such broker, and then no gateway.
        assert await reconcile(broker + 1) == (2, [])
        house._tasks[1].cancel()
        monkeypatch.setattr(command, "ASK_SECONDS", 0.2)
        code, [told] = await reconcile(broker)
        assert (code, told["completed"], told["discrepancies"]) == (1, False, [])
        # Then nothing was recorded in any of these cases.
        assert house.store.head() == head
