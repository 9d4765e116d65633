"""A log full of whole flows: a webhook, the engine's decision on it, and its order until the last fill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg

from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from domain.aggregate import Aggregate, Personal, carrying
from domain.orders.order import Order
from domain.orders.wish import Side, Source, Type, Wish
from domain.webhooks.webhook import Webhook

FLOWS_AT_ONCE = 100
USERS, BROKERS = 5, 10
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER = uuid4()


def _flow(number: int) -> list[Aggregate]:
    """Return a webhook and its order: eight events."""
    user, now = number % USERS + 1, NOW + timedelta(seconds=number)
    webhook_id, order_id, quantity = uuid4(), uuid4(), Decimal("0.0125")
    body = f'{{"Symbol":"BTCUSDT","Action":"BuyMarket","PourCent":5,"UserID":{user},"Bar":{number}}}'.encode()
    with carrying(user=str(user), source="receiver", correlation_id=str(webhook_id)):
        webhook = Webhook.receive(webhook_id, user, body, "127.0.0.1", now)
        order = Order.place(
            order_id=order_id, user=user, broker=number % BROKERS + 1,
            wish=Wish("BTC/USDT", Side.BUY, Type.MARKET, quantity=quantity), source=Source.WEBHOOK,
            requester="Webhooks", client_order_id=f"ARISTO_{order_id.hex[:20]}", cause=webhook_id,
        )  # fmt: skip
        webhook.take([order_id])
        valid_until = now + timedelta(seconds=5)
        order.submit(SENDER, now=now, valid_until=valid_until, quantity=quantity, cost=None, price=None)
        order.accept(f"X{number}", Personal(f'{{"orderId":{number},"status":"FILLED","executedQty":"0.0125"}}'))
        for part, share in enumerate((Decimal("0.01"), Decimal("0.0025"))):
            trade, raw = f"{number}-{part}", Personal(f'{{"tradeId":{number},"price":"64250.10"}}')
            order.fill(trade, share, Decimal("64250.1"), share * 64, "USDT", now, None, raw)
    return [webhook, order]


def fill(url: str, master: MasterKey, events: int) -> int:
    """Append flows until the log has so many events, and return how many it has."""
    with open_pool(url) as pool:
        store = Store(pool, master)
        number, position = 0, 0
        while position < events:
            flows = [a for n in range(number, number + FLOWS_AT_ONCE) for a in _flow(n)]
            position = store.save(*flows)[-1]
            number += FLOWS_AT_ONCE
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE log.events")
    return position
