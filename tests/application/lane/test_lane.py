"""The orders that a lane sends: sized from the live balance, once, and only while they may still be sent."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from application.orders.agenda import Task
from application.orders.lookups import PROOF_AFTER
from application.ports.errors import NoAnswer, NotAccepted
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type
from domain.people.broker import Broker
from domain.people.user import User
from tests.application.observed import id_of

pytestmark = pytest.mark.exchanges("binance", "bitget")

DONE = ["Placed", "Submitted", "Accepted", "Filled", "Closed"]
AMOUNTS = {"quantity", "cost", "percent", "price"}


def decimals(wish):
    """Return the same wish with its amounts as decimals."""
    return {name: Decimal(value) if name in AMOUNTS else value for name, value in wish.items()}


async def test_an_order_is_sent_and_its_end_recorded(open_trading):
    """The intent is recorded before the exchange's answer, and the fill before the end. Both sides agree."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.wish(cost=Decimal(500)), Status.CLOSED)
        assert await trading.facts(order.id) == DONE
        [there] = trading.on_exchange()
        assert (there.client_order_id, id_of(there)) == (order.client_order_id, order.exchange_order_id)
        assert there.filled == order.filled == Decimal("0.01")


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize(
    ("wish", "sent"),
    [
        ({"percent": "50"}, {"cost": "500"}),
        ({"percent": "100"}, {"cost": "1000"}),
        ({"percent": "33", "type": Type.LIMIT, "price": "39999.99"}, {"quantity": "0.00825", "price": "39999.99"}),
        ({"percent": "50", "side": Side.SELL}, {"quantity": "0.00617"}),
        ({"percent": "100", "side": Side.SELL}, {"quantity": "0.01234"}),
        ({"quantity": "0.0050099"}, {"quantity": "0.005"}),
        ({"quantity": "0.001", "type": Type.LIMIT, "price": "39999.996"}, {"quantity": "0.001", "price": "40000"}),
    ],
)
async def test_what_is_sent_is_sized_from_the_live_balance(open_trading, wish, sent):
    """A buy is sized in the quote currency and a sell in the base, rounded down to what the exchange takes."""
    async with open_trading(USDT="1000", BTC="0.0123456789") as trading:
        order = await trading.becomes(await trading.wish(**decimals(wish)), Status.CLOSED, Status.OPEN)
        recorded = {"quantity": order.quantity, "cost": order.cost, "price": order.price}
        assert recorded == {"quantity": None, "cost": None, "price": None, **decimals(sent)}


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"cost": "1000.01"}, "insufficient_funds"),
        ({"quantity": "0.03", "type": Type.LIMIT, "price": "40000"}, "insufficient_funds"),
        ({"quantity": "0.00001", "side": Side.SELL}, "insufficient_funds"),
        ({"percent": "100", "side": Side.SELL}, "insufficient_funds"),
        ({"percent": "0.1"}, "notional_below_minimum"),
        ({"quantity": "0.000001"}, "quantity_below_minimum"),
        ({"symbol": "DOGE/USDT", "cost": "500"}, "symbol_unknown"),
        ({"percent": "5", "type": Type.LIMIT, "price": "0.001"}, "price_out_of_range"),
    ],
)
async def test_what_cannot_be_carried_out_is_refused_and_not_sent(open_trading, wish, reason):
    """Funds and the market's rules are checked before anything is sent."""
    async with open_trading(USDT="1000") as trading:
        order = await trading.becomes(await trading.wish(**decimals(wish)), Status.REFUSED)
        assert order.reason == reason
        assert await trading.facts(order.id) == ["Placed", "Refused"]
        assert not trading.client.asked["place"]


@pytest.mark.exchanges("binance")
async def test_a_no_of_the_exchange_is_an_end(open_trading):
    """Only the exchange can price a market order by quantity. Its refusal for lack of funds ends the order."""
    async with open_trading(USDT="1000") as trading:
        order = await trading.becomes(await trading.wish(quantity=Decimal(1)), Status.REJECTED)
        assert order.reason == "insufficient_funds"
        assert await trading.facts(order.id) == ["Placed", "Submitted", "Rejected"]
        assert trading.client.asked["place"] == 1


async def test_a_wish_that_is_too_old_is_not_sent(open_trading):
    """A wish sent within its time is executed. The same wish past its time is refused as stale."""
    async with open_trading() as trading:
        limit = trading.now + timedelta(seconds=30)
        in_time = await trading.becomes(await trading.wish(cost=Decimal(100), not_after=limit), Status.CLOSED)
        trading.pass_by(30.001)
        stale = await trading.becomes(await trading.wish(cost=Decimal(100), not_after=limit), Status.REFUSED)
        assert stale.reason == "stale"
        assert [there.client_order_id for there in trading.on_exchange()] == [in_time.client_order_id]


@pytest.mark.parametrize("whose", ["user", "broker"])
async def test_while_trading_is_stopped_only_people_trade(open_trading, whose):
    """Orders of webhooks and strategies are refused as paused. A manual order is sent."""
    async with open_trading() as trading:
        kind, key = (User, User.create_id(1)) if whose == "user" else (Broker, Broker.create_id(1))
        subject = trading.store.get(kind, key)
        subject.stop_trading()
        trading.store.save(subject)
        for source in (Source.WEBHOOK, Source.STRATEGY):
            paused = await trading.becomes(await trading.wish(cost=Decimal(100), source=source), Status.REFUSED)
            assert paused.reason == "paused"
        await trading.becomes(await trading.wish(cost=Decimal(100), source=Source.MANUAL), Status.CLOSED)


async def test_a_halt_that_is_not_recorded_yet_holds_automatic_orders_back(open_trading):
    """Once it is recorded, the log alone decides."""
    async with open_trading() as trading:
        trading.lane.halt()
        paused = await trading.becomes(await trading.wish(cost=Decimal(100), source=Source.WEBHOOK), Status.REFUSED)
        assert paused.reason == "paused"
        await trading.becomes(await trading.wish(cost=Decimal(100), source=Source.MANUAL), Status.CLOSED)
        trading.lane.halt_is_recorded()
        await trading.becomes(await trading.wish(cost=Decimal(100), source=Source.WEBHOOK), Status.CLOSED)


async def test_without_a_balance_nothing_is_sized(open_trading):
    """The wish waits until the exchange returns a balance."""
    async with open_trading() as trading:

        async def away():
            raise NoAnswer("no balance")

        trading.client.before["balances"] = away
        order_id = await trading.wish(percent=Decimal(100))
        await trading.until(lambda: "not_sent_yet" in trading.log.said)
        assert await trading.facts(order_id) == ["Placed"]
        del trading.client.before["balances"]
        await trading.becomes(order_id, Status.CLOSED)


async def test_proof_that_it_was_not_accepted_allows_another_attempt(open_trading):
    """After a 429 the same order is sent again under the same client id, and the proof is recorded."""
    async with open_trading() as trading:
        trading.fault("place_order", "status_429")
        order = await trading.becomes(await trading.wish(cost=Decimal(500)), Status.CLOSED)
        first, *others = [event for event in await trading.events(order.id) if type(event).__name__ == "Submitted"]
        assert not first.proof
        assert others
        assert all(again.proof for again in others)
        assert {event.client_order_id for event in (first, *others)} == {order.client_order_id}
        assert len(trading.on_exchange()) == 1


async def test_what_is_never_accepted_is_tried_until_it_is_stale(open_trading):
    """A rate limit or a broken connection is not a refusal: the wish waits until it is stale, and causes no doubt."""
    async with open_trading() as trading:

        async def unreachable():
            raise NotAccepted("no connection", code="exchange_unreachable")

        trading.client.before["place"] = unreachable
        order_id = await trading.wish(cost=Decimal(500), not_after=trading.now + timedelta(seconds=60))
        await trading.until(lambda: trading.client.asked["place"] == 2)
        trading.pass_by(61)
        order = await trading.becomes(order_id, Status.REFUSED)
        assert order.reason == "stale"
        facts = await trading.facts(order_id)
        assert facts == ["Placed", *["Submitted", "Deferred"] * ((len(facts) - 2) // 2), "Refused"]
        assert not trading.lane.doubts


async def test_an_intent_that_was_not_recorded_is_not_sent(open_trading):
    """A cancel is recorded between the lane's check and its append. The append fails, so nothing is sent."""
    async with open_trading() as trading:

        async def somebody_is_faster():
            await trading.say(order_id, lambda o: o.request_cancel("somebody"))

        trading.client.before["balances"] = somebody_is_faster
        order_id = await trading.wish(cost=Decimal(500))
        await trading.until(lambda: "intent_not_recorded" in trading.log.said)
        trading.lane.agenda.put(Task.CANCEL, order_id)
        await trading.becomes(order_id, Status.REFUSED)
        assert await trading.facts(order_id) == ["Placed", "CancelRequested", "Refused"]
        assert not trading.client.asked["place"]


async def test_of_two_gateways_one_sends(open_trading):
    """Only the gateway that appended the intent may send. The other one may look the order up and record a doubt."""
    async with open_trading() as trading:
        other = trading.new_lane()
        trading.start(other.work())
        orders = []
        for _ in range(5):
            orders.append(await trading.wish(cost=Decimal(100)))
            other.agenda.put(Task.SEND, orders[-1])
        for order_id in orders:
            await trading.becomes(order_id, Status.CLOSED)
            assert [fact for fact in await trading.facts(order_id) if fact != "Doubted"] == DONE
        other.close()
        assert trading.client.asked["place"] == len(trading.on_exchange()) == 5


async def test_an_entry_waits_while_its_symbol_is_in_doubt(open_trading):
    """Other symbols do not wait. The entry is sent once the doubt has ended."""
    async with open_trading() as trading:
        trading.fault("place_order", "lose_request")
        doubt = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        waiting = await trading.rest()
        other = await trading.becomes(await trading.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
        assert await trading.facts(waiting) == ["Placed"]
        assert [there.client_order_id for there in trading.on_exchange()] == [other.client_order_id]
        trading.now = doubt.valid_until + PROOF_AFTER
        await trading.becomes(waiting, Status.OPEN)


async def test_an_entry_that_waited_too_long_is_stale(open_trading):
    """A doubt may last longer than the wish, which then ends as stale. A cancel takes effect without waiting for it."""
    async with open_trading() as trading:
        trading.fault("place_order", "lose_request")
        await trading.becomes(await trading.rest(), Status.UNKNOWN)
        waiting = await trading.rest(not_after=trading.now + timedelta(seconds=60))
        cancelled = await trading.rest()
        await trading.becomes(await trading.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
        await trading.cancel(cancelled)
        assert (await trading.becomes(cancelled, Status.REFUSED)).reason == "cancelled_before_sending"
        trading.pass_by(60.001)
        assert (await trading.becomes(waiting, Status.REFUSED)).reason == "stale"
        assert trading.lane.doubts == 1
