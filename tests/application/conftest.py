"""One broker's lane at work: a real store, the paper exchange in the same loop, and a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.paper.exchange import Paper
from adapters.paper.faults import Fault
from adapters.paper.orders import PaperOrder
from adapters.paper.plans import Plan
from adapters.paper.server import PaperServer
from adapters.tables.snapshots import SnapshotTable
from adapters.vault.vault import Vault
from application.lane.lane import Lane
from application.orders import lookups
from application.orders.account import Account
from application.orders.agenda import Task
from application.ports.statements import Credentials, OrderRequest
from domain.aggregate import carrying
from domain.market import Markets
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type, Wish
from domain.people.broker import Broker, Exchange, Venue
from domain.people.user import Role, User
from domain.reconciliation import Occasion
from tests.application.observed import PHRASE, client_of
from tests.application.trader import at as at  # the fixture  # noqa: PLC0414
from tests.support.by_exchange import exchange as exchange  # the fixture  # noqa: PLC0414
from tests.support.by_exchange import pytest_generate_tests as pytest_generate_tests  # the hook  # noqa: PLC0414
from tests.support.log import Log
from tests.support.ports import neighbours

LATER = 2**62


class Trading:
    """The lane under test, with its store, the paper exchange and the clock."""

    def __init__(self, store: Any, paper: Paper, client: Any, credentials: Credentials, broker: Broker) -> None:
        self.snapshots = SnapshotTable(store.pool)
        self.store, self.paper, self.client, self.credentials, self.broker = store, paper, client, credentials, broker
        self.exchange = broker.exchange.value
        self.now = datetime.now(UTC)
        self.log = Log()
        self.rules_doubted = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.shown = True
        paper.ledger.listeners.append(lambda _, order, __: self._show(order))
        paper.plans.listeners.append(lambda _, plan: self._show(plan))

    async def open(self) -> None:
        """Start a lane and wait for its first reconciliation. It does not follow the private stream yet."""
        self.markets = Markets(await self.client.markets())
        self.lane = self.new_lane()
        self.working = self.start(self.lane.work())
        await self.until(self.lane.reconciled.is_set)
        self.log.said.clear()

    def new_lane(self) -> Lane:
        """Return a lane as a gateway has it that has just started."""
        lent = self.broker, self.client, self.credentials, self.markets, lambda: self.now, self.log
        return Lane(Account(*lent, self.rules_doubted.set), self.store, self.snapshots, uuid4())

    def delist(self, symbol: str) -> None:
        """Take a market off the exchange's list."""
        self.markets.renew(market for market in self.markets.values() if market.symbol != symbol)

    async def away_since(self, ago: timedelta) -> None:
        """Date the last account snapshot this long ago."""
        last = await asyncio.to_thread(self.snapshots.last, 1)
        await asyncio.to_thread(self.snapshots.record, 1, replace(last, at=self.now - ago))

    async def begin_anew(self) -> None:
        """Close the lane and open one as another process would, with the unfinished orders of the log."""
        await self.fall_silent()
        self.lane = self.new_lane()
        unfinished = await asyncio.to_thread(self.store.orders_not_ended)
        for order_id in [*unfinished, *await asyncio.to_thread(self.store.orders_unexplained)]:
            order = await self.load(order_id)
            if order.status is Status.PLACED:
                self.lane.agenda.put(Task.SEND, order_id)
            else:
                self.lane.resume(order)
        self.working = self.start(self.lane.work())

    async def fall_silent(self) -> None:
        """Stop the lane, as a gateway that has died does nothing any more."""
        self.lane.close()
        if self.working in self.tasks:
            self.tasks.remove(self.working)
        self.working.cancel()
        await asyncio.gather(self.working, return_exceptions=True)

    def start(self, work: Any) -> asyncio.Task[None]:
        """Run this in the background until `close`."""
        task = asyncio.create_task(work)
        self.tasks.append(task)
        return task

    async def close(self) -> None:
        """Close the lane and the client, and cancel all that was started."""
        self.lane.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.client.close()

    # --- what people and the exchange do -----------------------------------------------------------------------

    def pass_by(self, seconds: float) -> None:
        """Move the lane's clock forward."""
        self.now += timedelta(seconds=seconds)

    async def wish(self, *, source: Source = Source.MANUAL, not_after: datetime | None = None, **wish: Any) -> UUID:
        """Place an order and tell the lane: a market buy of BTC/USDT unless `wish` says otherwise."""
        order_id = uuid4()
        wanted = {"symbol": "BTC/USDT", "side": Side.BUY, "type": Type.MARKET, **wish}
        with carrying(user="1"):
            order = Order.place(
                order_id=order_id,
                user=1,
                broker=1,
                wish=Wish(**wanted),
                source=source,
                requester="somebody",
                client_order_id=f"ARISTO_{order_id.hex[:20]}",
                not_after=not_after,
            )
        await asyncio.to_thread(self.store.save, order)
        self.lane.agenda.put(Task.SEND, order_id)
        return order_id

    async def rest(self, quantity: str = "0.01", price: str = "40000", **wish: Any) -> UUID:
        """Place a limit buy below the market, which rests."""
        return await self.wish(type=Type.LIMIT, quantity=Decimal(quantity), price=Decimal(price), **wish)

    async def say(self, order_id: UUID, verb: Callable[[Order], None]) -> None:
        """Apply a verb to an order through the store alone. The lane is not told."""
        order = await self.load(order_id)
        with carrying(user="1"):
            verb(order)
            await asyncio.to_thread(self.store.save, order)

    async def cancel(self, order_id: UUID) -> None:
        """Request the cancel of an order, and tell the lane."""
        await self.say(order_id, lambda o: o.request_cancel("somebody"))
        self.lane.agenda.put(Task.CANCEL, order_id)

    def fault(self, when: str, kind: str, times: int = 1) -> None:
        """Add to the exchange's fault script."""
        self.paper.faults.add(Fault(when, kind, times, exchange=self.exchange))

    def hold(self, symbol: str, price: str) -> None:
        """Hold a market at this price, which fills the orders that it reaches."""
        self.paper.prices.hold(symbol, Decimal(price))

    def show_orders(self, *, shown: bool = True) -> None:
        """Show all orders in queries and lists, or hide them there."""
        self.shown = shown
        for order in (*self.on_exchange(), *self.paper.plans.all()):
            self._show(order)

    def _show(self, order: PaperOrder | Plan) -> None:
        order.hidden_until = 0 if self.shown else LATER

    async def listening(self) -> None:
        """Let the lane follow the private stream, and wait until the subscription stands."""
        self.start(self.lane.follow_stream())
        await self.until(lambda: self.lane.streaming)

    # --- reconciling -------------------------------------------------------------------------------------------

    async def reconcile(self, occasion: Occasion = Occasion.REQUEST, *, dry: bool = False) -> list[Any]:
        """Reconcile once, check that the run succeeded, and return the discrepancies found."""
        run = await self.lane.reconcile(occasion, dry=dry)
        assert run is not None
        assert run.failure is None
        return [found for found, _ in run.found]

    async def reconcile_twice(self, occasion: Occasion = Occasion.REQUEST) -> list[Any]:
        """Reconcile twice, ten seconds apart, and return the second run's discrepancies.

        Some reports are believed only when they are repeated.
        """
        await self.reconcile(occasion)
        self.pass_by(10)
        return await self.reconcile(occasion)

    async def elsewhere(self, client_id: str, symbol: str = "BTC/USDT", **wish: Any) -> PaperOrder:
        """Place an order outside the platform, with the same keys.

        It is a limit buy below the market unless `wish` says otherwise.
        """
        wanted = {"side": Side.BUY, "type": Type.LIMIT, "quantity": Decimal("0.01"), "price": Decimal(40000), **wish}
        market = self.markets[symbol]
        if not market.takes_quantity(wanted["type"], wanted["side"]):
            wanted["cost"] = wanted.pop("quantity") * self.paper.prices.last[symbol]
        request = OrderRequest(client_id, market, **wanted)
        await self.client.place(self.credentials, request)
        return self.on_exchange()[-1]

    async def read(self, kind: str) -> list[Any]:
        """Return all events of one kind of stream, or of one topic."""
        log = await asyncio.to_thread(self.store.read, 0)
        return [recorded.event for recorded in log if f"{recorded.topic}.".startswith(f"{kind}.")]

    # --- what can be seen --------------------------------------------------------------------------------------

    def on_exchange(self) -> list[PaperOrder]:
        """Return all orders that the exchange ever took."""
        return [*self.paper.ledger.orders.values()]

    async def load(self, order_id: UUID) -> Order:
        """Return the order as the log has it."""
        return await asyncio.to_thread(self.store.get, Order, order_id)

    async def facts(self, order_id: UUID) -> list[str]:
        """Return the names of the order's events."""
        return [type(event).__name__ for event in await self.events(order_id)]

    async def events(self, order_id: UUID) -> list[Any]:
        """Return the order's events."""
        log = await asyncio.to_thread(self.store.read, 0)
        return [recorded.event for recorded in log if recorded.event.originator_id == order_id]

    async def becomes(self, order_id: UUID, *states: Status) -> Order:
        """Wait until the order is in one of these states and the lane that sent it knows; return the order."""
        while (order := await self.load(order_id)).status not in states:
            await self._a_moment()
        live = self.lane.orders.live if order.sender == self.lane.orders.sender else {}
        await self.until(lambda: order_id not in live or live[order_id].version >= order.version)
        return order

    async def asked_again(self, what: str, times: int = 3) -> None:
        """Wait for this many more calls of a method; all but the last have returned by then."""
        enough = self.client.asked[what] + times
        await self.until(lambda: self.client.asked[what] >= enough)

    async def known(self) -> None:
        """Wait until no look-up and no reconciliation of the stream is under way, and nothing is in doubt."""
        await self.until(lambda: self.lane.idle and not self.lane.doubts)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until the condition holds, and raise any error of a background task."""
        while not condition():
            await self._a_moment()

    async def _a_moment(self) -> None:
        for task in self.tasks:
            if task.done():
                await task
        await asyncio.sleep(0.01)


@pytest.fixture
def open_trading(database: Any, exchange: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that opens trading: BTC costs 50,000 USDT and ETH 2,500 until a test changes it.

    Use it as `async with open_trading(USDT="1000") as trading`.
    """
    monkeypatch.setattr(lookups, "PAUSES", (0.02,))

    @asynccontextmanager
    async def at_work(**balances: str) -> AsyncIterator[Trading]:
        server = PaperServer(neighbours(3))
        paper = server.paper
        for symbol, price in (("BTC/USDT", "50000"), ("ETH/USDT", "2500")):
            paper.prices.hold(symbol, Decimal(price))
        held = {currency: Decimal(amount) for currency, amount in (balances or {"USDT": "1000"}).items()}
        account = paper.ledger.open_account(exchange, held, passphrase=PHRASE[exchange])
        store = database.store()
        with carrying(user="1"):
            broker = Broker.connect(1, 1, Exchange(exchange), Venue.PAPER, "paper")
            store.save(User.register(1, "somebody", Role.ADMIN), broker)
        keys = Credentials(account.key, account.secret, PHRASE[exchange])
        Vault(database.store("aristobot_web").pool, database.master).store_credentials(1, 1, keys)
        await server.start()
        trading = Trading(store, paper, client_of(exchange, server.port), keys, broker)
        try:
            async with asyncio.timeout(30):
                await trading.open()
                yield trading
        finally:
            await trading.close()
            await server.stop()

    return at_work
