"""Unrequested news for a lane: reports in any order and number, and a person's decision about a doubt."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.exchanges.binance.messages import moment
from application.ports.errors import NoAnswer
from application.ports.statements import Fill, OrderReport
from domain.amounts import total
from domain.orders.order_status import Status
from domain.orders.wish import Side
from tests.application.observed import id_of

pytestmark = pytest.mark.exchanges("binance", "bitget")

DOUBT = ["Placed", "Submitted", "Doubted"]
DONE = ["Accepted", "Filled", "Filled", "Closed"]


async def two_trades(trading):
    """Place a buy at 50,000 that is executed in two halves, with its answer lost and no orders shown by the exchange.

    Return the order and the reports of the private stream: accepted, the first half, the rest.
    """

    async def lost():
        raise NoAnswer("the answer is lost")

    trading.show_orders(shown=False)
    trading.client.after["place"] = lost
    trading.fault("place_order", "partial_fill")
    order = await trading.becomes(await trading.rest(price="50000"), Status.UNKNOWN)
    trading.hold("BTC/USDT", "50000")
    return order, reports_of(*trading.on_exchange())


def reports_of(there):
    """Return the stream's reports about an order of the paper exchange."""
    executed, reports = [], [report(there, Status.OPEN, [], [])]
    for trade in there.trades:
        executed.append(trade)
        state = Status.CLOSED if trade is there.trades[-1] else Status.OPEN
        reports.append(report(there, state, executed, [trade]))
    return reports


def report(there, state, executed, told):
    """Return one report. `told` are the trades that it carries, `executed` all trades up to then."""
    return OrderReport(
        exchange_order_id=id_of(there),
        client_order_id=there.client_order_id,
        native_symbol="BTCUSDT",
        side=Side(there.side),
        state=state,
        native_status=state,
        quantity=there.quantity,
        price=there.price,
        filled=total(trade.quantity for trade in executed),
        cost=total(trade.quantity * trade.price for trade in executed),
        raw="{}",
        fills=[Fill(id_of(t), t.quantity, t.price, t.fee, t.fee_currency, moment(t.at), t.maker, "{}") for t in told],
    )


async def all_taken(trading, order, state=Status.CLOSED):
    """Check that both halves are recorded once each, as the exchange has them."""
    order = await trading.load(order.id)
    [there] = trading.on_exchange()
    assert order.status is state
    assert order.fills == {id_of(trade): trade.quantity for trade in there.trades}
    assert order.filled == there.filled == Decimal("0.01")


@pytest.mark.parametrize(
    "order_of_reports",
    ["012", "001122", "012012", "210", "120", "102", "2", "21", "02", "1212"],
)
async def test_reports_in_any_order_and_number_are_one_history(open_trading, order_of_reports):
    """The order is accepted once, takes each trade once and ends once. Repeating all reports adds nothing."""
    async with open_trading() as trading:
        order, reports = await two_trades(trading)
        for number in order_of_reports:
            await trading.lane.hear(reports[int(number)])
        await all_taken(trading, order)
        facts = await trading.facts(order.id)
        assert facts[:3] + sorted(facts[3:]) == DOUBT + sorted(DONE)
        assert facts[3] == "Accepted"
        for heard in (*reports, *reversed(reports)):
            await trading.lane.hear(heard)
        assert await trading.facts(order.id) == facts


async def test_a_fill_before_anything_else_accepts_the_order(open_trading):
    """The report of the first trade is the first news of an order in doubt, and ends the doubt."""
    async with open_trading() as trading:
        order, [_, first, _] = await two_trades(trading)
        await trading.lane.hear(first)
        assert await trading.facts(order.id) == [*DOUBT, "Accepted", "Filled"]
        order = await trading.load(order.id)
        assert (order.status, order.filled) == (Status.OPEN, Decimal("0.005"))
        assert not trading.lane.doubts


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
async def test_the_stream_may_be_faster_than_the_answer(open_trading, lost):
    """The report arrives before the answer to the placement. The answer, or its loss, then changes nothing."""
    async with open_trading() as trading:

        async def told_first():
            [there] = trading.on_exchange()
            for heard in reports_of(there):
                await trading.lane.hear(heard)
            if lost:
                raise NoAnswer("the answer is lost")

        trading.client.after["place"] = told_first
        order = await trading.becomes(await trading.rest(price="50000"), Status.CLOSED)
        await trading.known()
        assert await trading.facts(order.id) == ["Placed", "Submitted", "Accepted", "Filled", "Closed"]


async def test_reports_about_strangers_are_not_the_lanes_business(open_trading):
    """The reports are of an order that this lane never sent, and it ignores them."""
    async with open_trading() as trading:
        order, reports = await two_trades(trading)
        other = trading.new_lane()
        for heard in reports:
            await other.hear(heard)
        assert await trading.facts(order.id) == DOUBT


async def test_a_trade_that_the_stream_tells_twice_counts_once(open_trading):
    """A real private stream reports the same fill twice."""
    async with open_trading() as trading:
        await trading.listening()
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.fault("stream", "duplicate_fill")
        trading.hold("BTC/USDT", "39000")
        await trading.until(lambda: trading.client.heard[order.client_order_id] == 3)
        assert await trading.facts(order.id) == ["Placed", "Submitted", "Accepted", "Filled", "Closed"]


async def test_what_is_reported_while_the_stream_breaks_is_looked_up(open_trading):
    """The connection breaks with the very report of the fill."""
    async with open_trading() as trading:
        await trading.listening()
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.fault("stream", "drop_stream")
        trading.hold("BTC/USDT", "39000")
        await trading.becomes(order.id, Status.CLOSED)
        assert "stream_ended" in trading.log.said
        assert await trading.facts(order.id) == ["Placed", "Submitted", "Accepted", "Filled", "Closed"]


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_doubt_that_a_person_resolved_as_open_takes_every_fill_that_is_reported(open_trading, number):
    """The look-up goes on until all trades are recorded, whichever report comes first."""
    async with open_trading() as trading:
        order, reports = await two_trades(trading)
        await trading.say(order.id, lambda o: o.resolve(1, Status.OPEN, "seen on the exchange"))
        await trading.lane.hear(reports[number])
        facts = await trading.facts(order.id)
        assert facts[:5] == [*DOUBT, "Resolved", "Accepted"]
        assert facts[5:] == [[], ["Filled"], ["Filled", "Filled", "Closed"]][number]
        trading.show_orders()
        await trading.becomes(order.id, Status.CLOSED)
        await trading.known()
        await all_taken(trading, order)


async def test_a_doubt_that_a_person_resolved_as_open_is_looked_up_further(open_trading):
    """The stream reports nothing, and the look-up finds the fills."""
    async with open_trading() as trading:
        order, _ = await two_trades(trading)
        await trading.say(order.id, lambda o: o.resolve(1, Status.OPEN, "seen on the exchange"))
        await trading.asked_again("query")
        trading.show_orders()
        await trading.becomes(order.id, Status.CLOSED)
        await all_taken(trading, order)
        await trading.known()


@pytest.mark.parametrize("outcome", [Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.CLOSED])
async def test_fills_are_taken_after_a_person_was_wrong(open_trading, outcome):
    """A fill is recorded after any end. The lane does not correct the end itself."""
    async with open_trading() as trading:
        order, reports = await two_trades(trading)
        await trading.say(order.id, lambda o: o.resolve(1, outcome, "not seen on the exchange"))
        if outcome is not Status.CLOSED:  # a closed order is looked up until its executions are known
            await trading.known()
        for heard in reports:
            await trading.lane.hear(heard)
        await all_taken(trading, order, outcome)
        assert await trading.facts(order.id) == [*DOUBT, "Resolved", "Accepted", "Filled", "Filled"]
