"""The rules of trading: aggregates, values, refusals and calculations, free of any technology.

Importing the package registers the topic of every event, which every reader of the log relies on.
"""

from domain.alert import Alert
from domain.broker import Broker
from domain.order import Order
from domain.platform import Platform
from domain.position import Position
from domain.reconciliation import Reconciliation
from domain.registry import Registry
from domain.spending import Spending
from domain.user import User
from domain.webhook import Webhook

AGGREGATES = (Alert, Broker, Order, Platform, Position, Reconciliation, Registry, Spending, User, Webhook)
