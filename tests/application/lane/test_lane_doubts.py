"""Doubts: what a lost answer leaves open, what it costs meanwhile, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from application.orders.lookups import PROOF_AFTER
from application.ports.errors import NoAnswer
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type

pytestmark = pytest.mark.exchanges("binance", "bitget")

INSTANT = timedelta(microseconds=1)
DOUBT = ["Placed", "Submitted", "Doubted"]


@pytest.mark.parametrize("silence", ["lose_answer", "garbage"])
async def test_an_order_whose_answer_is_lost_is_found(open_trading, silence):
    """The order was executed: the look-up finds its fill and its end, and it is never sent again."""
    async with open_trading() as trading:
        trading.fault("place_order", silence)
        order = await trading.becomes(await trading.wish(cost=Decimal(500)), Status.CLOSED)
        assert await trading.facts(order.id) == [*DOUBT, "Accepted", "Filled", "Closed"]
        assert order.filled == Decimal("0.01")
        await trading.known()
        assert trading.client.asked["place"] == len(trading.on_exchange()) == 1


@pytest.mark.parametrize("silence", ["lose_request", "status_500"])
async def test_an_order_that_never_arrived_is_proven_absent_and_not_before(open_trading, silence):
    """An order that is not found is proven absent a minute after its validity, when complete lists lack it too."""
    async with open_trading() as trading:
        trading.fault("place_order", silence)
        order = await trading.becomes(await trading.wish(cost=Decimal(500)), Status.UNKNOWN)
        assert order.valid_until == order.submitted_at + timedelta(seconds=trading.client.valid_for)
        trading.now = order.valid_until + PROOF_AFTER - INSTANT
        await trading.asked_again("query")
        assert await trading.facts(order.id) == DOUBT
        trading.now += INSTANT
        order = await trading.becomes(order.id, Status.REJECTED)
        assert order.reason == "never_reached_the_exchange"
        await trading.known()
        assert trading.client.asked["place"] == 1


async def test_an_order_that_the_exchange_shows_late_is_found(open_trading):
    """The order is not shown for a while. That proves nothing while its request may still be carried out."""
    async with open_trading() as trading:
        trading.show_orders(shown=False)
        trading.fault("place_order", "lose_answer")
        order = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        await trading.asked_again("query")
        assert await trading.facts(order.id) == DOUBT
        trading.show_orders()
        await trading.becomes(order.id, Status.OPEN)
        assert await trading.facts(order.id) == [*DOUBT, "Accepted"]


@pytest.mark.parametrize("there", [Status.OPEN, Status.CLOSED])
async def test_an_order_that_only_the_lists_show_is_found(open_trading, there):
    """The query does not find the order, but the list of open or of ended orders has it, so it is not absent."""
    async with open_trading() as trading:

        async def hide():
            trading.show_orders(shown=False)

        async def show():
            trading.show_orders()

        trading.client.before |= {"query": hide, "open_orders": show}
        trading.fault("place_order", "lose_answer")
        order = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        if there is Status.CLOSED:
            trading.hold("BTC/USDT", "39000")
        trading.now = order.valid_until + PROOF_AFTER
        order = await trading.becomes(order.id, there, Status.REJECTED)
        assert order.status is there
        assert order.filled == (Decimal("0.01") if there is Status.CLOSED else 0)


@pytest.mark.parametrize("which", ["open_orders", "orders_since"])
async def test_incomplete_lists_prove_nothing(open_trading, which):
    """The doubt stays as long as one of the lists cannot be read."""
    async with open_trading() as trading:

        async def away():
            raise NoAnswer("no list")

        trading.client.before[which] = away
        trading.fault("place_order", "lose_request")
        order = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        trading.now = order.valid_until + PROOF_AFTER
        await trading.asked_again(which)
        assert await trading.facts(order.id) == DOUBT
        del trading.client.before[which]
        await trading.becomes(order.id, Status.REJECTED)


async def test_an_order_of_the_book_may_be_cancelled_while_it_is_in_doubt(open_trading):
    """The cancel does not wait for the doubt to end, and is repeated when the order is found after all."""
    async with open_trading() as trading:
        trading.show_orders(shown=False)
        trading.fault("place_order", "lose_answer")
        order = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        await trading.cancel(order.id)
        await trading.until(lambda: trading.client.asked["cancel"] == 1)
        await trading.asked_again("query")
        assert await trading.facts(order.id) == [*DOUBT, "CancelRequested"]
        trading.show_orders()
        await trading.becomes(order.id, Status.CANCELLED)
        assert [there.status for there in trading.on_exchange()] == ["cancelled"]


@pytest.mark.parametrize(
    "first",
    [
        {"cost": Decimal(400)},
        {"type": Type.LIMIT, "quantity": Decimal("0.01"), "price": Decimal(40000)},
        {"type": Type.LIMIT, "percent": Decimal(40), "price": Decimal(40000)},
    ],
)
async def test_sizing_reckons_with_the_worst_that_a_doubt_may_cost(open_trading, first):
    """The doubt may cost 400 of 1000 USDT. When it has ended, the whole balance counts again."""
    async with open_trading(USDT="1000") as trading:
        all_of_it = {"symbol": "ETH/USDT", "percent": Decimal(100)}
        trading.fault("place_order", "lose_request")
        doubt = await trading.becomes(await trading.wish(**first), Status.UNKNOWN)
        second = await trading.becomes(await trading.wish(**all_of_it), Status.CLOSED)
        assert second.cost == 600
        third = await trading.becomes(await trading.wish(**all_of_it), Status.REFUSED)
        assert third.reason == "insufficient_funds"
        trading.now = doubt.valid_until + PROOF_AFTER
        await trading.known()
        fourth = await trading.becomes(await trading.wish(**all_of_it), Status.CLOSED)
        assert fourth.cost == 400


@pytest.mark.exchanges("binance")
async def test_while_nobody_can_tell_what_a_doubt_has_spent_nothing_is_sized(open_trading):
    """The cost of a market buy by quantity is unknown: other orders in the same currency wait until the doubt ends."""
    async with open_trading(USDT="1000") as trading:
        trading.fault("place_order", "lose_request")
        doubt = await trading.becomes(await trading.wish(quantity=Decimal("0.01")), Status.UNKNOWN)
        waiting = await trading.wish(symbol="ETH/USDT", percent=Decimal(100))
        await trading.until(lambda: "not_sent_yet" in trading.log.said)
        assert await trading.facts(waiting) == ["Placed"]
        trading.now = doubt.valid_until + PROOF_AFTER
        assert (await trading.becomes(waiting, Status.CLOSED)).cost == 1000


async def test_a_sale_in_doubt_counts_for_the_same_currency_in_another_market(open_trading):
    """Coins that may already be sold are not sold again in another market."""
    async with open_trading(BTC="0.02") as trading:
        trading.fault("place_order", "lose_request")
        await trading.becomes(await trading.wish(side=Side.SELL, quantity=Decimal("0.015")), Status.UNKNOWN)
        wish = await trading.wish(symbol="BTC/USDC", side=Side.SELL, percent=Decimal(100))
        assert (await trading.becomes(wish, Status.CLOSED)).quantity == Decimal("0.005")


async def test_a_doubt_of_a_dead_gateway_holds_its_symbol_and_its_money(open_trading):
    """The next lane learns of the doubt from the log alone."""
    async with open_trading(USDT="1000") as trading:
        trading.fault("place_order", "lose_request")
        doubt = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        trading.lane.close()
        trading.lane = trading.new_lane()
        trading.start(trading.lane.work())
        trading.lane.resume(doubt)
        waiting = await trading.rest()
        other = await trading.wish(symbol="ETH/USDT", percent=Decimal(100))
        assert (await trading.becomes(other, Status.CLOSED)).cost == 600
        assert await trading.facts(waiting) == ["Placed"]
        trading.now = doubt.valid_until + PROOF_AFTER
        await trading.becomes(doubt.id, Status.REJECTED)


async def test_a_cancel_whose_answer_is_lost_is_seen_and_not_repeated(open_trading):
    """The look-up finds the order cancelled."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.fault("cancel_order", "lose_answer")
        await trading.cancel(order.id)
        await trading.becomes(order.id, Status.CANCELLED)
        await trading.known()
        assert await trading.facts(order.id) == ["Placed", "Submitted", "Accepted", "CancelRequested", "Cancelled"]
        assert trading.client.asked["cancel"] == 1


async def test_a_cancel_whose_request_is_lost_is_sent_again(open_trading):
    """The look-up finds the order still resting, and it is cancelled again."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.fault("cancel_order", "lose_request")
        await trading.cancel(order.id)
        await trading.becomes(order.id, Status.CANCELLED)
        assert trading.client.asked["cancel"] == 2


async def test_unknown_order_is_no_end_of_a_cancel(open_trading):
    """The order was filled before the cancel arrived. The exchange does not know it, and the look-up finds the fill."""
    async with open_trading() as trading:

        async def filled_first():
            trading.hold("BTC/USDT", "39000")

        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.client.before["cancel"] = filled_first
        await trading.cancel(order.id)
        await trading.becomes(order.id, Status.CLOSED)
        facts = await trading.facts(order.id)
        assert facts == ["Placed", "Submitted", "Accepted", "CancelRequested", "Filled", "Closed"]
