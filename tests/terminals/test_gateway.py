"""Gateway lanes that open late because the exchange is away at the start, and the orders that wait for them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from adapters.exchanges import catalogue, http
from adapters.paper.pairs import PAIRS
from adapters.paper.server import HOST, PaperServer
from application.people.brokers import connect_broker
from application.people.users import register
from application.ports.statements import Credentials
from aristobot.settings import Settings
from aristobot.terminals.gateway.terminal import Gateway
from aristobot.wiring import House
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Type
from domain.people.broker import Broker, Exchange, Venue
from tests.support.log import Log
from tests.support.ports import neighbours

LATER = 2**62
REST = {"type": Type.LIMIT, "quantity": Decimal("0.01"), "price": Decimal(40000)}


class Trade:
    """A gateway, an exchange that is away at first, one user with one broker, and a doubt on BTC/USDT."""

    def __init__(self, database, house, web, server, account):
        self.web = web
        self.database, self.server, self.account = database, server, account
        self.store, self.log = database.store(), Log()
        self.gateway = Gateway(house, self.log)
        for symbol, price in (("BTC/USDT", "50000"), ("ETH/USDT", "2500")):
            server.paper.prices.hold(symbol, Decimal(price))
        self.doubt = self._doubt()

    def _doubt(self):
        """Record an order sent by an earlier gateway, which the exchange has but does not show yet, and return it."""
        order, now = self.database.order(**REST), datetime.now(UTC)
        with carrying(user="1"):
            order.submit(
                uuid4(), now=now, valid_until=now + timedelta(seconds=5),
                quantity=order.wish.quantity, cost=None, price=order.wish.price,
            )  # fmt: skip
            self.store.save(order)
        there = self.server.paper.ledger.place(
            self.account, PAIRS["BTC/USDT"], client_order_id=order.client_order_id, side="buy", **REST
        )
        there.hidden_until = LATER
        return order

    def show(self):
        """Let the exchange show everything it has from now on."""
        for order in self.server.paper.ledger.orders.values():
            order.hidden_until = 0

    async def wish(self, symbol="BTC/USDT", **wish):
        """Place an order, let the gateway hear of it, and return its id."""
        order = self.database.placed(self.store, symbol=symbol, **(wish or REST))
        await self.hears("Order.Placed", order.id)
        return order.id

    async def keys_are_stored(self):
        """Let the gateway hear that the broker's keys were stored, which opens its lane if it is not open."""
        await self.hears("Broker.CredentialStored")

    async def hears(self, topic, subject=None):
        """Hand the gateway the newest event of a topic."""
        events = [recorded.event for recorded in self.store.read(0, topics=[topic])]
        await self.gateway.hear(topic, [e for e in events if subject in {None, e.originator_id}][-1])

    def status(self, order_id):
        """Return the order's status according to the log."""
        return self.store.get(Order, order_id).status

    def on_exchange(self):
        """Return the client ids of all orders that the exchange ever took."""
        return [order.client_order_id for order in self.server.paper.ledger.orders.values()]

    async def becomes(self, order_id, *states):
        """Wait until the order is in one of these states."""
        while await asyncio.to_thread(self.status, order_id) not in states:  # noqa: ASYNC110 - it stands in the log
            await asyncio.sleep(0.01)

    async def works(self):
        """Wait until the lane has dealt with everything it was given so far."""
        await self.becomes(await self.wish("ETH/USDT", cost=Decimal(10)), Status.CLOSED)


@pytest.fixture
def trade(database, valkey, tmp_path, monkeypatch):
    """Return an opener, used as `async with trade() as opened`.

    The exchange is away until `opened.server.start()`.
    """
    monkeypatch.setattr(http, "_READ_PAUSES", ())
    port = neighbours(3)
    given = {"SECRET_KEY": database.secret, "HOME": str(tmp_path), "BINANCE_URL": f"http://{HOST}:{port + 1}"}
    given["REDIS_URL"] = valkey.url
    for name, value in given.items():
        monkeypatch.setenv(f"ARISTOBOT_{name}", value)

    def house(role):
        monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url_for(role))
        return House(Settings.read())

    @asynccontextmanager
    async def opened():
        server = PaperServer(port)
        account = server.paper.ledger.open_account("binance", {"USDT": Decimal(1000)})
        web, own = house("aristobot_web"), house("aristobot_writer")
        with web.pool, own.pool:
            user = register(web.store, web.vault, "somebody", "a long password of nobody 42").number
            keys = Credentials(account.key, account.secret)
            connect_broker(web.store, web.vault, user, Exchange.BINANCE, Venue.PAPER, "paper", keys)
            made = Trade(database, own, web, server, account)
            try:
                async with asyncio.timeout(30):
                    yield made
            finally:
                await made.gateway.close()
                await server.stop()

    return opened


async def test_an_exchange_that_does_not_answer_holds_up_no_other(trade, monkeypatch):
    """One exchange accepts connections and stays silent. The other broker's orders are sent meanwhile."""
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), HOST, 0)
    address = "http://{}:{}".format(*silent.sockets[0].getsockname())
    entry, hosts = catalogue.CATALOGUE[Exchange.BINANCE], catalogue.Hosts(address, address, address)
    monkeypatch.setitem(catalogue.CATALOGUE, Exchange.BINANCE, replace(entry, hosts={Venue.TESTNET: hosts}))
    async with trade() as trading:
        connect_broker(
            trading.web.store,
            trading.web.vault,
            1,
            Exchange.BINANCE,
            Venue.TESTNET,
            "silent",
            Credentials("k", "s"),
        )
        await trading.server.start()
        waiting = trading.database.placed(trading.store, broker=2, **REST).id
        await trading.gateway.remember()
        trading.gateway.start()
        await trading.works()
        assert trading.status(waiting) is Status.PLACED
    silent.close()


async def test_a_doubt_holds_its_symbol_also_in_a_lane_that_opens_late(trade):
    """No entry on its symbol is sent before the doubt has ended, whether it was placed before or after the start."""
    async with trade() as trading:
        # Given a doubt, and entries placed before the start and while the exchange is away.
        before = trading.database.placed(trading.store, **REST).id
        await trading.gateway.open_lanes()
        assert trading.gateway.figures()["lanes"] == 0
        after = await trading.wish()
        # When the exchange comes and the lane opens.
        await trading.server.start()
        await trading.keys_are_stored()
        # Then neither entry overtakes the doubt.
        assert (trading.gateway.figures()["lanes"], trading.gateway.figures()["doubts"]) == (1, 1)
        await trading.works()
        assert {trading.status(before), trading.status(after)} == {Status.PLACED}
        assert trading.on_exchange()[0] == trading.doubt.client_order_id
        assert len(trading.on_exchange()) == 2
        # When the doubt ends.
        trading.show()
        await trading.becomes(trading.doubt.id, Status.OPEN)
        # Then the entries have their turn.
        await trading.becomes(before, Status.OPEN, Status.REFUSED)
        await trading.becomes(after, Status.OPEN, Status.REFUSED)


async def test_a_lane_is_opened_once_however_many_open_it(trade):
    """The gateway tries again by itself just when the keys are stored anew."""
    async with trade() as trading:
        await trading.gateway.open_lanes()
        await trading.server.start()
        await asyncio.gather(trading.gateway.open_lane(1), trading.keys_are_stored())
        await trading.wish()
        await trading.works()
        assert len(trading.on_exchange()) == 2, "an entry overtook the doubt about its symbol"
        assert trading.log.said.count("lane_open") == 1


async def test_a_lane_that_could_not_be_opened_for_the_database_is_opened_at_the_next_word(trade):
    """PostgreSQL goes away while the lane opens. The follower then hears the same event again."""
    async with trade() as trading:
        await trading.gateway.open_lanes()
        await trading.server.start()
        store = trading.gateway._house.store
        get = store.get

        def away(kind, *which):
            if kind is Broker:
                store.get = get
                raise psycopg.OperationalError("the connection was lost")
            return get(kind, *which)

        store.get = away
        with pytest.raises(psycopg.OperationalError):
            await trading.keys_are_stored()
        await trading.keys_are_stored()
        assert trading.gateway.figures()["doubts"] == 1
        await trading.works()


async def test_trying_an_exchange_that_is_away_leaves_no_session_open(trade):
    """The gateway tries the exchange every five seconds for as long as it is away."""
    async with trade() as trading:
        house, made = trading.gateway._house, []
        make = house.exchange
        house.exchange = lambda *which: made.append(make(*which)) or made[-1]
        await trading.gateway.open_lanes()
        sessions = [exchange._http._session for exchange in made]
        assert sessions
        assert all(session is None or session.closed for session in sessions)
