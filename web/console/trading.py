"""Orders and trades, and the cancellation of orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from application.orders.doubts import worst_cost
from application.trading import halts
from application.trading.decisions import came_too_late, followers_of
from application.trading.positions import INSISTED
from domain.orders.order_status import Status
from domain.orders.wish import Side
from projections import fills, trades
from web.console.lists import BrokerNumber, Limit, Search, SideWanted, State, Wanted
from web.context import By, Context, InContext, books
from web.cursors import before_of, paged
from web.forms import trading as forms
from web.live.topics import ROWS, Topic

router = APIRouter(prefix="/api", tags=["trading"])


def trade_rows(cursor: Any, rows: list[dict[str, Any]]) -> list[forms.Trade]:
    """Return orders with their fills and average prices."""
    executed = fills.fills_of(cursor, [row["id"] for row in rows if row["filled"]])
    sendable = _sendable(cursor, rows)
    return [
        forms.Trade(
            **row,
            average=row["executed_cost"] / row["filled"] if row["filled"] else None,
            worst_cost=_worst_cost(row),
            may_be_sent_again=row["id"] in sendable,
            fills=[forms.Fill(**fill) for fill in executed.get(row["id"], [])],
        )
        for row in rows
    ]


def _sendable(cursor: Any, rows: list[dict[str, Any]]) -> set[UUID]:
    """Return the ids of the exits that came too late and have not been sent, or judged anew, since."""
    late = [row for row in rows if came_too_late(Status(row["state"]), row["reason"], Side(row["side"]))]
    followers = {row["id"]: followers_of(row["id"], row["webhook_id"]) for row in late}
    wanted = {one for pair in followers.values() for one in pair if one is not None}
    known = trades.known(cursor, wanted) if wanted else set[UUID]()
    return {order for order, pair in followers.items() if known.isdisjoint(pair)}


def _worst_cost(row: dict[str, Any]) -> Decimal | None:
    if row["state"] != Status.UNKNOWN:
        return None
    return worst_cost(Side(row["side"]), row["quantity"], row["cost"], row["price"])


def _page(context: Context, user: int, cursor: str | None, limit: int, **narrowed: Any) -> forms.Trades:
    with books(context, user) as opened:
        rows = trades.page(opened, before=before_of(cursor, UUID), limit=limit + 1, **narrowed)
        kept, following = paged(rows, limit, "created_at")
        return forms.Trades(items=trade_rows(opened, kept), next=following)


@router.get("/orders")
def list_orders(
    by: By,
    context: InContext,
    cursor: str | None = None,
    limit: Limit = 50,
    broker: BrokerNumber = None,
    state: State | None = None,
    side: SideWanted = None,
    source: Wanted = None,
    text: Search = None,
) -> forms.Trades:
    """List all of the user's orders, refused ones too, newest first.

    `state` keeps orders with this state or standard status; `live` keeps those that have not ended. `broker`, `side`
    and `source` keep the orders that have this value, `text` those whose pair contains it or whose id begins with it.
    """
    return _page(context, by.user, cursor, limit, broker_id=broker, state=state, side=side, source=source, text=text)


@router.get("/trades")
def list_trades(
    by: By,
    context: InContext,
    cursor: str | None = None,
    limit: Limit = 50,
    broker: BrokerNumber = None,
    side: SideWanted = None,
    source: Wanted = None,
    text: Search = None,
) -> forms.Trades:
    """List orders that were executed at least in part, with their fills, newest first.

    `broker`, `side` and `source` keep the orders that have this value, `text` those whose pair contains it or whose id
    begins with it.
    """
    return _page(context, by.user, cursor, limit, executed=True, broker_id=broker, side=side, source=source, text=text)


@router.post("/orders/cancel-all")
def cancel_all(by: By, context: InContext, broker: BrokerNumber = None, symbol: Search = None) -> forms.Cancelled:
    """Request the cancellation of all of the user's orders that have not ended, except those that protect coins.

    `broker` and `symbol` leave the orders of other brokers and markets as they are.
    """
    return _told(halts.cancel_all(context.records.store, by.user, broker, symbol))


@router.post("/orders/{order}/cancel", status_code=204)
def cancel(order: UUID, by: By, context: InContext) -> None:
    """Request the cancellation of one order. A stop or a target goes with its position only."""
    halts.cancel(context.records.store, by.user, order)


@router.get("/orders/cancel-all")
def effect_of_cancel_all(
    by: By, context: InContext, broker: BrokerNumber = None, symbol: Search = None
) -> forms.Cancelled:
    """Return the effect that cancelling all, or all of a broker or a market, would have now."""
    return _told(halts.effect_of_cancel_all(context.records.store, by.user, broker, symbol))


def _told(effect: halts.Effect) -> forms.Cancelled:
    return forms.Cancelled(asked=len(effect.cancelled), stay=effect.stay)


def _with_late_exits(cursor: Any, rows: list[dict[str, Any]]) -> list[forms.Trade]:
    """Return orders together with the late exits that they send again: those are not offered any longer."""
    webhooks = {row["webhook_id"] for row in rows if row["requester"] == INSISTED and row["webhook_id"]}
    late = trades.never_sent(cursor, webhooks) if webhooks else []
    shown = {row["id"] for row in rows}
    return trade_rows(cursor, [*rows, *(row for row in late if row["id"] not in shown)])


TOPIC = Topic(
    "trades", lambda cursor: trades.recent(cursor, ROWS), lambda _, cursor, rows: _with_late_exits(cursor, rows)
)
