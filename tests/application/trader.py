"""A trader who only sends webhook alerts: the engine's policies and the gateway's follower work beside a lane."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count

import pytest

from application.policies import WHEN, World
from application.ports.errors import NoAnswer
from application.ports.statements import Capabilities
from application.protection import trouble
from application.webhooks.reception import receive
from aristobot.terminals.gateway.errands import asked_by
from domain.aggregate import carrying
from domain.people.broker import Broker, StopStyle
from domain.refusals import Conflict
from domain.trading.position import Position
from domain.webhooks.webhook import Webhook, WebhookStatus

POSITION = Position.create_id(1, 1, "BTC/USDT", "webhook")
HELD = Decimal("0.00999")
"""The quantity (base) that 500 USDT buy at 50,000 with a fee of a thousandth."""
TYPES = {"trailing": False, "amend_quantity": False, "replace": False}
LISTS = Capabilities(lists=True, locks=True, **TYPES)
BINANCE = Capabilities(lists=True, locks=True, trailing=True, amend_quantity=True, replace=True)
STOP_ALONE = Capabilities(lists=False, locks=True, **TYPES)
BOTH_ALONE = Capabilities(lists=False, locks=False, **TYPES)
RICH = {"USDT": "1000", "BTC": "1"}
"""Balances with more coins than the position's own.

The paper exchange always locks coins: only with such balances can two single orders rest for the position.
"""
STOP, TARGET = ("stop_loss", Decimal(45000)), ("limit", Decimal(60000))
PRICES = {"PrixSL": "45000", "PrixTP": "60000"}
PART = Decimal("0.004")
"""The quantity (base) of the target's first fill."""
_names = count(1)


class Trader:
    """A trader's alerts, their consequences in the log, and the orders that rest on the exchange."""

    def __init__(self, trading, store):
        self.trading, self.store = trading, store
        self._native = {market.native: market for market in trading.markets.values()}

    def of(self, *_):
        """Return the markets by their native symbols, as the policies look them up."""
        return self._native

    async def follow(self):
        """Save what the policies make of each event, then tell the lane of the event."""
        position = 0
        while True:
            for recorded in await asyncio.to_thread(self.store.read, position):
                await asyncio.to_thread(self._judge, recorded)
                await asyncio.to_thread(self._tell, recorded.topic, recorded.event)
                position = recorded.position
            await asyncio.sleep(0.01)

    def _judge(self, recorded):
        while recorded.topic in WHEN:
            with carrying(**{**recorded.event.metadata, "source": "engine"}):
                world = World(self.store, self, self.trading.now)
                saved = [one for policy in WHEN[recorded.topic] for one in policy(recorded.event, world)]
                try:
                    self.store.save(*saved)
                except Conflict:
                    continue
            return

    def _tell(self, topic, event):
        if (asked := asked_by(topic, event, self.store)) is not None:
            self._put(*asked.errand)

    def _put(self, task, subject):
        self.loop.call_soon_threadsafe(self.trading.lane.agenda.put, task, subject)

    async def deliver(self, action, **fields):
        """Deliver an alert. Return the id of its webhook as soon as the log has it."""
        given = {"Symbol": '"BTCUSDT"', "UserID": "1", "UserExchangeID": "1", "PourCent": "100", **fields}
        said = {"Action": f'"{action}"', "IndicateurName": f'"no {next(_names)}"', **given}
        body = ("{" + ",".join(f'"{key}":{value}' for key, value in said.items()) + "}").encode()
        return await asyncio.to_thread(receive, self.store, 1, body, "127.0.0.1", self.trading.now)

    async def ended(self, webhook_id):
        """Wait until a webhook has ended. Return its status and reason."""
        under_way = {WebhookStatus.RECEIVED, WebhookStatus.TAKEN}
        await self.trading.until(lambda: self.store.get(Webhook, webhook_id).status not in under_way)
        webhook = self.store.get(Webhook, webhook_id)
        return webhook.status, webhook.reason

    async def alert(self, action, **fields):
        """Deliver an alert. Return the status and reason with which its webhook ended."""
        return await self.ended(await self.deliver(action, **fields))

    async def buy(self, *shapes, **prices):
        """Buy for half of the quote currency, and wait until these legs protect it.

        Their prices default to `PRICES`.
        """
        executed = await self.alert("BuyMarket", PourCent="50", **(prices or PRICES))
        assert executed == (WebhookStatus.EXECUTED, None)
        await self.protected(HELD, *shapes)

    def position(self):
        """Return the position as the log has it, None when there is none."""
        newest = self.store.position_newest(1, 1, "BTC/USDT", "webhook")
        return None if newest is None else self.store.get(Position, newest)

    def sells(self):
        """Return all sells that the exchange ever took."""
        return [order for order in self.trading.on_exchange() if order.side == "sell"]

    def target_is_met(self, quantity=PART):
        """Fill this quantity (base) of the resting target."""
        [target] = [order for order in self.sells() if order.type == "limit"]
        self.trading.paper.ledger.execute(target, quantity, Decimal(60000), maker=True)

    def resting(self):
        """Return type, trigger or price, and quantity of the sells that rest or wait, stops first."""
        there = [(o.type, o.stop_price or o.price, o.quantity - o.filled) for o in self.sells() if o.rests]
        there += [
            ("stop_loss" if plan.price is None else "stop_loss_limit", plan.trigger, plan.quantity)
            for plan in self.trading.paper.plans.all()
            if plan.status == "live"
        ]
        return sorted(there, key=lambda row: row[0] == "limit")

    def bare_for(self):
        """Return a list that receives, from now on, the length (real seconds) of each period with coins but no stop."""
        began, bare = [None], []
        loop = asyncio.get_running_loop()

        def look(*_):
            stops = [o for o in self.sells() if o.rests and o.type.startswith("stop_loss")]
            account = next(iter(self.trading.paper.ledger.accounts.values()))
            held = account.free.get("BTC", Decimal(0)) + account.locked.get("BTC", Decimal(0))
            if held > Decimal("0.0001") and not stops:
                began[0] = began[0] or loop.time()
            elif began[0] is not None:
                bare.append(loop.time() - began[0])
                began[0] = None

        # All steps of one request count as one moment.
        self.trading.paper.ledger.listeners.append(lambda *_: loop.call_soon(look))
        return bare

    def sold(self):
        """Return the total quantity (base) that was sold."""
        return sum((order.filled for order in self.sells()), Decimal(0))

    async def protected(self, quantity, *shapes):
        """Wait until exactly these legs rest, each for this quantity, and the log says so.

        Where an exchange cannot keep both, the stop rests alone and the target is watched.
        """
        alone = not self.trading.client.capabilities.lists and self.trading.client.capabilities.locks
        if alone and len(shapes) > 1:
            shapes = [shape for shape in shapes if shape[0] != "limit"]
        expected = [(*shape, quantity) for shape in shapes]

        def seen():
            position = self.position()
            known = position is not None and (len(position.resting), position.protected) == (len(shapes), quantity)
            return known and position.lost is None and self.resting() == expected

        await self.trading.until(seen)

    async def closed(self):
        """Wait until nothing is held and nothing rests."""
        await self.trading.until(lambda: not self.position().is_open and not self.resting())


async def alarms(trading):
    """Return the causes of the alerts that the owner got."""
    return [event.cause for event in await trading.read("Alert.Raised")]


async def exchange_away(*_, **__):
    """Raise `NoAnswer`, as a call to an exchange that is away does."""
    raise NoAnswer("HTTP 503")


@pytest.fixture
def at(open_trading, database, exchange, monkeypatch):
    """Return a function that opens trading: on Binance with only these capabilities, elsewhere with the client's own.

    Use it as `async with at(STOP_ALONE) as trader`.
    """
    monkeypatch.setattr(trouble, "AT_MOST_EVERY", 0.02)
    monkeypatch.setattr(trouble, "LOOK_EVERY", 0.05)

    @asynccontextmanager
    async def at_work(capabilities, style=StopStyle.MARKET, **balances):
        async with open_trading(**(balances or {"USDT": "1000"})) as trading:
            if exchange == "binance":
                trading.client.capabilities = capabilities
            broker = trading.store.get(Broker, Broker.create_id(1))
            with carrying(user="1"):
                broker.rest_stops_as(style)
                trading.store.save(broker)
            trading.lane.renew(broker, trading.credentials)
            trader = Trader(trading, database.store())
            trader.loop = asyncio.get_running_loop()
            trading.start(trader.follow())
            await trading.listening()
            yield trader

    return at_work
