"""Answers that a lane must not misread: amounts that are no numbers, names that are taken, markets and keys gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from adapters.paper.binance import forms
from adapters.paper.faults import Fault
from application.exchange import NotAccepted
from application.lookups import PROOF_AFTER
from domain.order import Status

ACCEPTED = ["Placed", "Submitted", "Accepted"]
NO_NUMBERS = ["NaN", "Infinity", "-Infinity"]
TROUBLE = {"lane_failed", "look_up_failed"}


@contextmanager
def every_amount_is(word: str) -> Iterator[None]:
    """What the exchange says, in all its answers."""
    with pytest.MonkeyPatch.context() as nonsense:
        nonsense.setattr(forms, "amount", lambda _: word)
        yield


@pytest.mark.parametrize("word", NO_NUMBERS)
def test_an_order_is_not_sized_from_a_balance_that_is_no_number(trading, word):
    """It waits until the exchange says what is there."""

    async def story():
        async with trading() as desk:
            with every_amount_is(word):
                order_id = await desk.wish(percent=Decimal(50))
                await desk.until(lambda: desk.log.said)
                assert desk.log.said == ["not_sent_yet"]
                assert await desk.facts(order_id) == ["Placed"]
            order = await desk.becomes(order_id, Status.CLOSED)
            assert order.cost == 500

    asyncio.run(story())


@pytest.mark.parametrize("word", NO_NUMBERS)
def test_an_answer_to_a_placement_without_numbers_is_a_doubt(trading, word):
    """The order is there: it is looked up until the exchange says something that can be understood."""

    async def story():
        async with trading() as desk:
            with pytest.MonkeyPatch.context() as nonsense:

                async def sized():
                    nonsense.setattr(forms, "amount", lambda _: word)

                desk.client.before["place"] = sized
                order = await desk.becomes(await desk.wish(cost=Decimal(500)), Status.UNKNOWN)
                await desk.asked_again("query")
                assert await desk.facts(order.id) == ["Placed", "Submitted", "Doubted"]
            order = await desk.becomes(order.id, Status.CLOSED)
            assert order.filled == Decimal("0.01")
            assert len(desk.on_exchange()) == 1

    asyncio.run(story())


@pytest.mark.parametrize("filled", [True, False], ids=["partly filled", "only accepted"])
def test_a_resting_order_that_is_not_shown_for_long_is_not_given_up(trading, filled):
    """It was accepted, so that it is not found proves nothing, however long it lasts."""

    async def story():
        async with trading() as desk:
            if filled:
                desk.fault("place_order", "partial_fill")
            order = await desk.becomes(await desk.rest(price="50000" if filled else "40000"), Status.OPEN)
            known = [*ACCEPTED, *["Filled"] * filled]
            desk.show_orders(shown=False)
            desk.now = order.valid_until + 10 * PROOF_AFTER
            desk.lane.look_up(order.id)
            await desk.asked_again("query")
            assert await desk.facts(order.id) == known
            desk.show_orders()
            desk.hold("BTC/USDT", "39000")
            desk.lane.look_up(order.id)
            await desk.becomes(order.id, Status.CLOSED)
            assert await desk.facts(order.id) == [*known, "Filled", "Closed"]

    asyncio.run(story())


async def without_btc(desk):
    """The next lane, after the exchange has taken the market off its list; it trades on in others."""
    desk.lane.stop()
    del desk.markets["BTC/USDT"]
    desk.lane = desk.new_lane()
    desk.start(desk.lane.work())


async def trades_on(desk):
    """The lane does its work, and nothing has failed in it."""
    await desk.becomes(await desk.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
    assert not TROUBLE & {*desk.log.said}


def test_a_doubt_about_a_market_that_is_gone_stays_and_stops_nothing_else(trading):
    """Nobody can be asked about it; its money is reckoned with."""

    async def story():
        async with trading(USDT="1000") as desk:
            desk.fault("place_order", "lose_request")
            doubt = await desk.becomes(await desk.rest(), Status.UNKNOWN)
            await without_btc(desk)
            desk.lane.resume(doubt)
            await desk.until(lambda: "market_gone" in desk.log.said)
            await trades_on(desk)
            rest = await desk.becomes(await desk.wish(symbol="ETH/USDT", percent=Decimal(100)), Status.CLOSED)
            assert rest.cost == 500
            assert desk.lane.doubts == 1
            assert (await desk.load(doubt.id)).status is Status.UNKNOWN

    asyncio.run(story())


def test_a_cancel_in_a_market_that_is_gone_stops_nothing_else(trading):
    """It cannot be carried out, and the request stays on record."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            await without_btc(desk)
            await desk.cancel(order.id)
            await desk.until(lambda: "market_gone" in desk.log.said)
            await trades_on(desk)
            assert await desk.facts(order.id) == [*ACCEPTED, "CancelRequested"]

    asyncio.run(story())


def test_an_id_that_is_taken_is_looked_up_because_the_order_may_be_ours(trading):
    """The first attempt arrived although somebody on the way said that it had not."""

    async def story():
        async with trading() as desk:

            async def denied():
                del desk.client.after["place"]
                raise NotAccepted("a proxy's 429", code="rate_limited")

            desk.client.after["place"] = denied
            order = await desk.becomes(await desk.rest(), Status.OPEN, Status.REJECTED)
            assert await desk.facts(order.id) == ["Placed", "Submitted", "Deferred", "Submitted", "Doubted", "Accepted"]
            [there] = desk.on_exchange()
            assert order.exchange_order_id == str(there.id)

    asyncio.run(story())


def test_keys_that_are_refused_while_an_order_is_sized_refuse_it(trading):
    """The exchange knows them no more: waiting would not help."""

    async def story():
        async with trading() as desk:
            desk.paper.ledger.accounts.clear()
            order = await desk.becomes(await desk.wish(cost=Decimal(500)), Status.REFUSED)
            assert order.reason == "key_refused"
            assert not desk.client.asked["place"]

    asyncio.run(story())


def test_an_attempt_refused_for_its_timestamp_is_repeated_on_the_exchanges_clock(trading):
    """The exchange's clock jumps between sizing and sending."""

    async def story():
        async with trading() as desk:

            async def jumps():
                desk.paper.faults.add(Fault("stream", "skew_clock", seconds=3600))

            desk.client.after["balances"] = jumps
            order = await desk.becomes(await desk.rest(), Status.OPEN, Status.REJECTED)
            first, second = [event for event in await desk.events(order.id) if type(event).__name__ == "Submitted"]
            assert not first.proof
            assert second.proof
            assert order.status is Status.OPEN

    asyncio.run(story())
