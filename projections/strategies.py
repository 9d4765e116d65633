"""Strategies and the versions of their code."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain import events
from domain.candles.anchor import HISTORY
from projections.books.readmodel import ReadModel, Row, changes, on, storable, topics


def _created(_: Row, event: events.StrategyOpened) -> Row:
    return {
        "number": event.number,
        "user_id": event.user,
        "name": storable(event.name),
        "description": storable(event.description),
        "timeframe": event.timeframe,
        "version": 0,
        "history": HISTORY,
        "valid": None,
        "deleted": False,
        "created_at": event.timestamp,
        "changed_at": event.timestamp,
    }


def _renamed(_: Row, event: events.StrategyRenamed) -> Row:
    return {"name": storable(event.name), "description": storable(event.description)}


def _changed(_: Row, event: events.StrategyCodeChanged) -> Row:
    return {"version": event.number, "history": event.history, "valid": None, "changed_at": event.timestamp}


def _judged(*, valid: bool) -> Any:
    def change(row: Row, event: events.StrategyValidated | events.StrategyInvalidated) -> Row | None:
        return {"valid": valid} if event.number == row["version"] else None

    return change


STRATEGIES = ReadModel(
    name="strategies",
    version=1,
    columns={
        "id": "uuid",
        "number": "integer NOT NULL",
        "user_id": "integer NOT NULL",
        "name": "text NOT NULL",
        "description": "text NOT NULL",
        "timeframe": "text NOT NULL",
        "version": "integer NOT NULL",
        "history": "integer NOT NULL",
        "valid": "boolean",
        "deleted": "boolean NOT NULL",
        "created_at": "timestamptz NOT NULL",
        "changed_at": "timestamptz NOT NULL",
    },
    created_by=topics(events.StrategyOpened),
    when=changes(
        on(events.StrategyOpened, _created),
        on(events.StrategyRenamed, _renamed),
        on(events.StrategyTimeframeChosen, lambda _, event: {"timeframe": event.timeframe}),
        on(events.StrategyCodeChanged, _changed),
        on(events.StrategyValidated, _judged(valid=True)),
        on(events.StrategyInvalidated, _judged(valid=False)),
        on(events.StrategyDeleted, lambda *_: {"deleted": True}),
    ),
)


def _saved(_: Row, event: events.StrategyCodeChanged) -> Row:
    return {
        "strategy_id": event.originator_id,
        "user_id": int(event.metadata["user"]),
        "number": event.number,
        "digest": event.digest,
        "history": event.history,
        "code": storable(event.code),
        "valid": None,
        "saved_at": event.timestamp,
    }


def _invalidated(_: Row, event: events.StrategyInvalidated) -> Row:
    return {"valid": False, "fault": storable(event.fault), "fault_line": event.line}


STRATEGY_VERSIONS = ReadModel(
    name="strategy_versions",
    version=1,
    columns={
        "id": "text",
        "strategy_id": "uuid NOT NULL",
        "user_id": "integer NOT NULL",
        "number": "integer NOT NULL",
        "digest": "text NOT NULL",
        "history": "integer NOT NULL",
        "code": "text NOT NULL",
        "valid": "boolean",
        "fault": "text",
        "fault_line": "integer",
        "saved_at": "timestamptz NOT NULL",
    },
    key=lambda event: f"{event.originator_id}/{event.number}",
    created_by=topics(events.StrategyCodeChanged),
    when=changes(
        on(events.StrategyCodeChanged, _saved),
        on(events.StrategyValidated, lambda *_: {"valid": True, "fault": None, "fault_line": None}),
        on(events.StrategyInvalidated, _invalidated),
    ),
    indexes=("(strategy_id, number DESC)",),
)


def all_strategies(cursor: Any) -> list[Row]:
    """Return the strategies of the cursor's user, those changed last first, deleted ones included."""
    rows: list[Row] = cursor.execute("SELECT * FROM books.strategies ORDER BY changed_at DESC, number DESC").fetchall()
    return rows


def versions_of(cursor: Any, strategy: UUID) -> list[Row]:
    """Return the versions of a strategy without their code, newest first."""
    rows: list[Row] = cursor.execute(
        "SELECT number, digest, history, valid, fault, fault_line, saved_at FROM books.strategy_versions"
        " WHERE strategy_id = %s ORDER BY number DESC",
        (strategy,),
    ).fetchall()
    return rows


def code_of(cursor: Any, strategy: UUID, number: int) -> Row | None:
    """Return one version of a strategy with its code, None when there is none with this number."""
    row: Row | None = cursor.execute(
        "SELECT * FROM books.strategy_versions WHERE strategy_id = %s AND number = %s", (strategy, number)
    ).fetchone()
    return row
