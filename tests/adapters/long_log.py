"""A long log in little time: the store writes one day of trading, and the database copies it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from domain.aggregate import Personal, carrying
from domain.alert import Alert, Cause, Severity
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.wish import Protection, Side, Source, Type, Wish
from domain.reconciliation import Discrepancy, Kind, Occasion, Reconciliation, Resolution, Statement
from domain.trading.position import Position
from domain.trading.spending import Spending
from domain.webhooks.webhook import Webhook

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SYMBOL, QUANTITY, PRICE = "BTC/USDT", Decimal("0.001"), Decimal(60000)
RAW = Personal("{}")

# Each copy has its own streams and names, but its references to other streams still point to the day that is copied.
COPY = """
    INSERT INTO log.events (position, stream, version, topic, state, recorded_at, hash)
    SELECT head + row_number() OVER (ORDER BY n, number), md5(n || stream::text)::uuid, version, topic,
        convert_to(regexp_replace(convert_from(state, 'UTF8'), '"(client_order_id|exchange_order_id)":"',
                                  '"\\1":"' || n || '-', 'g'), 'UTF8'), now(), ''
    FROM generate_series(%(first)s::int, %(last)s) AS n
        CROSS JOIN day CROSS JOIN (SELECT max(position) AS head FROM log.events) AS log
    WHERE topic LIKE %(of)s
"""


def ordered(side: Side, webhook: Webhook) -> Order:
    """Return an order from a webhook that was sent, fully executed and closed."""
    order = Order.place(
        order_id=Order.id_for(webhook.id), user=1, broker=1, wish=Wish(SYMBOL, side, Type.MARKET, quantity=QUANTITY),
        source=Source.WEBHOOK, requester="Webhooks", client_order_id=f"ARISTO_{uuid4().hex[:20]}", cause=webhook.id,
    )  # fmt: skip
    order.submit(uuid4(), now=NOW, valid_until=NOW, quantity=QUANTITY, cost=None, price=None)
    order.accept(uuid4().hex[:12], RAW)
    order.progress(QUANTITY, QUANTITY * PRICE, RAW)
    order.fill(uuid4().hex, QUANTITY, PRICE, Decimal(0), None, NOW, None, RAW)
    order.close(RAW)
    return order


def write_day(store, position: Position | None = None, number: int = 0) -> Position:
    """Write one day and return the trade that follows.

    One webhook opens the day's trade, another closes it; the rest is what a day leaves behind.
    """
    with carrying(user="1", source="test"):
        webhooks = [Webhook.receive(uuid4(), 1, b"{}", "192.0.2.1", NOW) for _ in range(2)]
        buy, sell = (ordered(side, one) for side, one in zip((Side.BUY, Side.SELL), webhooks, strict=True))
        position = position or Position(1, 1, SYMBOL, "webhook")
        position.enter(buy.id, Protection(PRICE / 2))
        position.grow(Execution(buy.id, "t1", QUANTITY, PRICE, Decimal(0), None, NOW))
        position.rest([uuid4()], QUANTITY)
        position.leave(sell.id)
        position.reduce(Execution(sell.id, "t2", QUANTITY, PRICE, Decimal(0), None, NOW), Decimal(0))
        for webhook, order in zip(webhooks, (buy, sell), strict=True):
            webhook.take([order.id])
            webhook.execute([order.id])
        alert = Alert(1, f"day {number}", Cause.ORDER_UNKNOWN, Severity.WARNING, buy.id, {})
        alert.record_sent("phone")
        alert.acknowledge()
        run = Reconciliation(uuid4(), 1, 1, Occasion.START, NOW)
        run.find(
            Discrepancy(buy.id, SYMBOL, "77", Statement(Kind.NOTHING), Statement(Kind.NOTHING), Resolution.DECIDE), RAW
        )
        run.complete(Decimal(1))
        spending = Spending(1, NOW.date() + timedelta(number))
        spending.reserve(buy.id, QUANTITY * PRICE, PRICE)
        following = position.next(())
        store.save(*webhooks, buy, sell, position, alert, run, spending, following)
    return following


def lengthen(database, days: int, trades: int = 0) -> None:
    """Copy the whole log `days` times and its trades alone another `trades` times.

    The copies have no hashes, because no test verifies them.
    """
    tampering = database.tampering()  # no trigger computes the hashes of its rows
    tampering.execute(
        "CREATE TEMPORARY TABLE day AS SELECT position AS number, stream, version, topic, state FROM log.events"
    )
    tampering.execute(COPY, {"first": 1, "last": days, "of": "%"})
    tampering.execute(COPY, {"first": days + 1, "last": days + trades, "of": "Position.%"})
    tampering.execute("ANALYZE log.events")
