"""Results as shown: net of the fees whose value is known, and marked when any were left out."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import msgspec
import pytest

from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.trading.position import Position
from tests.conftest import NOW


def complete(store, symbol, *fees):
    """Return a complete trade: bought in two parts at 100 and sold at 110.

    Each execution has a fee, given as currency, amount and value.
    """
    with carrying(user="1"):
        position = Position(1, 1, symbol, "webhook")
        executions = [
            Execution(uuid4(), "t1", quantity, price, fee, currency, NOW, value)
            for (quantity, price), (currency, fee, value) in zip(
                ((Decimal(1), Decimal(100)), (Decimal(1), Decimal(100)), (Decimal(2), Decimal(110))), fees, strict=True
            )
        ]
        position.grow(executions[0])
        position.grow(executions[1])
        position.reduce(executions[2], Decimal(0))
        store.save(position)
    return position


BNB, UNKNOWN = ("BNB", Decimal("0.002"), Decimal(1)), ("BNB", Decimal("0.002"), None)
QUOTE, NOTHING = ("USDT", Decimal("0.5"), None), (None, Decimal(0), None)


@pytest.mark.parametrize(
    ("fees", "net", "left_out"),
    [
        ((BNB, BNB, BNB), 17, False),
        ((BNB, QUOTE, NOTHING), Decimal("18.5"), False),
        ((BNB, UNKNOWN, BNB), 18, True),
        ((UNKNOWN, UNKNOWN, UNKNOWN), 20, True),
        ((QUOTE, QUOTE, QUOTE), Decimal("18.5"), False),
    ],
)
def test_net_counts_what_is_known_and_says_what_is_not(database, project, fees, net, left_out):
    complete(database.store(), "BTC/USDT", *fees)
    project()
    [row] = database.connect().execute("SELECT gross, net, fees_left_out FROM books.gains").fetchall()
    assert row == (Decimal(20), net, left_out)


@pytest.mark.parametrize(("currency", "left_out"), [("BNB", True), ("USDT", False), ("BTC", False), (None, False)])
def test_a_result_from_before_values_were_kept_says_whether_it_lacks_them(database, project, currency, left_out):
    """Events from before have no fee values. They never counted fees in a third currency."""
    fee = (currency, Decimal("0.002") if currency else Decimal(0), None)
    complete(database.store(), "BTC/USDT", fee, NOTHING, NOTHING)
    with database.tampering() as superuser:
        for position, state in superuser.execute("SELECT position, state FROM log.events").fetchall():
            older = msgspec.json.decode(state)
            older.pop("fees_left_out", None)
            older.get("execution", {}).pop("fee_value", None)
            superuser.execute(
                "UPDATE log.events SET state = %s WHERE position = %s", (msgspec.json.encode(older), position)
            )
    project()
    assert database.connect().execute("SELECT fees_left_out FROM books.gains").fetchall() == [(left_out,)]


def test_the_next_trade_of_a_stream_begins_without_the_fees_of_the_one_before(database, project):
    """The position is bought again after its trade is complete."""
    store = database.store()
    position = complete(store, "BTC/USDT", UNKNOWN, BNB, BNB)
    assert (position.trade.fees, position.trade.fees_valued, position.trade.fees_left_out) == ({}, Decimal(0), False)
    with carrying(user="1"):
        position.grow(Execution(uuid4(), "t1", Decimal(1), Decimal(100), *BNB[1::-1], NOW, BNB[2]))
        position.reduce(Execution(uuid4(), "t1", Decimal(1), Decimal(110), *NOTHING[1::-1], NOW), Decimal(0))
        store.save(position)
    project()
    rows = database.connect().execute("SELECT net, fees_left_out FROM books.gains ORDER BY closed_at, id").fetchall()
    assert sorted(rows) == [(Decimal(9), False), (Decimal(18), True)]
