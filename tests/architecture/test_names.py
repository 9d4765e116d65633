"""Names that outlive the code: anything stored in a log, a database, a queue or a setting is never renamed.

`names.json` lists them all. A new name is added there; one that is gone or has changed fails here.
"""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from eventsourcing.utils import resolve_topic

from adapters import bus
from adapters.database.migrate import FOLLOWERS
from application.ports.requests import Action
from domain.alert import Alert
from domain.orders.external import external_id
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.people.broker import Broker
from domain.people.registry import REGISTRY_ID
from domain.people.user import User
from domain.platform import PLATFORM_ID
from domain.strategies.strategy import Strategy
from domain.trading.position import Position
from domain.trading.spending import Spending
from domain.webhooks.stream import WebhookStream
from domain.webhooks.webhook_message import Action as Word
from domain.webhooks.webhook_message import WebhookMessage, again_id, unparsable_id
from tests.architecture.test_rules import REPOSITORY, events

NAMES = json.loads(Path(__file__).with_name("names.json").read_text())
AT, CAUSE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), UUID(int=7)
ROOMS = ("adapters", "application", "aristobot", "domain", "projections", "web")
LOCK = re.compile(r"hashtext\('([^']+)'\)")


def _sources(*endings: str) -> list[str]:
    return [
        file.read_text() for room in ROOMS for ending in endings for file in (REPOSITORY / room).rglob(f"*{ending}")
    ]


def _alert() -> WebhookMessage:
    return WebhookMessage.parse(
        b'{"Action":"BuyMarket","Symbol":"BTCUSDT","UserID":1,"UserExchangeID":2,"PourCent":5,'
        b'"Interval":"5","BarTime":"2026-01-02T03:00:00Z","IndicateurName":"x"}'
    )


def _ids() -> dict[str, str]:
    """Return the ids and names derived from their subject: a replay or a second delivery yields the same ones."""
    found = {
        "alert": Alert.create_id(1, "key"),
        "broker": Broker.create_id(3),
        "order of a cause": Order.id_for(CAUSE),
        "order that goes on": Order.id_for(CAUSE, "rest"),
        "order adopted": external_id(3, "BTC/USDT", "17"),
        "platform": PLATFORM_ID,
        "position": Position.create_id(1, 3, "BTC/USDT", "webhook"),
        "registry": REGISTRY_ID,
        "spending": Spending.create_id(3, date(2026, 1, 2)),
        "strategy": Strategy.create_id(1),
        "user": User.create_id(1),
        "webhook stream": WebhookStream.create_id(1, 3, "BTCUSDT", "5", "x"),
        "webhook": _alert().webhook_id(1, AT),
        "webhook by its former identity": _alert().former_id(1, AT),
        "webhook judged anew": again_id(CAUSE),
        "webhook that cannot be read": unparsable_id(1, b"x", AT),
        "client order id": wish_name(1, CAUSE, AT),
    }
    return {name: str(value) for name, value in found.items()}


def _bus() -> set[str]:
    """Return every key and channel of the bus that other processes may look up, with its placeholders empty."""
    names = {bus.LIVENESS, bus.BOOKS, bus.HEARTBEAT, bus.RAW_WANTED, bus.DEPTH_NEEDS, bus.REQUESTS, bus.RESPONSES}
    for node in ast.walk(ast.parse(Path(bus.__file__).read_text())):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            names |= set(re.findall(r"^[a-z_]+:", str(node.values[0].value)))
    return names


def _tables(database) -> dict[str, list[str]]:
    query = """
        SELECT table_schema || '.' || table_name, array_agg(column_name::text ORDER BY column_name)
        FROM information_schema.columns WHERE table_schema IN ('log', 'vault', 'service', 'books') GROUP BY 1
    """
    return dict(database.connect().execute(query).fetchall())


CURRENT = {
    "topics": lambda _: sorted(events()),
    "ids": lambda _: _ids(),
    "followers": lambda _: sorted(FOLLOWERS),
    "locks": lambda _: sorted({name for text in _sources(".py", ".sql") for name in LOCK.findall(text)}),
    "bus": lambda _: sorted(_bus()),
    "requests": lambda _: sorted(Action),
    "words of alerts": lambda _: sorted(Word),
    "settings": lambda _: re.findall(r"^(\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE),
    "tables": _tables,
}


@pytest.mark.parametrize("kind", CURRENT)
def test_names_that_outlive_the_code_are_listed(database, kind):
    assert CURRENT[kind](database) == NAMES[kind]


def test_every_topic_ever_released_is_understood():
    """Topics that are no longer recorded are still understood."""
    assert NAMES["topics"]
    for topic in (*NAMES["topics"], *NAMES["former topics"]):
        assert resolve_topic(topic)
