"""A panic sells what a user holds, again and again until it is lifted, and nothing that was bought elsewhere."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from uuid import uuid4

import pytest

from application.ports.errors import NotAccepted
from application.trading import halts, panics
from application.trading.positions import PANIC, position_of
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type
from domain.people.user import User
from domain.reconciliation import Occasion
from domain.refusals import Impossible
from tests.application.trader import HELD, LISTS, RICH, STOP
from tests.application.trading.test_tickets import Desk

pytestmark = pytest.mark.exchanges("binance", "bitget")
USER = User.create_id(1)


class Panic:
    """The engine's pursuit of the one user's panic."""

    def __init__(self, trader):
        self.trader, self.trading, self.store = trader, trader.trading, trader.store
        self.pursuit = panics.Pursuit(trader.store)

    async def begin(self, request=None):
        """Begin it, and let the engine look once."""
        await asyncio.to_thread(panics.begin, self.store, 1, request or uuid4())
        return await self.look()

    async def look(self):
        """Look once; return what was cancelled and placed."""
        user = await asyncio.to_thread(self.store.get, User, USER)
        return [] if user.panic is None else await asyncio.to_thread(self.pursuit.of, user, self.trading.now)

    async def until(self, condition):
        """Look again and again until the condition holds."""
        while not condition():
            await self.look()
            await asyncio.sleep(0.02)

    def exits(self):
        """Return the exits of the panic, oldest first."""
        events = [one.event for one in self.store.read(0, topics=["Order.Placed"]) if one.event.requester == PANIC]
        return [self.store.get(Order, event.originator_id) for event in events]

    def left(self):
        return panics.positions_to_sell(self.store, 1)


@pytest.fixture
def panicking(at):
    """Return a function that opens trading with a panic at hand: `async with panicking() as panic`."""

    @asynccontextmanager
    async def opened(**balances):
        async with at(LISTS, **(balances or RICH)) as trader:
            yield Panic(trader)

    return opened


async def bought_by_hand(panic, **wish):
    order = await panic.trading.wish(**(wish or {"cost": Decimal(300)}))
    await panic.trading.becomes(order, Status.CLOSED)
    await panic.trading.until(lambda: position_of(panic.store, 1, 1, "BTC/USDT", "manual").is_open)


async def test_everything_that_was_bought_here_is_sold_and_what_protects_nothing_is_cancelled(panicking):
    """Webhooks' coins under their stop, coins of the hand, a resting buy; one coin of elsewhere stays."""
    async with panicking() as panic:
        await panic.trader.buy(STOP, PrixSL="45000")
        await bought_by_hand(panic)
        resting = await panic.trading.rest("0.002")
        await panic.trading.becomes(resting, Status.OPEN)
        held = {one.owner: panic.trading.markets["BTC/USDT"].round_quantity(one.held) for one in panic.left()}
        await panic.begin()
        await panic.until(lambda: not panic.left())
        assert {order.source: order.filled for order in panic.exits()} == held
        assert held["webhook"] == HELD
        assert (await panic.trading.becomes(resting, Status.CANCELLED)).filled == 0
        assert panic.store.get(User, USER).trading_stopped
        await panic.trading.until(lambda: panic.trader.resting() == [])
        assert await panic.look() == []


async def test_what_was_bought_elsewhere_stays(panicking):
    async with panicking() as panic:
        await panic.trading.elsewhere("web_1", type=Type.MARKET, price=None, quantity=Decimal("0.005"))
        await panic.trading.reconcile_twice(Occasion.FULL)
        await panic.trading.until(lambda: position_of(panic.store, 1, 1, "BTC/USDT", "external").is_open)
        assert await panic.begin() == []


async def test_an_exit_that_came_to_nothing_is_followed_by_another(panicking):
    """Each after a pause, with growing ones in between; nothing is placed while one is on its way."""
    async with panicking() as panic:
        await bought_by_hand(panic)
        panic.trading.fault("place_order", "refuse", times=2)
        [first] = await panic.begin()
        await panic.trading.becomes(first.id, Status.REJECTED)
        assert await panic.look() == []
        panic.trading.pass_by(60)
        [second] = await panic.look()
        assert second.id != first.id
        assert await panic.look() == []
        await panic.trading.becomes(second.id, Status.REJECTED)
        panic.trading.pass_by(60)
        await panic.until(lambda: not panic.left())
        assert [order.status for order in panic.exits()] == [Status.REJECTED, Status.REJECTED, Status.CLOSED]


async def test_at_an_exchange_that_is_away_it_is_tried_again_until_it_is_back(panicking):
    """Nothing was sent: the exit ends as too late, and the next one follows."""
    async with panicking() as panic:
        await bought_by_hand(panic)
        place = panic.trading.client.place
        panic.trading.client.place = _away
        [first] = await panic.begin()
        panic.trading.pass_by(40)
        assert (await panic.trading.becomes(first.id, Status.REFUSED)).reason == "stale"
        panic.trading.pass_by(40)
        [second] = await panic.look()
        assert (await panic.trading.load(second.id)).status is Status.PLACED
        panic.trading.client.place = place
        await panic.until(lambda: not panic.left())
        assert len(panic.exits()) == 2


async def _away(*_, **__):
    raise NotAccepted("connection refused")


async def test_an_exit_in_doubt_is_waited_for(panicking):
    async with panicking() as panic:
        await bought_by_hand(panic)
        panic.trading.fault("place_order", "lose_request")
        [first] = await panic.begin()
        await panic.trading.becomes(first.id, Status.UNKNOWN)
        panic.trading.pass_by(60)
        assert await panic.look() == []


async def test_coins_that_arrive_later_are_sold_too(panicking):
    """A buy that was on its way when the panic began."""
    async with panicking() as panic:
        await panic.begin()
        await bought_by_hand(panic)
        await panic.until(lambda: panic.exits() and not panic.left())


async def test_two_that_pursue_place_one_exit(panicking):
    async with panicking() as panic:
        await panic.trader.buy(STOP, PrixSL="45000")
        await asyncio.to_thread(panics.begin, panic.store, 1, uuid4())
        other = Panic(panic.trader)
        placed = await asyncio.gather(*(one.look() for one in (panic, other, panic, other)))
        assert len([order for one in placed for order in one]) == 1
        await panic.until(lambda: not panic.left())
        assert panic.trader.sold() == HELD


async def test_once_lifted_nothing_more_is_sold_and_trading_stays_halted(panicking):
    async with panicking() as panic:
        await bought_by_hand(panic)
        panic.trading.fault("place_order", "refuse")
        request = uuid4()
        [first] = await panic.begin(request)
        with pytest.raises(Impossible, match="lift"):
            await asyncio.to_thread(halts.resume, panic.store, 1)
        await panic.trading.becomes(first.id, Status.REJECTED)
        await asyncio.to_thread(panics.lift, panic.store, 1)
        panic.trading.pass_by(60)
        assert await panic.look() == []
        assert panic.store.get(User, USER).trading_stopped
        with pytest.raises(Impossible) as late:
            await panic.begin(request)  # its answer was lost, and it comes again
        assert late.value.code == "panic_lifted"
        await asyncio.to_thread(halts.resume, panic.store, 1)
        assert not panic.store.get(User, USER).trading_stopped


async def test_an_exit_that_was_not_sent_is_cancelled_when_the_panic_is_lifted(panicking):
    async with panicking() as panic:
        await bought_by_hand(panic)
        await panic.trading.fall_silent()  # a gateway that is down
        [order] = await panic.begin()
        await asyncio.to_thread(panics.lift, panic.store, 1)
        assert (await panic.trading.load(order.id)).cancel_requested


async def test_pressed_twice_it_is_one_panic(panicking):
    async with panicking() as panic:
        requests = [uuid4(), uuid4()]
        begun = [await asyncio.to_thread(panics.begin, panic.store, 1, one) for one in (*requests, requests[0])]
        assert begun == [requests[0]] * 3
        assert len(await panic.trading.read("User.PanicBegun")) == 1


async def test_a_ticket_buys_nothing_in_a_panic(panicking):
    async with panicking() as panic:
        desk = Desk(panic.trading)
        ticket = desk.ticket()
        await panic.begin()
        with pytest.raises(Impossible) as refused:
            await desk.execute(ticket)
        assert refused.value.code == "panic_in_force"
        sale = desk.ticket(side=Side.SELL)
        assert await desk.execute(sale) == sale.id
