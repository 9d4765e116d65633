"""The rules of trading: aggregates, values, refusals and calculations, free of any technology.

Importing the package registers the topic of every event, which every reader of the log relies on.
"""

from domain.alert import Alert
from domain.orders.order import Order
from domain.orders.replacement import Replacement
from domain.people.broker import Broker
from domain.people.registry import Registry
from domain.people.user import User
from domain.platform import Platform
from domain.reconciliation import Reconciliation
from domain.strategies.strategy import Strategy
from domain.trading.position import Position
from domain.trading.spending import Spending
from domain.webhooks.stream import WebhookStream
from domain.webhooks.webhook import Webhook

AGGREGATES = (
    Alert, Broker, Order, Platform, Position, Reconciliation, Registry, Replacement, Spending, Strategy, User,
    Webhook, WebhookStream,
)  # fmt: skip
