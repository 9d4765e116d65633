"""An order that rests is changed by its owner: it keeps its place, or what is left of it is placed anew, once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from application.orders.agenda import Task
from application.trading import amending, halts, panics
from application.trading.amending import Change, Shape
from application.trading.decisions import resolve
from application.trading.protecting import protect
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.replacement import Replacement
from domain.orders.wish import Protection, Side, Source, Terms, TimeInForce, Type
from domain.people.broker import Broker, Usage
from domain.refusals import Impossible, Invalid, NotFound
from tests.application.trader import BINANCE, LISTS, STOP

pytestmark = pytest.mark.exchanges("binance", "bitget")
D = Decimal
RESTS = {"type": Type.LIMIT, "quantity": D("0.01"), "price": D(40000), "time_in_force": TimeInForce.GTC}
SEEN = Shape(D("0.01"), D(40000))
NOTHING = D(0)


async def resting(trader, **wish):
    """Return an order that rests."""
    return await trader.trading.becomes(await trader.trading.wish(**{**RESTS, **wish}), Status.OPEN)


async def amend(
    trader, order, *, seen=SEEN, filled=NOTHING, request=None, user=1, shrinks=None, last=None, dry=False, **wanted
):
    """Change an order as its owner sees it."""
    if shrinks is None:
        shrinks = trader.trading.client.capabilities.amend_quantity
    change = Change(request or uuid4(), Shape(**{name: D(value) for name, value in wanted.items()}), seen, filled)
    given = trader.store, trader, user, order.id, change, trader.trading.now
    return await asyncio.to_thread(lambda: amending.amend(*given, shrinks=shrinks, last=last, dry=dry))


async def successor(trader, order):
    """Return the order that was placed instead, once it is accepted or has ended."""
    where = Replacement.create_id(order.id)
    await trader.trading.until(lambda: getattr(trader.store.find(Replacement, where), "placed", None))
    placed = trader.store.get(Replacement, where).placed
    return await trader.trading.becomes(placed, Status.OPEN, Status.CLOSED, Status.REFUSED, Status.REJECTED)


async def test_at_another_price_it_is_placed_anew_and_rests_once(at):
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader)
        assert await amend(trader, order, price="41000") is False
        anew = await successor(trader, order)
        assert (anew.status, anew.price, anew.quantity, anew.wish.side) == (Status.OPEN, 41000, D("0.01"), Side.BUY)
        assert (await trader.trading.load(order.id)).status is Status.CANCELLED
        assert [(one.price, one.quantity) for one in trader.trading.on_exchange() if one.rests] == [(41000, D("0.01"))]


async def test_only_made_smaller_it_keeps_its_place_where_the_exchange_can_do_that(at):
    async with at(BINANCE, USDT="1000") as trader:
        order = await resting(trader)
        keeps = await amend(trader, order, quantity="0.004")
        assert keeps is (trader.trading.exchange == "binance")
        if keeps:
            await trader.trading.until(lambda: trader.store.get(Order, order.id).quantity == D("0.004"))
            assert trader.store.find(Replacement, Replacement.create_id(order.id)) is None
        else:
            assert (await successor(trader, order)).quantity == D("0.004")
        [rests] = [one for one in trader.trading.on_exchange() if one.rests]
        assert rests.quantity == D("0.004")


async def test_what_is_executed_before_it_is_cancelled_is_not_placed_again(at):
    """A part is filled between the look and the cancel: only the rest is placed anew."""
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader)
        [rests] = [one for one in trader.trading.on_exchange() if one.rests]
        before = trader.trading.client.cancel

        async def late(*given):
            if not rests.filled:
                trader.trading.paper.ledger.execute(rests, D("0.004"), D(40000), maker=True)
            return await before(*given)

        trader.trading.client.cancel = late
        await amend(trader, order, price="41000")
        anew = await successor(trader, order)
        assert (anew.quantity, anew.price) == (D("0.006"), 41000)
        trader.trading.hold("BTC/USDT", "40500")
        await trader.trading.becomes(anew.id, Status.CLOSED)
        assert sum(one.filled for one in trader.trading.on_exchange()) == D("0.01")


async def test_an_order_that_is_filled_meanwhile_is_not_replaced(at):
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader)
        await trader.trading.fall_silent()  # the gateway is slower than the market
        await amend(trader, order, price="41000")
        trader.trading.hold("BTC/USDT", "39000")
        await trader.trading.begin_anew()
        await trader.trading.becomes(order.id, Status.CLOSED)
        where = Replacement.create_id(order.id)
        await trader.trading.until(lambda: not trader.store.get(Replacement, where).is_pending)
        assert trader.store.get(Replacement, where).placed is None
        assert len(trader.trading.on_exchange()) == 1


async def test_an_order_that_cannot_be_cancelled_stays_and_may_be_changed_again(at):
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader)
        trader.trading.fault("cancel_order", "refuse")
        await amend(trader, order, price="41000")
        where = Replacement.create_id(order.id)
        await trader.trading.until(lambda: not trader.store.get(Replacement, where).is_pending)
        assert (await trader.trading.load(order.id)).status is Status.OPEN
        await amend(trader, order, price="42000")
        assert (await successor(trader, order)).price == 42000


async def test_one_request_changes_once_and_two_at_once_leave_one_order(at):
    async with at(LISTS, USDT="1000") as trader:
        order, request = await resting(trader), uuid4()
        answers = await asyncio.gather(
            *(amend(trader, order, price=price, request=one) for price, one in
              (("41000", request), ("41000", request), ("42000", uuid4()), ("43000", uuid4()))),
            return_exceptions=True,
        )  # fmt: skip
        assert len([one for one in answers if isinstance(one, Impossible)]) >= 2
        anew = await successor(trader, order)
        assert [one.price for one in trader.trading.on_exchange() if one.rests] == [anew.price]


async def test_an_entry_keeps_the_protection_that_it_brings(at):
    """Changed before it has bought anything: the coins that it buys later are under its stop."""
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader, protection=Protection(D(30000)))
        await amend(trader, order, price="41000")
        anew = await successor(trader, order)
        assert anew.wish.protection == Protection(D(30000))


async def test_a_dry_change_does_nothing(at):
    async with at(LISTS, USDT="1000") as trader:
        order, head = await resting(trader), trader.store.head()
        assert await amend(trader, order, price="41000", dry=True) is False
        assert await amend(trader, order, quantity="0.005", shrinks=True, dry=True) is True
        assert trader.store.head() == head


@pytest.mark.parametrize(
    ("wanted", "error", "code"),
    [
        ({}, Invalid, "amendment_empty"),
        ({"price": "40000"}, Invalid, "amendment_empty"),
        ({"price": "0"}, Invalid, "not_positive"),
        ({"price": "NaN"}, Invalid, "not_positive"),
        ({"quantity": "1e400"}, Invalid, "not_positive"),
        ({"quantity": "0.00001"}, Invalid, "notional_below_minimum"),
        ({"stop_price": "1"}, Invalid, "price_not_taken"),
    ],
)
async def test_what_its_market_does_not_take_is_refused_and_the_order_stays(at, wanted, error, code):
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader)
        with pytest.raises(error) as refused:
            await amend(trader, order, **wanted)
        assert refused.value.code == code
        assert (await trader.trading.load(order.id)).cancel_requested is False


async def test_what_has_changed_since_it_was_seen_is_not_touched(at):
    """Another user's, one seen at another price or with another fill, one that protects, and one that has ended."""
    async with at(LISTS, USDT="1200") as trader:
        order = await resting(trader, quantity=D("0.005"))
        seen = Shape(D("0.005"), D(40000))
        with pytest.raises(NotFound):
            await amend(trader, order, seen=seen, user=2, price="41000")
        for other in ({"seen": Shape(D("0.005"), D(41000))}, {"seen": seen, "filled": D("0.001")}):
            with pytest.raises(Impossible) as changed:
                await amend(trader, order, **other, price="42000")
            assert changed.value.code == "order_changed"
        await trader.buy(STOP, PrixSL="45000")
        [stop] = trader.store.get_all(Order, trader.position().resting)
        with pytest.raises(Impossible) as protects:
            await amend(trader, stop, seen=Shape(stop.quantity, stop.price, stop.stop_price), stop_price="44000")
        assert protects.value.code == "order_protects"
        await trader.trading.cancel(order.id)
        await trader.trading.becomes(order.id, Status.CANCELLED)
        with pytest.raises(Impossible):
            await amend(trader, order, seen=seen, price="41000")


@pytest.mark.parametrize("end", ["cancel", "cancel all", "panic"])
async def test_an_order_that_is_to_be_gone_is_not_placed_anew(at, end):
    """Its owner changes their mind while the change waits for the cancel."""
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader)
        await trader.trading.fall_silent()  # the gateway is slower than its owner
        await amend(trader, order, price="41000")
        if end == "cancel":
            await asyncio.to_thread(halts.cancel, trader.store, 1, order.id)
        elif end == "cancel all":
            assert len((await asyncio.to_thread(halts.cancel_all, trader.store, 1)).cancelled) == 1
        else:
            await asyncio.to_thread(panics.begin, trader.store, 1, uuid4())
        await trader.trading.begin_anew()
        trader.trading.lane.agenda.put(Task.CANCEL, order.id)
        await trader.trading.becomes(order.id, Status.CANCELLED)
        where = Replacement.create_id(order.id)
        await trader.trading.until(lambda: not trader.store.get(Replacement, where).is_pending)
        assert trader.store.get(Replacement, where).placed is None
        assert len(trader.trading.on_exchange()) == 1


# --- what a change must not do ---------------------------------------------------------------------------------------


async def test_a_hidden_part_that_no_longer_fits_is_made_smaller(at):
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader, terms=Terms(iceberg_qty=D("0.005")))
        await amend(trader, order, quantity="0.004", shrinks=False)
        anew = await successor(trader, order)
        assert (anew.quantity, anew.wish.terms.iceberg_qty) == (D("0.004"), D("0.004"))


async def test_a_stop_that_was_moved_stays_moved(at):
    """The first fills of a buy are under its stop, which is then moved; the rest of it does not bring the old one."""
    async with at(LISTS, USDT="1000") as trader:
        await trader.alert("BuyLimit", PourCent="50", Prix="40000", PrixSL="30000")
        await trader.trading.until(lambda: [one for one in trader.trading.on_exchange() if one.rests])
        [rests] = [one for one in trader.trading.on_exchange() if one.rests]
        trader.trading.paper.ledger.execute(rests, D("0.004"), D(40000), maker=True)
        await trader.trading.until(lambda: trader.position() and trader.position().is_open and trader.resting())
        moved = Protection(D(38000)), Protection(D(30000)), uuid4(), D(50000)
        await asyncio.to_thread(protect, trader.store, trader, 1, trader.position().id, *moved)
        await trader.trading.until(lambda: trader.resting() and trader.resting()[0][1] == D(38000))
        [entry] = [*trader.position().entries]
        order = await trader.trading.load(entry)
        await amend(trader, order, seen=Shape(order.quantity, order.price), filled=order.filled, price="41000")
        await successor(trader, order)
        [rests] = [one for one in trader.trading.on_exchange() if one.rests and one.side == "buy"]
        trader.trading.paper.ledger.execute(rests, D("0.004"), D(41000), maker=True)
        await trader.trading.until(lambda: trader.position().held > D("0.0075"))
        assert trader.position().wanted.stop_loss == D(38000)


async def refused_by(trader, order, **wanted):
    """Try a change that is to be refused; return its code, with the order as it was."""
    with pytest.raises((Impossible, Invalid)) as error:
        await amend(trader, order, **wanted)
    assert (await trader.trading.load(order.id)).cancel_requested is False
    return error.value.code


async def test_what_would_not_be_sent_leaves_the_order_where_it_rests(at):
    """Beyond its trigger or its own stop, into the book, in a panic, and at a broker that is off."""
    async with at(LISTS, USDT="1000") as trader:
        last = D(50000)
        stop = {"type": Type.STOP_LOSS, "price": None, "time_in_force": None, "quantity": D("0.005")}
        triggered = await resting(trader, **stop, stop_price=D(55000))
        seen = Shape(D("0.005"), None, D(55000))
        assert await refused_by(trader, triggered, seen=seen, stop_price="49000", last=last) == "trigger_passed"
        assert await refused_by(trader, triggered, seen=seen, stop_price="0.001", last=last) == "price_out_of_range"
        posted = await resting(
            trader, quantity=D("0.005"), time_in_force=TimeInForce.PO, protection=Protection(D(35000))
        )
        seen = Shape(D("0.005"), D(40000))
        assert await refused_by(trader, posted, seen=seen, price="51000", last=last) == "would_take"
        assert await refused_by(trader, posted, seen=seen, price="34000", last=last) == "stop_not_below"
        await asyncio.to_thread(panics.begin, trader.store, 1, uuid4())
        assert await refused_by(trader, posted, seen=seen, price="41000") == "panic_in_force"
        await asyncio.to_thread(panics.lift, trader.store, 1)
        with carrying(user="1"):
            broker = trader.store.get(Broker, Broker.create_id(1))
            broker.use_for(Usage.OFF)
            trader.store.save(broker)
        assert await refused_by(trader, posted, seen=seen, price="41000") == "broker_off"


async def test_an_order_of_an_alert_stays_while_automatic_trading_is_halted(at):
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader, source=Source.WEBHOOK)
        await asyncio.to_thread(halts.halt, trader.store, 1)
        assert await refused_by(trader, order, price="41000") == "paused"


async def test_an_order_that_a_person_has_resolved_is_not_replaced(at):
    async with at(LISTS, USDT="1000") as trader:
        order = await resting(trader)
        await trader.trading.fall_silent()  # the gateway is away
        await amend(trader, order, price="41000")
        await asyncio.to_thread(resolve, trader.store, 1, order.id, Status.CANCELLED, "it is not there")
        where = Replacement.create_id(order.id)
        await trader.trading.until(lambda: not trader.store.get(Replacement, where).is_pending)
        assert trader.store.get(Replacement, where).placed is None
