"""Rebuilding the books from the log, and verifying that the books in use equal a rebuild."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import set_json_loads

from projections.books.projector import BOOKS, REBUILD_PAGE, Books, Read, create, index
from projections.books.readmodel import ReadModel
from projections.models import MODELS

NEXT = "books_next"
SCRATCH = "books_scratch"
MOST_DIFFERENCES = 20
NOTES = ("position", "models", "forgotten", "parked")
"""The tables in which a projector notes how far it has come, and what it passes over."""


@dataclass(frozen=True)
class Comparison:
    """The result of comparing the books with a rebuild. Without differences they are the same row by row."""

    position: int
    rows: int
    differences: list[str]


def is_outdated(connection: psycopg.Connection[Any], models: Sequence[ReadModel] = MODELS) -> bool:
    """Return True when the books in use were built by other versions of the read models."""
    rows = connection.execute(SQL("SELECT name, version FROM {}.models").format(Identifier(BOOKS))).fetchall()
    return dict(rows) != {model.name: model.version for model in models}


def rebuild(
    connection: psycopg.Connection[Any],
    read: Read,
    grant: Callable[[psycopg.Connection[Any]], None],
    models: Sequence[ReadModel] = MODELS,
) -> int:
    """Build new books beside the old ones, swap them in one short transaction, and return the position reached.

    Readers and projectors use the old books until the swap. Raises `ProjectionFailed` at the first event that a model
    cannot take; the old books then stay.
    """
    connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(NEXT)))
    with connection.transaction():
        create(connection, NEXT, models)
    books = Books(connection, NEXT, models)
    while books.step(read, REBUILD_PAGE, strict=True)[0]:
        pass
    index(connection, NEXT, models)
    with connection.transaction():
        # The projector's own lock: no projector is in the middle of a page while the names change.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('books'))")
        while books.step(read, REBUILD_PAGE, strict=True)[0]:
            pass
        connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(BOOKS)))
        connection.execute(SQL("ALTER SCHEMA {} RENAME TO {}").format(Identifier(NEXT), Identifier(BOOKS)))
        grant(connection)
    return Books(connection, BOOKS, models).position()


def verify(connection: psycopg.Connection[Any], read: Read, models: Sequence[ReadModel] = MODELS) -> Comparison:
    """Rebuild into a scratch schema up to the position of the books, and compare the two row by row.

    The projector's own notes are compared too: its position, the versions of the models, who is forgotten, and what is
    parked although the rebuild takes it. All of it runs in one repeatable-read transaction that is rolled back: it sees
    the books at one moment and leaves nothing behind. Raises `ProjectionFailed` when a model cannot take an event.
    """
    connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    try:
        with connection.transaction(force_rollback=True):
            position = Books(connection, BOOKS, models).position()
            create(connection, SCRATCH, models)
            scratch = Books(connection, SCRATCH, models)
            while scratch.step(read, REBUILD_PAGE, stop=position, strict=True)[0]:
                pass
            differences = _compare_bookkeeping(connection)
            rows = 0
            for model in models:
                count, found = _compare(connection, model)
                rows += count
                differences += found
            return Comparison(position, rows, differences)
    finally:
        connection.set_isolation_level(None)


def _compare_bookkeeping(connection: psycopg.Connection[Any]) -> list[str]:
    differences = list[str]()
    for table in NOTES:
        query = SQL(
            "SELECT to_jsonb(kept) AS kept, to_jsonb(built) AS built FROM {kept}.{table} AS kept"
            " FULL JOIN {built}.{table} AS built ON to_jsonb(kept) = to_jsonb(built)"
            " WHERE kept IS NULL OR built IS NULL LIMIT {most}"
        ).format(kept=Identifier(BOOKS), built=Identifier(SCRATCH), table=Identifier(table), most=MOST_DIFFERENCES)
        for kept, built in connection.execute(query):
            told = f"should not be {json.dumps(kept)}" if built is None else f"should be {json.dumps(built)}"
            differences.append(f"{table}: {told}")
    return sorted(differences)


def _compare(connection: psycopg.Connection[Any], model: ReadModel) -> tuple[int, list[str]]:
    names = {"kept": Identifier(BOOKS), "built": Identifier(SCRATCH), "table": Identifier(model.name)}
    key = Identifier(model.key_column)
    counted = connection.execute(SQL("SELECT count(*) FROM {built}.{table}").format(**names)).fetchone()
    query = SQL(
        "SELECT to_jsonb(kept) AS kept, to_jsonb(built) AS built FROM {kept}.{table} AS kept"
        " FULL JOIN {built}.{table} AS built USING ({key})"
        " WHERE to_jsonb(kept) IS DISTINCT FROM to_jsonb(built) LIMIT {most}"
    ).format(**names, key=key, most=MOST_DIFFERENCES)
    with connection.cursor(row_factory=dict_row) as cursor:
        set_json_loads(partial(json.loads, parse_float=Decimal), cursor)
        found = [_difference(model, row["kept"], row["built"]) for row in cursor.execute(query)]
    return int(counted[0]) if counted else 0, found


def _difference(model: ReadModel, kept: dict[str, Any] | None, built: dict[str, Any] | None) -> str:
    if kept is None and built is not None:
        return f"{model.name} {built[model.key_column]}: the row is missing"
    if built is None and kept is not None:
        return f"{model.name} {kept[model.key_column]}: the row follows from no event"
    assert kept is not None
    assert built is not None
    cells = ", ".join(
        f"{name} is {kept[name]!r}, should be {built[name]!r}" for name in built if kept.get(name) != built[name]
    )
    return f"{model.name} {built[model.key_column]}: {cells}"
