"""Entries that wait for their trader's approval: what each would buy now, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.rows import dict_row

from application.ports.requests import Action, GatewayAway
from application.webhooks import approvals as commands
from domain.amounts import ZERO, difference, product
from domain.orders.wish import HUNDRED_PERCENT, Source
from domain.refusals import Impossible
from domain.trading.valuation import Prices, equity
from domain.webhooks.webhook_message import ticker_of
from projections import webhooks
from projections.brokers import all_brokers
from projections.positions import open_positions
from web.context import By, Context, InContext, books
from web.forms import webhooks as forms
from web.terminals import ask

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
ASK_SECONDS = 2.0
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
    days = {number: _days(context, by.user, number) for number in {row["broker_id"] for row in asked}}
    return forms.Approvals(
        items=[_form(context, row, brokers[row["broker_id"]], held, days[row["broker_id"]]) for row in asked]
    )


@router.post("/{webhook}/approve", status_code=204)
def approve(webhook: UUID, by: By, context: InContext) -> None:
    """Have an entry carried out, if nothing stands in its way by then. It may trade within 30 seconds from now."""
    commands.approve(context.records.store, by.user, webhook, datetime.now(UTC))


@router.post("/{webhook}/decline", status_code=204)
def decline(webhook: UUID, by: By, context: InContext) -> None:
    """Refuse an entry that waits for approval."""
    commands.decline(context.records.store, by.user, webhook)


def _days(context: Context, user: int, broker: int) -> Mapping[str, Sequence[str]]:
    """Return the last 24 hours of a broker's markets by native symbol, empty while nobody tells them."""
    try:
        told = ask(context, user, Action.DAY_TICKERS, {"broker_id": broker}, ASK_SECONDS)
    except (GatewayAway, Impossible):
        return {}
    days: Mapping[str, Sequence[str]] = told.get("days", {})
    return days


def _form(
    context: Context,
    row: Row,
    broker: Row,
    held: Mapping[tuple[int, str], Decimal],
    days: Mapping[str, Sequence[str]],
) -> forms.Approval:
    market = _market_of(context, broker, row["symbol"])
    _, last, _ = days.get(ticker_of(row["symbol"]), ("0", "0", "0"))
    price = row["price"] or Decimal(last) or row["close"] or None
    cost = None
    if market is not None:
        prices = Prices.read(context.platform.rates(broker["exchange"], broker["venue"]))
        known = prices.of(market["base"], market["quote"])
        price = row["price"] or (price if known is None else known.worth)
        in_position = product(held.get((broker["number"], market["symbol"]), ZERO), price or ZERO)
        cost = _cost(context, row, broker, market["quote"], in_position)
    stop = row["stop_loss"] or None
    # A stop that the price has passed has no distance: what is bought would be sold at once.
    distance = None if stop is None or price is None or stop >= price else difference(price, stop) / price
    return forms.Approval(
        **{name: row[name] for name in ("broker_id", "action", "indicator", "interval", "received_at", "holding")},
        webhook=row["id"],
        symbol=row["symbol"] if market is None else market["symbol"],
        quote="" if market is None else market["quote"],
        until=row["answer_until"],
        percent=row["percent"],
        price=price,
        cost=None if cost is None else _rounded(cost, SHOWN),
        quantity=None if cost is None or price is None else _rounded(cost / price, SHOWN),
        stop_loss=stop,
        take_profit=row["take_profit"] or None,
        stop_distance=None if distance is None else _rounded(distance * HUNDRED_PERCENT, CENT),
        risk=None if distance is None or cost is None else _rounded(cost * distance, SHOWN),
    )


def _rounded(amount: Decimal, to: Decimal) -> Decimal | None:
    """Return an amount rounded for show, None for one with more digits than anybody could mean."""
    try:
        return amount.quantize(to)
    except InvalidOperation:
        return None


def _market_of(context: Context, broker: Row, said: str) -> Row | None:
    """Return the names of a market that an alert spells in its own way, None while it is not known."""
    query = "SELECT symbol, base, quote FROM service.markets WHERE exchange = %s AND venue = %s AND native = %s"
    names = broker["exchange"], broker["venue"], ticker_of(said)
    with context.records.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, names).fetchone()


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
