"""Positions: what each owner holds of each market, what it cost, and how it is protected."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from domain.amounts import ZERO, product, total
from domain.level import CARRIED_OUT, Level, level_of
from domain.position import remaining_of
from domain.wish import HUNDRED_PERCENT
from projections.readmodel import ReadModel, Row

UNPROTECTED, AWAITED, RESTING, LOST = "none", "awaited", "resting", "lost"
"""What the console shows of a protection: nothing is wanted, it is on its way, it rests, or it should and does not."""


def _opened(_: Row, event: Any) -> Row:
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
        "protected": ZERO,
        "protection": UNPROTECTED,
        "target_watched": False,
        "target_share": HUNDRED_PERCENT,
        "level": Level.NONE,
        "level_since": event.timestamp,
        "updated_at": event.timestamp,
    }


def _levelled(change: Callable[[Row, Any], Row]) -> Callable[[Row, Any], Row]:
    """Say with a change at which level the position is protected from then on, and since when."""

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
    )


def _grew(row: Row, event: Any) -> Row:
    bought, fresh = event.execution, not row["is_open"]
    done = row.get("protection_reason") == CARRIED_OUT and row["protection"] == LOST
    without = {
        "protection": UNPROTECTED, "protection_reason": None, "share": HUNDRED_PERCENT, "target_share": HUNDRED_PERCENT
    }  # fmt: skip
    return {
        **(without if done else {}),
        "is_open": True,
        "opened_at": bought.executed_at if fresh else row["opened_at"],
        "held": total((row["held"], event.received)),
        "bought_quantity": total((row["bought_quantity"], bought.quantity)),
        "bought_cost": total((row["bought_cost"], product(bought.quantity, bought.price))),
        "realised": ZERO if fresh else row["realised"],
        "updated_at": event.timestamp,
    }


def _reduced(row: Row, event: Any) -> Row:
    done = {"take_profit": None, "target_share": ZERO} if event.target_share == ZERO else {}
    return {
        **done,
        "held": remaining_of(row["held"], event.quantity, event.execution, row["symbol"]),
        "realised": total((row["realised"], event.profit)),
        "updated_at": event.timestamp,
    }


def _wanted(_: Row, event: Any) -> Row:
    wanted = event.protection
    return {
        "stop_loss": wanted.stop_loss,
        "take_profit": wanted.take_profit,
        "share": event.share,
        "target_share": event.share if event.target_share is None else event.target_share,
        "protection": AWAITED,
        "target_watched": False,
        "protection_reason": None,
        "updated_at": event.timestamp,
    }


def _refused(row: Row, event: Any) -> Row:
    kept = event.kept
    return {
        "stop_loss": kept and kept.stop_loss,
        "take_profit": kept and kept.take_profit,
        "share": event.share,
        "target_share": event.share if event.target_share is None else event.target_share,
        "protection": RESTING if row["protected"] else AWAITED if kept else UNPROTECTED,
        "protection_reason": event.reason,
        "updated_at": event.timestamp,
    }


def _resting(_: Row, event: Any) -> Row:
    return {
        "protected": event.quantity,
        "protection": RESTING,
        "target_watched": bool(event.watched),
        "updated_at": event.timestamp,
    }


def _lost(_: Row, event: Any) -> Row:
    without = {"stop_loss": None, "take_profit": None} if event.reason == CARRIED_OUT else {}
    lost = {"protected": ZERO, "protection": LOST, "protection_reason": event.reason, "updated_at": event.timestamp}
    return {**without, **lost}


def _closed(row: Row, event: Any) -> Row:
    return {
        "is_open": False,
        "bought_quantity": row["held"],
        "bought_cost": event.dust_cost,
        "stop_loss": None,
        "take_profit": None,
        "share": HUNDRED_PERCENT,
        "target_share": HUNDRED_PERCENT,
        "protected": ZERO,
        "protection": UNPROTECTED,
        "protection_reason": None,
        "updated_at": event.timestamp,
    }


POSITIONS = ReadModel(
    name="positions",
    version=5,
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
    created_by=frozenset({"Position.Opened"}),
    when={
        "Position.Opened": _opened,
        "Position.Grew": _levelled(_grew),
        "Position.Reduced": _levelled(_reduced),
        "Position.ProtectionWanted": _levelled(_wanted),
        "Position.ProtectionRefused": _levelled(_refused),
        "Position.ProtectionResting": _levelled(_resting),
        "Position.ProtectionLost": _levelled(_lost),
        "Position.Closed": _levelled(_closed),
    },
    indexes=("(user_id, is_open)",),
)


def open_positions(cursor: Any) -> list[Row]:
    """What the user in force holds, the newest first."""
    query = "SELECT * FROM books.positions WHERE is_open ORDER BY opened_at DESC, id"
    rows: list[Row] = cursor.execute(query).fetchall()
    return rows


def average_entry(row: Row) -> Decimal:
    """The quantity-weighted price of the running trade's buys (quote per base)."""
    bought: Decimal = row["bought_quantity"]
    return row["bought_cost"] / bought if bought else ZERO
