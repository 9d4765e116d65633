"""A running gateway for tests: the real bus, the real counter, a follower of the log, and a paper exchange.

The exchange runs in the test's own event loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from decimal import Decimal

from adapters.exchanges import http
from adapters.paper.server import HOST, PaperServer
from application.people.brokers import change_credentials, connect_broker
from application.people.users import register
from application.ports.requests import Action, Request
from application.ports.statements import Credentials
from aristobot.settings import Settings
from aristobot.supervision.liveness import Pulse
from aristobot.terminals.gateway.terminal import Gateway, _follow
from aristobot.wiring import House
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Type
from domain.people.broker import Exchange, Venue
from tests.support.log import Log
from tests.support.ports import neighbours

PAPER = {"exchange": "binance", "venue": "paper"}
REST = {"type": Type.LIMIT, "quantity": Decimal("0.01"), "price": Decimal(40000)}


class Platform:
    """A running gateway, the web's side of the house, and a paper exchange with the test's accounts."""

    def __init__(self, database, web, own, server):
        self.database, self.web, self.house, self.server = database, web, own, server
        self.store, self.log = database.store(), Log()
        self.gateway = Gateway(own, self.log)
        self._stopping, self._tasks = threading.Event(), []

    async def open(self):
        """Open the lanes, follow the log and serve the counter."""
        await self.gateway.open_lanes()
        work = (_follow(self.house, self.gateway, self.log, self._stopping, Pulse()), self.gateway.counter.serve())
        self._tasks = [asyncio.create_task(one) for one in work]

    async def close(self):
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.gateway.close()

    # --- accounts and brokers ----------------------------------------------------------------------------------

    def account(self, *, exchange="binance", may_withdraw=False, unified=False, **balances):
        """Open an account on the exchange and return it with its keys."""
        held = {currency: Decimal(amount) for currency, amount in (balances or {"USDT": "1000"}).items()}
        phrase = "a phrase" if exchange == "bitget" else None
        opened = self.server.paper.ledger.open_account
        made = opened(exchange, held, passphrase=phrase, may_withdraw=may_withdraw, unified=unified)
        return made, Credentials(made.key, made.secret, phrase)

    async def user(self, name="somebody"):
        """Register a user and return the number."""
        return (await asyncio.to_thread(register, self.web.store, self.web.vault, name, "of nobody 42")).number

    async def connect(self, user, keys, name="paper"):
        """Connect a new broker for the user and return its number."""
        given = (self.web.store, self.web.vault, user, Exchange.BINANCE, Venue.PAPER, name, keys)
        return (await asyncio.to_thread(connect_broker, *given)).number

    async def change(self, user, broker, keys):
        """Store other keys for the same broker, once its markets are loaded."""
        await self.until(lambda: self.loaded(broker))
        await asyncio.to_thread(change_credentials, self.web.store, self.web.vault, user, broker, keys)

    # --- requests ----------------------------------------------------------------------------------------------

    async def ask(self, user, action, seconds=120.0, age=0.0, **params):
        """Send a request to the counter and return its progress steps and its final answer."""
        request = Request(user, action, params, "a test", time.time() - age)
        *steps, end = await asyncio.to_thread(lambda: [*self.web.bus.ask(request, seconds)])
        assert {answer.request_id for answer in (*steps, end)} == {request.request_id}
        return [step.progress for step in steps], end

    async def try_keys(self, user, keys, **where):
        """Ask the gateway whether keys that are stored nowhere work."""
        return await self.ask(user, Action.TEST_CONNECTION, **PAPER | where, sealed=self.web.vault.seal(keys))

    # --- observation -------------------------------------------------------------------------------------------

    async def until(self, condition):
        """Wait until the condition holds and return its value."""
        while not (value := await asyncio.to_thread(condition)):  # noqa: ASYNC110 - it stands in the log
            await asyncio.sleep(0.01)
        return value

    def loaded(self, broker=None):
        """Return how many markets each load brought, and whether they were shared, in log order."""
        events = [one.event for one in self.store.read(0, topics=["Broker.MarketsLoaded", "Broker.Connected"])]
        numbers = {event.originator_id: event.number for event in events if hasattr(event, "number")}
        said = [(numbers[e.originator_id], e.count, e.shared) for e in events if hasattr(e, "count")]
        return [row[1:] for row in said if broker in {None, row[0]}]

    async def wish(self, broker, **wish):
        """Place an order and return it once it rests or has ended."""
        placed = await asyncio.to_thread(self.database.placed, self.store, 1, broker, **(wish or REST))
        waiting = {Status.PLACED, Status.SUBMITTED, Status.UNKNOWN}
        await self.until(lambda: self.store.get(Order, placed.id).status not in waiting)
        return self.store.get(Order, placed.id)

    def orders_of(self, account):
        """Return the client ids of all orders of an account."""
        return [order.client_order_id for order in self.server.paper.ledger.of(account)]


def platform_for(database, valkey, tmp_path, monkeypatch):
    """Return an opener, used as `async with platform() as opened`.

    With `away=True` the exchange is away until its server is started.
    """
    monkeypatch.setattr(http, "_READ_PAUSES", ())
    port = neighbours(3)
    given = {"SECRET_KEY": database.secret, "HOME": str(tmp_path), "REDIS_URL": valkey.url}
    exchanges = {"BINANCE_URL": f"http://{HOST}:{port + 1}", "BITGET_URL": f"http://{HOST}:{port + 2}"}
    for name, value in {**given, **exchanges}.items():
        monkeypatch.setenv(f"ARISTOBOT_{name}", value)

    def house(role):
        monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url_for(role))
        return House(Settings.read())

    @asynccontextmanager
    async def opened(*, away=False):
        server, web, own = PaperServer(port), house("aristobot_web"), house("aristobot_writer")
        for symbol, price in (("BTC/USDT", "50000"), ("ETH/USDT", "2500")):
            server.paper.prices.hold(symbol, Decimal(price))
        with web.pool, own.pool:
            made = Platform(database, web, own, server)
            own.bus._client.flushall()  # nobody's questions from before are answered here
            try:
                async with asyncio.timeout(30):
                    if not away:
                        await server.start()
                    await made.open()
                    yield made
            finally:
                await made.close()
                await server.stop()

    return opened
