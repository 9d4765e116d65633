"""A platform and its exchange in simulated time: alerts, engine, gateway, lane and a paper exchange in one event loop.

Only sockets, threads, Binance's signatures and PostgreSQL are left out. The real modules of both sides write and read
an exchange's requests and answers, the real counters count the orders, and the engine's own table decides what follows
from an event.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

from application.lane.lane import Lane
from application.orders.account import Account
from application.policies import WHEN, World
from application.ports.errors import NoAnswer, NotAccepted
from application.ports.statements import Credentials
from application.webhooks.reception import receive
from aristobot.terminals.gateway.errands import asked_by
from aristobot.terminals.gateway.terminal import PRICE_SECONDS
from domain.aggregate import carrying
from domain.market import Markets
from domain.orders.order import Order
from domain.orders.order_status import ENDED
from domain.people.broker import Broker, Exchange, StopStyle, Venue
from domain.people.user import Role, User
from domain.reconciliation import Occasion
from domain.refusals import Conflict
from domain.trading.position import Position
from domain.webhooks.webhook import Webhook
from tests.laws.exchange_in_process import AccountSnapshots, Books
from tests.laws.simulated_bitget import SimulatedBitget
from tests.laws.simulated_exchange import QuickPaper, SimulatedBinance

KEYS = Credentials("key", "secret", "phrase")
CLIENTS = {"binance": SimulatedBinance, "bitget": SimulatedBitget}
OF_THE_ENGINE = 0.005
"""Seconds until the engine and the gateway hear of an event."""
POLL_SECONDS, RULES_SECONDS = 10.0, 60.0
LONG_AGO = timedelta(days=1)


class Log:
    """The lane's log lines, for the report of a story that failed."""

    def __init__(self, clock):
        self.said, self._clock = [], clock

    def info(self, event, **values):
        self.said.append((round(self._clock(), 3), event, values))

    warning = info


class LoggedBooks(Books):
    """Books that also keep all events in the sequence in which they were saved."""

    def __init__(self):
        super().__init__()
        self.log, self.bell, self.listeners = [], None, []
        self._newest = {}

    def save(self, *aggregates, **named):
        events = [event for aggregate in aggregates for event in aggregate.pending_events]
        versions = defaultdict(int)
        for event in events:
            known = len(self.streams.get(event.originator_id, ())) + versions[event.originator_id]
            if event.originator_version != known + 1:
                for aggregate in aggregates:
                    aggregate.collect_events()
                raise Conflict("another process was faster")
            versions[event.originator_id] += 1
        super().save(*aggregates, **named)
        for event in events:
            if type(event).__qualname__ == "Position.Opened":
                self._newest[event.user, event.broker, event.symbol, event.owner] = event.originator_id
        self.log += events
        for listener in self.listeners:
            for event in events:
                listener(event)
        if self.bell is not None and events:
            self.bell.set()
        return []

    def find(self, kind, aggregate_id):
        found = super().find(kind, aggregate_id)
        return found if isinstance(found, kind) else None

    def get_all(self, kind, ids):
        return [found for one in ids if (found := self.find(kind, one)) is not None]

    def orders(self):
        return [self.find(Order, one) for one in self._of("Order.Placed", "Order.Adopted")]

    def positions(self):
        """Return all positions in their current state."""
        return [self.find(Position, one) for one in self._of("Position.Opened")]

    def webhooks(self):
        """Return all webhooks in their current state, in the sequence of their arrival."""
        return [self.find(Webhook, one) for one in self._of("Webhook.Received")]

    def _of(self, *firsts):
        return [one for one, events in [*self.streams.items()] if events and type(events[0]).__qualname__ in firsts]

    def orders_unexplained(self):
        return [order.id for order in self.orders() if order.is_unexplained]

    def position_newest(self, user, broker, symbol, owner):
        return self._newest.get((user, broker, symbol, owner))

    def positions_open(self):
        return [position.id for position in self.positions() if position.is_open]


class Platform:
    """The platform of one story. `begin` opens the lane; everything runs until the loop is closed."""

    def __init__(self, loop, prices, balances, *, style=StopStyle.MARKET, limit=None, exchange="binance"):
        self.at = exchange
        self.loop, self.books = loop, LoggedBooks()
        self.paper = QuickPaper(loop.clock)
        for symbol, price in prices.items():
            self.paper.prices.hold(symbol, Decimal(price))
        if limit is not None:
            self.paper.counts.limits("binance")["10S"] = limit
        funds = {currency: Decimal(amount) for currency, amount in balances.items()}
        self.ledger_account = self.paper.ledger.open_account(exchange, funds, KEYS.key, KEYS.secret, KEYS.passphrase)
        self.log, self.symbols, self._seen = Log(loop.time), sorted(prices), {}
        self.tasks, self.names, self._rules_doubted = [], count(1), asyncio.Event()
        with carrying(user="1"):
            self.broker = Broker.connect(1, 1, Exchange(exchange), Venue.PAPER, "paper")
            self.broker.rest_stops_as(style)
            self.books.save(User.register(1, "somebody", Role.ADMIN), self.broker)

    def of(self, *_):
        """Return the markets by native symbol, as the policies look them up."""
        return {market.native: market for market in self.account.markets.values()}

    async def begin(self):
        self.books.bell = asyncio.Event()
        self.exchange = CLIENTS[self.at](self.paper, self.ledger_account, self.loop)
        markets = Markets(m for m in await self.exchange.markets() if m.symbol in self.symbols)
        lent = markets, self.loop.clock, self.log, self._rules_doubted.set
        self.account = Account(self.broker, self.exchange, KEYS, *lent)
        self.lane = Lane(self.account, self.books, AccountSnapshots(), UUID(int=7))
        for work in (
            self.lane.work(),
            self.lane.follow_stream(),
            self._follow(),
            self._tell_prices(),
            self._load_rules(),
            self._poll(),
        ):
            self.tasks.append(self.loop.create_task(work))
        while not (self.lane.reconciled.is_set() and self.lane.streaming):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

    def check_alive(self):
        """Raise the exception that ended a part of the platform, if one did."""
        for task in self.tasks:
            if task.done():
                task.result()

    # --- engine and gateway ------------------------------------------------------------------------------------

    async def _follow(self):
        position = 0
        while True:
            await self.books.bell.wait()
            self.books.bell.clear()
            await asyncio.sleep(OF_THE_ENGINE)
            while position < len(self.books.log):
                event = self.books.log[position]
                position += 1
                topic = type(event).TOPIC
                self._judge(topic, event)
                self._tell(topic, event)

    def _judge(self, topic, event):
        while topic in WHEN:
            with carrying(**{**event.metadata, "source": "engine"}):
                world = World(self.books, self, self.loop.clock())
                saved = [one for policy in WHEN[topic] for one in policy(event, world)]
                try:
                    self.books.save(*saved)
                except Conflict:
                    continue
            return

    def _tell(self, topic, event):
        if (asked := asked_by(topic, event, self.books)) is not None:
            self.lane.agenda.put(*asked.errand)

    async def _tell_prices(self):
        while True:
            held = [symbol for symbol in self.symbols if (p := self.position(symbol)) is not None and p.is_open]
            markets = [self.account.markets[symbol] for symbol in held if symbol in self.account.markets]
            if markets:
                with suppress(NoAnswer, NotAccepted):
                    self.lane.hear_prices(await self.exchange.tickers(markets))
            await asyncio.sleep(PRICE_SECONDS)

    async def _load_rules(self):
        while True:
            await self._rules_doubted.wait()
            await asyncio.sleep(1)
            self._rules_doubted.clear()
            with suppress(NoAnswer, NotAccepted):
                told = await self.exchange.markets()
                self.lane.know_markets({m.symbol: m for m in told if m.symbol in self.symbols})
            await asyncio.sleep(RULES_SECONDS)

    async def _poll(self):
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.lane.reconcile(Occasion.POLL)

    # --- people and the market ---------------------------------------------------------------------------------

    def alert(self, action, symbol="BTC/USDT", **fields):
        """Deliver an alert now and return its webhook."""
        given = {"Symbol": symbol.replace("/", ""), "UserID": 1, "UserExchangeID": 1, **fields}
        said = {"Action": action, "IndicateurName": f"no {next(self.names)}", **given}
        body = ("{" + ",".join(f'"{key}":"{value}"' for key, value in said.items()) + "}").encode()
        return receive(self.books, 1, body, "127.0.0.1", self.loop.clock(), former_until=self.loop.clock() - LONG_AGO)

    def price(self, symbol="BTC/USDT"):
        return self.paper.prices.last[symbol]

    def position(self, symbol="BTC/USDT"):
        """Return the newest position, for reading only: it is cached and replayed once its stream has grown."""
        newest = self.books.position_newest(1, 1, symbol, "webhook")
        if newest is None:
            return None
        key = newest, len(self.books.streams[newest])
        if self._seen.get(symbol, (None, None))[0] != key:
            self._seen[symbol] = key, self.books.get(Position, newest)
        return self._seen[symbol][1]

    def resting(self, symbol="BTC/USDT", side="sell"):
        return [o for o in self.paper.ledger.resting(self.ledger_account) if o.pair.symbol == symbol and o.side == side]

    def waiting(self, symbol="BTC/USDT"):
        """Return the plan orders that wait to sell."""
        plans = self.paper.plans.of(self.ledger_account)
        return [plan for plan in plans if (plan.status, plan.side, plan.pair.symbol) == ("live", "sell", symbol)]

    def told(self, *causes):
        """Return the alerts raised for these causes, or all alerts when no cause is given."""
        raised = [event for event in self.books.log if type(event).__qualname__ == "Alert.Raised"]
        return [event for event in raised if not causes or event.cause in causes]

    def unfinished(self):
        """Return the orders that have not ended in the log."""
        return [order for order in self.books.orders() if order.status not in ENDED]
