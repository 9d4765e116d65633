"""Positions: the holding of each owner in each market, with its cost and protection."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from domain import events
from domain.amounts import ZERO, difference, product, total
from domain.orders.execution import remaining_of
from domain.orders.wish import HUNDRED_PERCENT
from domain.protection.level import CARRIED_OUT, Level, level_of
from projections.books.readmodel import ReadModel, Row, changes, on, topics

UNPROTECTED, AWAITED, RESTING, LOST = "none", "awaited", "resting", "lost"
"""The states of a protection on the console: not wanted, on its way, resting, or not resting although it should."""


def _opened(_: Row, event: events.PositionOpened) -> Row:
    return {
        "user_id": event.user,
        "broker_id": event.broker,
        "symbol": event.symbol,
        "owner": event.owner,
        "is_open": False,
        "held": event.dust or ZERO,
        "bought_quantity": event.dust or ZERO,
        "bought_cost": event.dust_cost or ZERO,
        "realised": ZERO,
        "share": HUNDRED_PERCENT,
        "covered": ZERO,
        "weighed": ZERO,
        "protected": ZERO,
        "protection": UNPROTECTED,
        "target_watched": False,
        "target_share": HUNDRED_PERCENT,
        "level": Level.NONE,
        "level_since": event.timestamp,
        "updated_at": event.timestamp,
    }


def _levelled(change: Callable[[Row, Any], Row]) -> Callable[[Row, Any], Row]:
    """Extend a change by the level at which the position is protected after it, and the time since when."""

    def levelled(row: Row, event: Any) -> Row:
        changed = change(row, event)
        level = _level({**row, **changed})
        since = row["level_since"] if level == row["level"] else event.timestamp
        return {**changed, "level": level, "level_since": since}

    return levelled


def _level(row: Row) -> Level:
    stop, take = row.get("stop_loss"), row.get("take_profit")
    if row["is_open"] and row["protection"] == LOST and row["protection_reason"] == CARRIED_OUT:
        return Level.NO_STOP
    if not row["is_open"] or (stop is None and take is None):
        return Level.NONE
    return level_of(
        stopped=stop is not None,
        lost=row["protection_reason"] if row["protection"] == LOST else None,
        rests=bool(row["protected"]) or row["target_watched"],
        moving=row["protection"] == AWAITED,
        share=row["share"],
        bare=max(difference(row["covered"], row["weighed"]), ZERO),
    )


def _grew(row: Row, event: events.PositionGrew) -> Row:
    bought, fresh = event.execution, not row["is_open"]
    done = row.get("protection_reason") == CARRIED_OUT and row["protection"] == LOST
    without = {
        "protection": UNPROTECTED, "protection_reason": None, "share": HUNDRED_PERCENT, "target_share": HUNDRED_PERCENT,
        "covered": ZERO,
    }  # fmt: skip
    before = {**row, **(without if done else {})}
    return {
        **(without if done else {}),
        "is_open": True,
        "opened_at": bought.executed_at if fresh else row["opened_at"],
        "held": total((row["held"], event.received)),
        "covered": total((before["covered"], _part(event.received, before["share"]))),
        "bought_quantity": total((row["bought_quantity"], bought.quantity)),
        "bought_cost": total((row["bought_cost"], product(bought.quantity, bought.price))),
        "realised": ZERO if fresh else row["realised"],
        "updated_at": event.timestamp,
    }


def _reduced(row: Row, event: events.PositionReduced) -> Row:
    done = {"take_profit": None, "target_share": ZERO} if event.target_share == ZERO else {}
    held = remaining_of(row["held"], event.quantity, event.execution, row["symbol"])
    gone = difference(row["held"], held) if event.by_protection else ZERO
    return {
        **done,
        "held": held,
        "covered": event.covered,
        "weighed": max(difference(row["weighed"], gone), ZERO),
        "realised": total((row["realised"], event.profit)),
        "updated_at": event.timestamp,
    }


def _wanted(row: Row, event: events.PositionProtectionWanted) -> Row:
    wanted, prices = event.protection, ("stop_loss", "take_profit")
    # A buy with the same prices as the resting protection does not move it; what it bought is not covered yet.
    moves = event.request is not None or any(getattr(wanted, name) != row.get(name) for name in prices)
    unmoved = {name: row.get(name) for name in ("protection", "target_watched", "protection_reason")}
    awaited = {"protection": AWAITED, "target_watched": False, "protection_reason": None}
    return {
        **(awaited if moves or row["protection"] != RESTING else unmoved),
        "covered": _part(row["held"], event.share) if event.covered is None else event.covered,
        "stop_loss": wanted.stop_loss,
        "take_profit": wanted.take_profit,
        "share": event.share,
        "target_share": event.share if event.target_share is None else event.target_share,
        "updated_at": event.timestamp,
    }


def _refused(row: Row, event: events.PositionProtectionRefused) -> Row:
    kept = event.kept
    return {
        "covered": event.covered,
        "stop_loss": kept and kept.stop_loss,
        "take_profit": kept and kept.take_profit,
        "share": event.share,
        "target_share": event.share if event.target_share is None else event.target_share,
        "protection": _after_refusal(row, event),
        "protection_reason": event.reason,
        "updated_at": event.timestamp,
    }


def _after_refusal(row: Row, event: events.PositionProtectionRefused) -> str:
    if row["protected"] and event.again is None:
        return RESTING
    return UNPROTECTED if event.kept is None else AWAITED


def _resting(row: Row, event: events.PositionProtectionResting) -> Row:
    return {
        "weighed": row["covered"] if event.covering is None else event.covering,
        "protected": event.quantity,
        "protection": RESTING,
        "target_watched": bool(event.watched),
        "updated_at": event.timestamp,
    }


def _taken_off(row: Row, event: events.PositionProtectionTakenOff) -> Row:
    return {
        "weighed": min(row["weighed"], event.quantity),
        "protected": event.quantity,
        "protection": row["protection"] if event.quantity else AWAITED,
        "target_watched": False,
        "updated_at": event.timestamp,
    }


def _lost(_: Row, event: events.PositionProtectionLost) -> Row:
    without = {"stop_loss": None, "take_profit": None} if event.reason == CARRIED_OUT else {}
    lost = {
        "weighed": ZERO, "protected": ZERO, "protection": LOST, "protection_reason": event.reason,
        "updated_at": event.timestamp,
    }  # fmt: skip
    return {**without, **lost}


def _closed(row: Row, event: events.PositionClosed) -> Row:
    return {
        "is_open": False,
        "bought_quantity": row["held"],
        "bought_cost": event.dust_cost,
        "stop_loss": None,
        "take_profit": None,
        "share": HUNDRED_PERCENT,
        "target_share": HUNDRED_PERCENT,
        "covered": ZERO,
        "weighed": ZERO,
        "protected": ZERO,
        "protection": UNPROTECTED,
        "protection_reason": None,
        "updated_at": event.timestamp,
    }


def _part(quantity: Decimal, share: Decimal) -> Decimal:
    return product(quantity, share) / HUNDRED_PERCENT


POSITIONS = ReadModel(
    name="positions",
    version=6,
    columns={
        "id": "uuid",
        "user_id": "integer NOT NULL",
        "broker_id": "integer NOT NULL",
        "symbol": "text NOT NULL",
        "owner": "text NOT NULL",
        "is_open": "boolean NOT NULL",
        "held": "numeric NOT NULL",
        "bought_quantity": "numeric NOT NULL",
        "bought_cost": "numeric NOT NULL",
        "realised": "numeric NOT NULL",
        "stop_loss": "numeric",
        "take_profit": "numeric",
        "share": "numeric NOT NULL",
        "covered": "numeric NOT NULL",
        "weighed": "numeric NOT NULL",
        "protected": "numeric NOT NULL",
        "protection": "text NOT NULL",
        "protection_reason": "text",
        "target_watched": "boolean NOT NULL",
        "target_share": "numeric NOT NULL",
        "level": "text NOT NULL",
        "level_since": "timestamptz NOT NULL",
        "opened_at": "timestamptz",
        "updated_at": "timestamptz NOT NULL",
    },
    created_by=topics(events.PositionOpened),
    when=changes(
        on(events.PositionOpened, _opened),
        on(events.PositionGrew, _levelled(_grew)),
        on(events.PositionReduced, _levelled(_reduced)),
        on(events.PositionProtectionWanted, _levelled(_wanted)),
        on(events.PositionProtectionRefused, _levelled(_refused)),
        on(events.PositionProtectionResting, _levelled(_resting)),
        on(events.PositionProtectionTakenOff, _levelled(_taken_off)),
        on(events.PositionProtectionLost, _levelled(_lost)),
        on(events.PositionClosed, _levelled(_closed)),
    ),
    indexes=("(user_id, is_open)",),
)


def open_positions(cursor: Any) -> list[Row]:
    """Return the open positions of the cursor's user, newest first."""
    query = "SELECT * FROM books.positions WHERE is_open ORDER BY opened_at DESC, id"
    rows: list[Row] = cursor.execute(query).fetchall()
    return rows


def orders_of_trade(cursor: Any, broker: int, symbol: str, owner: str, limit: int) -> list[Row]:
    """Return the orders of an owner's current trade in a market: those since its last trade ended, newest first."""
    query = """
        SELECT * FROM books.trades WHERE broker_id = %(broker)s AND symbol = %(symbol)s AND source = %(owner)s
            AND created_at > coalesce((
                SELECT max(closed_at) FROM books.gains
                WHERE broker_id = %(broker)s AND symbol = %(symbol)s AND owner = %(owner)s
            ), '-infinity')
        ORDER BY created_at DESC, id DESC LIMIT %(limit)s
    """
    given = {"broker": broker, "symbol": symbol, "owner": owner, "limit": limit}
    rows: list[Row] = cursor.execute(query, given).fetchall()
    return rows


def average_entry(row: Row) -> Decimal:
    """Return the quantity-weighted price of the running trade's buys (quote per base), zero without a buy."""
    bought: Decimal = row["bought_quantity"]
    return row["bought_cost"] / bought if bought else ZERO
