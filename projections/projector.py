"""The projector: one pass over the log feeds all read models, a page of events and its position in one commit."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from projections.models import MODELS
from projections.readmodel import ReadModel, Row

BOOKS = "books"
FORGOTTEN = "User.Forgotten"
PAGE = 500
REBUILD_PAGE = 4000
REFUSALS = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded, UnicodeEncodeError)
"""How the database says that a row is not acceptable, now or ever."""


class Recorded(Protocol):
    """One event as it stands in the log."""

    @property
    def position(self) -> int:
        """Its place in the log."""

    @property
    def recorded_at(self) -> datetime:
        """When the log took it."""

    @property
    def topic(self) -> str:
        """Which kind of event it is."""

    @property
    def event(self) -> Any:
        """The event itself."""


class Read(Protocol):
    """How the log is read."""

    def __call__(self, after: int, limit: int, stop: int | None) -> Sequence[Recorded]:
        """Events above `after`, at most `limit`, up to `stop` where one is given."""


class ProjectionFailed(Exception):
    """A read model cannot take an event. Running, its stream is parked; rebuilding, everything stops here."""


def create(connection: psycopg.Connection[Any], schema: str, models: Sequence[ReadModel] = MODELS) -> None:
    """Make empty books without indexes in a new schema, standing at position 0."""
    name = Identifier(schema)
    connection.execute(SQL("CREATE SCHEMA {}").format(name))
    connection.execute(SQL("CREATE TABLE {}.position (position bigint NOT NULL)").format(name))
    connection.execute(SQL("INSERT INTO {}.position VALUES (0)").format(name))
    connection.execute(SQL("CREATE TABLE {}.models (name text PRIMARY KEY, version integer NOT NULL)").format(name))
    connection.execute(
        SQL(
            "CREATE TABLE {}.parked (model text, stream uuid, position bigint NOT NULL, error text NOT NULL,"
            " parked_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (model, stream))"
        ).format(name)
    )
    connection.execute(SQL("CREATE TABLE {}.forgotten (person integer PRIMARY KEY)").format(name))
    for model in models:
        connection.execute(SQL("INSERT INTO {}.models VALUES (%s, %s)").format(name), (model.name, model.version))
        for statement in model.definition(schema):
            connection.execute(statement)


def index(connection: psycopg.Connection[Any], schema: str, models: Sequence[ReadModel] = MODELS) -> None:
    """Make the indexes of books that have none: filling a table first and indexing it then is faster."""
    for model in models:
        for statement in model.index_definitions(schema):
            connection.execute(statement)


class Books:
    """The read models in one schema, and how a page of events gets into them."""

    def __init__(
        self, connection: psycopg.Connection[Any], schema: str = BOOKS, models: Sequence[ReadModel] = MODELS
    ) -> None:
        self.connection = connection
        self.schema = schema
        self.models = models

    def _sql(self, query: str) -> Any:
        return SQL(query).format(Identifier(self.schema))

    def position(self) -> int:
        """How far the books have come."""
        row = self.connection.execute(self._sql("SELECT position FROM {}.position")).fetchone()
        if row is None:
            raise ProjectionFailed(f"{self.schema} has no position: run `aristobot migrate`")
        return int(row[0])

    def parked(self) -> int:
        """How many streams some model could not take."""
        row = self.connection.execute(self._sql("SELECT count(*) FROM {}.parked")).fetchone()
        return int(row[0]) if row else 0

    def step(
        self, read: Read, limit: int, *, stop: int | None = None, strict: bool = False
    ) -> tuple[int, int, set[str]]:
        """Take the next page in; answers how many events, the position reached and the models that changed.

        The lock makes any number of projectors take turns. `strict` raises `ProjectionFailed` at the first event
        that a model cannot take; otherwise its stream is parked for that model, where health shows it.
        """
        with self.connection.transaction():
            self.connection.execute("SELECT pg_advisory_xact_lock(hashtext('books'))")
            position = self.position()
            page = read(position, limit, stop)
            if not page:
                return 0, position, set()
            changed = {name for part in _parts(page) for name in self._take(part, strict=strict)}
            position = page[-1].position
            self.connection.execute(self._sql("UPDATE {}.position SET position = %s"), (position,))
            return len(page), position, changed

    def _take(self, part: Sequence[Recorded], *, strict: bool) -> set[str]:
        """Take in what belongs to people who are not forgotten; whoever is forgotten at its end loses all rows."""
        forgotten = {str(row[0]) for row in self.connection.execute(self._sql("SELECT person FROM {}.forgotten"))}
        kept = [recorded for recorded in part if recorded.event.metadata.get("user") not in forgotten]
        changed = {model.name for model in self.models if self._apply(model, kept, strict=strict)}
        if part[-1].topic == FORGOTTEN:
            self._forget(part[-1].event.number)
        return changed

    def _forget(self, user: int) -> None:
        for model in self.models:
            table = SQL("{}.{}").format(Identifier(self.schema), Identifier(model.name))
            self.connection.execute(SQL("DELETE FROM {} WHERE user_id = %s").format(table), (user,))
        self.connection.execute(self._sql("INSERT INTO {}.forgotten VALUES (%s) ON CONFLICT DO NOTHING"), (user,))

    def _apply(self, model: ReadModel, page: Sequence[Recorded], *, strict: bool) -> bool:
        touching = [r for r in page if r.topic in model.when]
        if not touching:
            return False
        parked = self._parked(model)
        rows = self._load(model, touching)
        changed: dict[Any, tuple[Row, Any]] = {}
        for recorded in touching:
            event = recorded.event
            if parked and event.originator_id in parked:
                continue
            try:
                key = model.key(event)
                row = rows.get(key, {})
                change = model.when[recorded.topic](row, event)
                if change is not None:
                    row = {**row, **change, model.key_column: key, "position": recorded.position}
                    rows[key], changed[key] = row, (row, event.originator_id)
            except Exception as error:
                if strict:
                    raise ProjectionFailed(f"{model.name} cannot take event {recorded.position}: {error!r}") from error
                parked.add(event.originator_id)
                self._park(model, event.originator_id, recorded.position, error)
        self._write(model, changed, strict=strict)
        return bool(changed)

    def _load(self, model: ReadModel, touching: Sequence[Recorded]) -> dict[Any, Row]:
        """Rows that this page changes without creating them."""
        created: set[Any] = set()
        wanted: set[Any] = set()
        for recorded in touching:
            key = model.key(recorded.event)
            if recorded.topic in model.created_by:
                created.add(key)
            elif key not in created:
                wanted.add(key)
        if not wanted:
            return {}
        with self.connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(*model.load(self.schema, list(wanted))).fetchall()
        return {row[model.key_column]: row for row in found}

    def _write(self, model: ReadModel, changed: dict[Any, tuple[Row, Any]], *, strict: bool) -> None:
        if not changed:
            return
        try:
            with self.connection.transaction():
                self.connection.execute(*model.upsert(self.schema, [row for row, _ in changed.values()]))
        except REFUSALS as error:
            if strict:
                raise ProjectionFailed(f"{model.name} cannot write: {error}") from error
            self._write_one_by_one(model, changed)

    def _write_one_by_one(self, model: ReadModel, changed: dict[Any, tuple[Row, Any]]) -> None:
        """The database refused the page: find the rows that it refuses and park only those."""
        for row, stream in changed.values():
            try:
                with self.connection.transaction():
                    self.connection.execute(*model.upsert(self.schema, [row]))
            except REFUSALS as error:
                self._park(model, stream, row["position"], error)

    def _parked(self, model: ReadModel) -> set[Any]:
        query = self._sql("SELECT stream FROM {}.parked WHERE model = %s")
        return {row[0] for row in self.connection.execute(query, (model.name,))}

    def _park(self, model: ReadModel, stream: Any, position: int, error: Exception) -> None:
        self.connection.execute(
            self._sql(
                "INSERT INTO {}.parked (model, stream, position, error) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
            ),
            (model.name, stream, position, _place_of(error)),
        )


def _parts(page: Sequence[Recorded]) -> list[Sequence[Recorded]]:
    """The page cut after each person who was forgotten: what the books hold then must not depend on the page's size."""
    ends = [n + 1 for n, recorded in enumerate(page) if recorded.topic == FORGOTTEN]
    starts = [0, *ends]
    return [part for start, end in zip(starts, [*ends, len(page)], strict=True) if (part := page[start:end])]


def _place_of(error: Exception) -> str:
    """What went wrong and where: the message itself may quote a person's texts, which are kept nowhere unsealed."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    return " ".join([type(error).__name__, *(f"in {Path(step.filename).name}:{step.lineno}" for step in where)])
