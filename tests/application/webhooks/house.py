"""A house whose engine judges alerts on a real log, on a clock that the test turns."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from application.policies import WHEN, World
from application.webhooks.reception import receive
from domain.aggregate import Personal, carrying
from domain.market import Market
from domain.orders.order import Order
from domain.people.broker import Broker, Exchange, Venue
from domain.people.user import Role, User
from domain.webhooks.webhook import Webhook, WebhookStatus
from tests.conftest import NOW

RECEIVED, TAKEN, EXECUTED = WebhookStatus.RECEIVED, WebhookStatus.TAKEN, WebhookStatus.EXECUTED
IGNORED, REFUSED, FAILED = WebhookStatus.IGNORED, WebhookStatus.REFUSED, WebhookStatus.FAILED
BTC = Market("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", True, Decimal("0.01"), Decimal("0.00001"))
RAW = Personal("{}")
NEVER = NOW - timedelta(days=1)
"""The time of an upgrade so long ago that no former identity counts."""


def alert(action="SellMarket", /, **changed):
    """Return the body of an alert of a bar that has just ended. A field given as None is left out."""
    pairs = {"Symbol": '"BTCUSDT"', "Action": f'"{action}"', "PourCent": "50", "UserID": "1", "UserExchangeID": "1"}
    pairs |= {"Interval": '"5"', "BarTime": '"2026-03-02T09:25:00Z"', **changed}
    return ("{" + ",".join(f'"{key}":{value}' for key, value in pairs.items() if value is not None) + "}").encode()


class House:
    """A log with one user and broker, the engine's policies, and a clock that the test turns."""

    def __init__(self, store):
        self.store, self.now, self.position = store, NOW, 0
        self.listed = {"BTCUSDT": BTC}
        with carrying(user="1"):
            user = User.register(1, "somebody", Role.TRADER)
            store.save(user, Broker.connect(1, 1, Exchange.BINANCE, Venue.PAPER, "one"))

    def of(self, *_):
        return self.listed

    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)

    def deliver(self, body, *, former_until=NEVER, at=None):
        """Deliver an alert at the door; return the webhook's id."""
        return receive(self.store, 1, body, "192.0.2.1", at or self.now, former_until=former_until)

    def judge(self):
        """Let the engine judge every event that it has not judged yet."""
        while page := self.store.read(self.position):
            for recorded in page:
                world = World(self.store, self, self.now)
                with carrying(user="1", source="engine"):
                    policies = WHEN.get(recorded.topic, ())
                    self.store.save(*(one for policy in policies for one in policy(recorded.event, world)))
                self.position = recorded.position

    def come(self, body, **how):
        """Deliver an alert and let it be judged at once; return its webhook's id."""
        webhook_id = self.deliver(body, **how)
        self.judge()
        return webhook_id

    def ends(self, webhook_id):
        webhook = self.store.get(Webhook, webhook_id)
        return webhook.status, webhook.reason

    def order_of(self, webhook_id):
        return self.store.find(Order, Order.id_for(webhook_id))

    def say(self, order, *verbs):
        """Apply these verbs to an order, as the gateway or the exchange would, and let the engine judge."""
        with carrying(user="1"):
            for verb in verbs:
                verb(order)
            self.store.save(order)
        self.judge()

    def told(self):
        """Return the cause and facts of each alert raised."""
        return [(e.event.cause, e.event.facts) for e in self.store.read(0, topics=["Alert.Raised"])]

    def topics(self):
        return [recorded.topic for recorded in self.store.read(0)]


def submit(order):
    until = NOW + timedelta(seconds=5)
    order.submit(order.id, now=NOW, valid_until=until, quantity=Decimal(1), cost=None, price=None)


def fill(order):
    order.fill("t1", Decimal("0.1"), Decimal(100), Decimal(0), None, NOW, None, RAW)


def accept(order):
    order.accept("77", RAW)


def refuse(reason="insufficient_funds"):
    return lambda order: order.refuse(reason, f"why: {reason}")


def reject(order):
    order.reject("insufficient_funds", RAW)
