"""Answers that a lane must not misread: amounts that are not numbers, client ids in use, markets and keys gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from adapters.paper.binance import forms
from adapters.paper.faults import Fault
from application.orders.lookups import PROOF_AFTER
from application.ports.errors import NotAccepted
from domain.orders.order_status import Status

pytestmark = pytest.mark.exchanges("binance", "bitget")

ACCEPTED = ["Placed", "Submitted", "Accepted"]
NO_NUMBERS = ["NaN", "Infinity", "-Infinity"]
TROUBLE = {"lane_failed", "look_up_failed"}


@contextmanager
def every_amount_is(word: str) -> Iterator[None]:
    """Let the exchange give this word as every amount in its answers."""
    with pytest.MonkeyPatch.context() as nonsense:
        nonsense.setattr(forms, "amount", lambda _: word)
        yield


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("word", NO_NUMBERS)
async def test_an_order_is_not_sized_from_a_balance_that_is_no_number(open_trading, word):
    """The order waits until the exchange returns a balance in numbers."""
    async with open_trading() as trading:
        with every_amount_is(word):
            order_id = await trading.wish(percent=Decimal(50))
            await trading.until(lambda: trading.log.said)
            assert trading.log.said == ["not_sent_yet"]
            assert await trading.facts(order_id) == ["Placed"]
        order = await trading.becomes(order_id, Status.CLOSED)
        assert order.cost == 500


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("word", NO_NUMBERS)
async def test_an_answer_to_a_placement_without_numbers_is_a_doubt(open_trading, word):
    """The order exists: it is looked up until the exchange returns something that can be read."""
    async with open_trading() as trading:
        with pytest.MonkeyPatch.context() as nonsense:

            async def sized():
                nonsense.setattr(forms, "amount", lambda _: word)

            trading.client.before["place"] = sized
            order = await trading.becomes(await trading.wish(cost=Decimal(500)), Status.UNKNOWN)
            await trading.asked_again("query")
            assert await trading.facts(order.id) == ["Placed", "Submitted", "Doubted"]
        order = await trading.becomes(order.id, Status.CLOSED)
        assert order.filled == Decimal("0.01")
        assert len(trading.on_exchange()) == 1


@pytest.mark.parametrize("filled", [True, False], ids=["partly filled", "only accepted"])
async def test_a_resting_order_that_is_not_shown_for_long_is_not_given_up(open_trading, filled):
    """The order was accepted before, so a query that does not find it proves nothing, however long that lasts."""
    async with open_trading() as trading:
        if filled:
            trading.fault("place_order", "partial_fill")
        order = await trading.becomes(await trading.rest(price="50000" if filled else "40000"), Status.OPEN)
        known = [*ACCEPTED, *["Filled"] * filled]
        trading.show_orders(shown=False)
        trading.now = order.valid_until + 10 * PROOF_AFTER
        trading.lane.look_up(order.id)
        await trading.asked_again("query")
        assert await trading.facts(order.id) == known
        trading.show_orders()
        trading.hold("BTC/USDT", "39000")
        trading.lane.look_up(order.id)
        await trading.becomes(order.id, Status.CLOSED)
        assert await trading.facts(order.id) == [*known, "Filled", "Closed"]


async def without_btc(trading):
    """Begin the next lane after the exchange has delisted BTC/USDT. It goes on trading in other markets."""
    trading.lane.close()
    trading.delist("BTC/USDT")
    trading.lane = trading.new_lane()
    trading.start(trading.lane.work())


async def trades_on(trading):
    """Place an order in another market, wait until it is executed, and check that nothing failed in the lane."""
    await trading.becomes(await trading.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
    assert not TROUBLE & {*trading.log.said}


async def test_a_doubt_about_a_market_that_is_gone_stays_and_stops_nothing_else(open_trading):
    """The exchange cannot be asked about the order, so the doubt stays and sizing counts its worst cost."""
    async with open_trading(USDT="1000") as trading:
        trading.fault("place_order", "lose_request")
        doubt = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        await without_btc(trading)
        trading.lane.resume(doubt)
        await trading.until(lambda: "market_gone" in trading.log.said)
        await trades_on(trading)
        rest = await trading.becomes(await trading.wish(symbol="ETH/USDT", percent=Decimal(100)), Status.CLOSED)
        assert rest.cost == 500
        assert trading.lane.doubts == 1
        assert (await trading.load(doubt.id)).status is Status.UNKNOWN


async def test_a_cancel_in_a_market_that_is_gone_stops_nothing_else(open_trading):
    """The cancel cannot be carried out, and its request stays on record."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        await without_btc(trading)
        await trading.cancel(order.id)
        await trading.until(lambda: "market_gone" in trading.log.said)
        await trades_on(trading)
        assert await trading.facts(order.id) == [*ACCEPTED, "CancelRequested"]


@pytest.mark.exchanges("binance")
async def test_an_id_that_is_taken_is_looked_up_because_the_order_may_be_ours(open_trading):
    """The first attempt arrived, although a proxy's answer denied it."""
    async with open_trading() as trading:

        async def denied():
            del trading.client.after["place"]
            raise NotAccepted("a proxy's 429", code="rate_limited")

        trading.client.after["place"] = denied
        order = await trading.becomes(await trading.rest(), Status.OPEN, Status.REJECTED)
        assert await trading.facts(order.id) == [
            "Placed",
            "Submitted",
            "Deferred",
            "Submitted",
            "Doubted",
            "Accepted",
        ]
        [there] = trading.on_exchange()
        assert order.exchange_order_id == str(there.id)


async def test_keys_that_are_refused_while_an_order_is_sized_refuse_it(open_trading):
    """The exchange no longer knows the keys, and waiting would not help."""
    async with open_trading() as trading:
        trading.paper.ledger.accounts.clear()
        order = await trading.becomes(await trading.wish(cost=Decimal(500)), Status.REFUSED)
        assert order.reason == "key_refused"
        assert not trading.client.asked["place"]


async def test_an_attempt_refused_for_its_timestamp_is_repeated_on_the_exchanges_clock(open_trading):
    """The exchange's clock jumps between sizing and sending."""
    async with open_trading() as trading:

        async def jumps():
            trading.paper.faults.add(Fault("stream", "skew_clock", seconds=3600))

        trading.client.after["balances"] = jumps
        order = await trading.becomes(await trading.rest(), Status.OPEN, Status.REJECTED)
        first, second = [event for event in await trading.events(order.id) if type(event).__name__ == "Submitted"]
        assert not first.proof
        assert second.proof
        assert order.status is Status.OPEN
