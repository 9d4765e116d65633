"""Doubts: what silence leaves open, what it costs meanwhile, and what ends it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from application.exchange import NoAnswer
from application.lookups import PROOF_AFTER
from domain.order import Status
from domain.wish import Side, Type

INSTANT = timedelta(microseconds=1)
DOUBT = ["Placed", "Submitted", "Doubted"]


@pytest.mark.parametrize("silence", ["lose_answer", "garbage"])
def test_an_order_whose_answer_is_lost_is_found(trading, silence):
    """It was carried out: the look-up brings its fill and its end, and it is never sent again."""

    async def story():
        async with trading() as desk:
            desk.fault("place_order", silence)
            order = await desk.becomes(await desk.wish(cost=Decimal(500)), Status.CLOSED)
            assert await desk.facts(order.id) == [*DOUBT, "Accepted", "Filled", "Closed"]
            assert order.filled == Decimal("0.01")
            await desk.known()
            assert desk.client.asked["place"] == len(desk.on_exchange()) == 1

    asyncio.run(story())


@pytest.mark.parametrize("silence", ["lose_request", "status_500"])
def test_an_order_that_never_arrived_is_proven_absent_and_not_before(trading, silence):
    """Not found proves nothing until the request is a minute beyond its validity and complete lists lack it too."""

    async def story():
        async with trading() as desk:
            desk.fault("place_order", silence)
            order = await desk.becomes(await desk.wish(cost=Decimal(500)), Status.UNKNOWN)
            assert order.valid_until == order.submitted_at + timedelta(seconds=desk.client.valid_for)
            desk.now = order.valid_until + PROOF_AFTER - INSTANT
            await desk.asked_again("query")
            assert await desk.facts(order.id) == DOUBT
            desk.now += INSTANT
            order = await desk.becomes(order.id, Status.REJECTED)
            assert order.reason == "never_reached_the_exchange"
            await desk.known()
            assert desk.client.asked["place"] == 1

    asyncio.run(story())


def test_an_order_that_the_exchange_shows_late_is_found(trading):
    """It is not among its lists for a while, which is no proof while its request may still be carried out."""

    async def story():
        async with trading() as desk:
            desk.show_orders(shown=False)
            desk.fault("place_order", "lose_answer")
            order = await desk.becomes(await desk.rest(), Status.UNKNOWN)
            await desk.asked_again("query")
            assert await desk.facts(order.id) == DOUBT
            desk.show_orders()
            await desk.becomes(order.id, Status.OPEN)
            assert await desk.facts(order.id) == [*DOUBT, "Accepted"]

    asyncio.run(story())


@pytest.mark.parametrize("there", [Status.OPEN, Status.CLOSED])
def test_an_order_that_only_the_lists_show_is_found(trading, there):
    """The query misses it, but it is among the open or the ended orders: no proof of absence."""

    async def story():
        async with trading() as desk:

            async def hide():
                desk.show_orders(shown=False)

            async def show():
                desk.show_orders()

            desk.client.before |= {"query": hide, "open_orders": show}
            desk.fault("place_order", "lose_answer")
            order = await desk.becomes(await desk.rest(), Status.UNKNOWN)
            if there is Status.CLOSED:
                desk.hold("BTC/USDT", "39000")
            desk.now = order.valid_until + PROOF_AFTER
            order = await desk.becomes(order.id, there, Status.REJECTED)
            assert order.status is there
            assert order.filled == (Decimal("0.01") if there is Status.CLOSED else 0)

    asyncio.run(story())


@pytest.mark.parametrize("which", ["open_orders", "orders_since"])
def test_incomplete_lists_prove_nothing(trading, which):
    """As long as one of them has no answer the doubt stays."""

    async def story():
        async with trading() as desk:

            async def away():
                raise NoAnswer("no list")

            desk.client.before[which] = away
            desk.fault("place_order", "lose_request")
            order = await desk.becomes(await desk.rest(), Status.UNKNOWN)
            desk.now = order.valid_until + PROOF_AFTER
            await desk.asked_again(which)
            assert await desk.facts(order.id) == DOUBT
            del desk.client.before[which]
            await desk.becomes(order.id, Status.REJECTED)

    asyncio.run(story())


def test_an_order_of_the_book_may_be_cancelled_while_it_is_in_doubt(trading):
    """The cancel does not wait; it is repeated when the order is found after all."""

    async def story():
        async with trading() as desk:
            desk.show_orders(shown=False)
            desk.fault("place_order", "lose_answer")
            order = await desk.becomes(await desk.rest(), Status.UNKNOWN)
            await desk.cancel(order.id)
            await desk.until(lambda: desk.client.asked["cancel"] == 1)
            await desk.asked_again("query")
            assert await desk.facts(order.id) == [*DOUBT, "CancelRequested"]
            desk.show_orders()
            await desk.becomes(order.id, Status.CANCELLED)
            assert [there.status for there in desk.on_exchange()] == ["cancelled"]

    asyncio.run(story())


@pytest.mark.parametrize(
    "first",
    [
        {"cost": Decimal(400)},
        {"type": Type.LIMIT, "quantity": Decimal("0.01"), "price": Decimal(40000)},
        {"type": Type.LIMIT, "percent": Decimal(40), "price": Decimal(40000)},
    ],
)
def test_sizing_reckons_with_the_worst_that_a_doubt_may_cost(trading, first):
    """Here 400 of 1000; when the doubt has ended the whole balance counts again."""

    async def story():
        async with trading(USDT="1000") as desk:
            all_of_it = {"symbol": "ETH/USDT", "percent": Decimal(100)}
            desk.fault("place_order", "lose_request")
            doubt = await desk.becomes(await desk.wish(**first), Status.UNKNOWN)
            second = await desk.becomes(await desk.wish(**all_of_it), Status.CLOSED)
            assert second.cost == 600
            third = await desk.becomes(await desk.wish(**all_of_it), Status.REFUSED)
            assert third.reason == "insufficient_funds"
            desk.now = doubt.valid_until + PROOF_AFTER
            await desk.known()
            fourth = await desk.becomes(await desk.wish(**all_of_it), Status.CLOSED)
            assert fourth.cost == 400

    asyncio.run(story())


def test_while_nobody_can_tell_what_a_doubt_has_spent_nothing_is_sized(trading):
    """A market buy by quantity may have cost anything: what spends the same currency waits until it is known."""

    async def story():
        async with trading(USDT="1000") as desk:
            desk.fault("place_order", "lose_request")
            doubt = await desk.becomes(await desk.wish(quantity=Decimal("0.01")), Status.UNKNOWN)
            waiting = await desk.wish(symbol="ETH/USDT", percent=Decimal(100))
            await desk.until(lambda: "not_sent_yet" in desk.log.said)
            assert await desk.facts(waiting) == ["Placed"]
            desk.now = doubt.valid_until + PROOF_AFTER
            assert (await desk.becomes(waiting, Status.CLOSED)).cost == 1000

    asyncio.run(story())


def test_a_sale_in_doubt_counts_for_the_same_currency_in_another_market(trading):
    """What may be sold already is not sold again elsewhere."""

    async def story():
        async with trading(BTC="0.02") as desk:
            desk.fault("place_order", "lose_request")
            await desk.becomes(await desk.wish(side=Side.SELL, quantity=Decimal("0.015")), Status.UNKNOWN)
            wish = await desk.wish(symbol="BTC/USDC", side=Side.SELL, percent=Decimal(100))
            assert (await desk.becomes(wish, Status.CLOSED)).quantity == Decimal("0.005")

    asyncio.run(story())


def test_a_doubt_of_a_dead_gateway_holds_its_symbol_and_its_money(trading):
    """The next lane has it from the log alone."""

    async def story():
        async with trading(USDT="1000") as desk:
            desk.fault("place_order", "lose_request")
            doubt = await desk.becomes(await desk.rest(), Status.UNKNOWN)
            desk.lane.stop()
            desk.lane = desk.new_lane()
            desk.start(desk.lane.work())
            desk.lane.resume(doubt)
            waiting = await desk.rest()
            other = await desk.wish(symbol="ETH/USDT", percent=Decimal(100))
            assert (await desk.becomes(other, Status.CLOSED)).cost == 600
            assert await desk.facts(waiting) == ["Placed"]
            desk.now = doubt.valid_until + PROOF_AFTER
            await desk.becomes(doubt.id, Status.REJECTED)

    asyncio.run(story())


def test_a_cancel_whose_answer_is_lost_is_seen_and_not_repeated(trading):
    """The order is looked up and found cancelled."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            desk.fault("cancel_order", "lose_answer")
            await desk.cancel(order.id)
            await desk.becomes(order.id, Status.CANCELLED)
            await desk.known()
            assert await desk.facts(order.id) == ["Placed", "Submitted", "Accepted", "CancelRequested", "Cancelled"]
            assert desk.client.asked["cancel"] == 1

    asyncio.run(story())


def test_a_cancel_whose_request_is_lost_is_sent_again(trading):
    """The order is looked up, still rests, and is cancelled."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            desk.fault("cancel_order", "lose_request")
            await desk.cancel(order.id)
            await desk.becomes(order.id, Status.CANCELLED)
            assert desk.client.asked["cancel"] == 2

    asyncio.run(story())


def test_unknown_order_is_no_end_of_a_cancel(trading):
    """It was filled before the cancel came: the look-up says so."""

    async def story():
        async with trading() as desk:

            async def filled_first():
                desk.hold("BTC/USDT", "39000")

            order = await desk.becomes(await desk.rest(), Status.OPEN)
            desk.client.before["cancel"] = filled_first
            await desk.cancel(order.id)
            await desk.becomes(order.id, Status.CLOSED)
            facts = await desk.facts(order.id)
            assert facts == ["Placed", "Submitted", "Accepted", "CancelRequested", "Filled", "Closed"]

    asyncio.run(story())
