"""Entries that wait for their trader's approval: what each would buy now, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from application.webhooks import approvals as commands
from domain.amounts import ZERO, difference, product
from domain.orders.wish import HUNDRED_PERCENT, Source
from domain.trading.valuation import Prices, equity
from domain.webhooks.webhook_message import ticker_of
from projections import webhooks
from projections.brokers import all_brokers
from projections.positions import open_positions
from web.context import By, Context, InContext, books
from web.forms import webhooks as forms

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
Row = Mapping[str, Any]
CENT, SHOWN = Decimal("0.01"), Decimal("1e-8")


@router.get("/approvals")
def list_approvals(by: By, context: InContext) -> forms.Approvals:
    """List the entries that wait for the user's approval, the oldest first, as they would be carried out now."""
    with books(context, by.user) as cursor:
        asked = webhooks.asked(cursor)
        brokers = {row["number"]: row for row in all_brokers(cursor)}
        held = {
            (row["broker_id"], row["symbol"]): row["held"]
            for row in open_positions(cursor)
            if row["owner"] == Source.WEBHOOK
        }
    return forms.Approvals(items=[_form(context, row, brokers[row["broker_id"]], held) for row in asked])


@router.post("/{webhook}/approve", status_code=204)
def approve(webhook: UUID, by: By, context: InContext) -> None:
    """Have an entry carried out, if nothing stands in its way by then. It may trade within 30 seconds from now."""
    commands.approve(context.records.store, by.user, webhook, datetime.now(UTC))


@router.post("/{webhook}/decline", status_code=204)
def decline(webhook: UUID, by: By, context: InContext) -> None:
    """Refuse an entry that waits for approval."""
    commands.decline(context.records.store, by.user, webhook)


def _form(context: Context, row: Row, broker: Row, held: Mapping[tuple[int, str], Decimal]) -> forms.Approval:
    symbol = _symbol_of(context, broker, row["symbol"])
    quote = symbol.rpartition("/")[2]
    prices = Prices.read(context.platform.rates(broker["exchange"], broker["venue"]))
    known = prices.of(symbol.partition("/")[0], quote)
    price = row["price"] or (row["close"] if known is None else known.worth) or None
    cost = _cost(context, row, broker, quote, product(held.get((broker["number"], symbol), ZERO), price or ZERO))
    stop = row["stop_loss"] or None
    distance = None if stop is None or price is None else difference(price, stop) / price
    return forms.Approval(
        **{
            name: row[name]
            for name in ("broker_id", "action", "indicator", "interval", "received_at", "percent", "holding")
        },
        webhook=row["id"],
        symbol=symbol,
        quote=quote,
        until=row["answer_until"],
        price=price,
        cost=None if cost is None else cost.quantize(SHOWN),
        quantity=None if cost is None or price is None else (cost / price).quantize(SHOWN),
        stop_loss=stop,
        take_profit=row["take_profit"] or None,
        stop_distance=None if distance is None else (distance * HUNDRED_PERCENT).quantize(CENT),
        risk=None if distance is None or cost is None else (cost * distance).quantize(SHOWN),
    )


def _symbol_of(context: Context, broker: Row, said: str) -> str:
    """Return a pair in our notation, as the alert spells it while its market is not known."""
    with context.records.pool.connection() as connection:
        found = connection.execute(
            "SELECT symbol FROM service.markets WHERE exchange = %s AND venue = %s AND native = %s",
            (broker["exchange"], broker["venue"], ticker_of(said)),
        ).fetchone()
    return said if found is None else str(found[0])


def _cost(context: Context, row: Row, broker: Row, quote: str, held: Decimal) -> Decimal | None:
    """Return about what an entry would spend now (quote), by the balances last seen; None while they are not known.

    `held` is what its position is worth (quote).
    """
    told = context.platform.balances(broker["number"])
    if told is None:
        return None
    balances = {name: (Decimal(free), Decimal(locked)) for name, (free, locked) in told[0].items()}
    free = balances.get(quote, (ZERO, ZERO))[0]
    if row["holding"] is None:
        return product(free, row["percent"] or ZERO) / HUNDRED_PERCENT
    prices = Prices.read(context.platform.rates(broker["exchange"], broker["venue"]))
    worth = equity({name: sum(both, ZERO) for name, both in balances.items()}, prices, quote).worth
    missing = difference(product(worth, row["holding"]) / HUNDRED_PERCENT, held)
    return max(min(missing, free), ZERO)
