"""The portfolio: what the user's accounts hold, what that is worth now, and what it was worth before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from psycopg.rows import dict_row

from domain.amounts import difference, product, total
from domain.trading.valuation import Price, Prices, equity
from projections.brokers import all_brokers
from projections.positions import open_positions
from web.console.layouts import layout_of
from web.context import By, Context, InContext, books
from web.forms import portfolio as forms

router = APIRouter(prefix="/api/portfolio", tags=["portfolio"])
RECORDED_IN = "USDT"
LONGEST_DAYS = 400
Row = Mapping[str, Any]


@router.get("")
def portfolio(by: By, context: InContext, currency: forms.Currency | None = None) -> forms.Portfolio:
    """Return the user's accounts with their holdings and worth, in `currency` or in that of the user's layout."""
    return portfolio_of(context, by.user, currency)


@router.get("/curve")
def curve(by: By, context: InContext, days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = 30) -> forms.EquityCurve:
    """Return what each of the user's accounts was worth in the last `days`, hour by hour."""
    query = (
        "SELECT DISTINCT ON (broker, date_trunc('hour', at)) broker AS broker_id, at, worth FROM service.equity"
        " WHERE user_id = %s AND at > clock_timestamp() - make_interval(days => %s)"
        " ORDER BY broker, date_trunc('hour', at), at DESC"
    )
    with context.records.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, (by.user, days)).fetchall()
    return forms.EquityCurve(items=[forms.EquityPoint(**row) for row in sorted(rows, key=lambda row: row["at"])])


def portfolio_of(context: Context, user: int, currency: forms.Currency | None = None) -> forms.Portfolio:
    """Return a user's portfolio, in the currency of the layout unless another is given."""
    wanted = currency or layout_of(context, user).currency
    with books(context, user) as cursor:
        brokers = [broker for broker in all_brokers(cursor) if not broker["removed"]]
        positions = open_positions(cursor)
    past = _past(context, user) if wanted == RECORDED_IN else {}
    accounts = [_account(context, broker, positions, past.get(broker["number"]), wanted) for broker in brokers]
    known = [account.worth for account in accounts if account.worth is not None]
    return forms.Portfolio(
        currency=wanted,
        accounts=accounts,
        worth=total(known) if accounts and len(known) == len(accounts) else None,
        missing=sorted({name for account in accounts for name in account.missing}),
        at=datetime.now(UTC),
    )


def _account(
    context: Context, broker: Row, positions: list[Any], past: Row | None, wanted: forms.Currency
) -> forms.AccountWorth:
    number = broker["number"]
    told = context.platform.balances(number)
    if told is None:
        return forms.AccountWorth(
            broker_id=number, age=None, holdings=[], worth=None, missing=[], today=None, peak=None, drawdown=None
        )
    balances, age = told
    prices = Prices.read(context.platform.rates(broker["exchange"], broker["venue"]))
    amounts = {name: (Decimal(free), Decimal(locked)) for name, (free, locked) in balances.items()}
    sums = {name: free + locked for name, (free, locked) in amounts.items()}
    valued = equity(sums, prices, wanted)
    whole = not valued.missing
    peak = max(past["peak"], valued.worth) if past and whole else None
    return forms.AccountWorth(
        broker_id=number,
        age=round(age, 1),
        holdings=[
            _holding(name, *amounts[name], _held(positions, number, name), prices.of(name, wanted))
            for name in sorted(amounts)
            if sums[name]
        ],
        worth=valued.worth,
        missing=[*valued.missing],
        today=difference(valued.worth, past["day_start"]) if past and past["day_start"] is not None and whole else None,
        peak=peak,
        drawdown=round(float((peak - valued.worth) / peak), 6) if peak else None,
    )


def _held(positions: list[Any], broker: int, currency: str) -> Decimal:
    """Return how much of a currency the open positions of a broker hold."""
    here = (row for row in positions if row["broker_id"] == broker)
    return total(row["held"] for row in here if row["symbol"].partition("/")[0] == currency)


def _holding(currency: str, free: Decimal, locked: Decimal, held: Decimal, price: Price | None) -> forms.Holding:
    return forms.Holding(
        currency=currency,
        free=free,
        locked=locked,
        in_positions=min(held, free + locked),
        price=None if price is None else price.worth,
        price_age=None if price is None else round(price.age, 1),
        worth=None if price is None else product(free + locked, price.worth),
    )


def _past(context: Context, user: int) -> dict[int, Row]:
    """Return by broker the worth at which the day (UTC) began and the highest of the last 30 days.

    The day begins with the last worth before 00:00 UTC, for a younger account with its first one.
    """
    query = (
        "SELECT broker, max(worth) AS peak,"
        " coalesce((array_agg(worth ORDER BY at DESC) FILTER (WHERE at < date_trunc('day', now(), 'UTC')))[1],"
        " (array_agg(worth ORDER BY at))[1]) AS day_start"
        " FROM service.equity WHERE user_id = %s AND at > now() - interval '30 days' GROUP BY broker"
    )
    with context.records.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return {row["broker"]: row for row in cursor.execute(query, (user,))}
