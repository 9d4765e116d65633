"""The projector: one pass over the log feeds all read models. Each page of events and its position is one commit."""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, Protocol

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from projections.books.readmodel import ReadModel, Row
from projections.models import MODELS

BOOKS = "books"
FORGOTTEN = "User.Forgotten"
PAGE = 500
REBUILD_PAGE = 4000
REFUSALS = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded, UnicodeEncodeError)
"""The errors that mean the database will never accept a row."""


class Recorded(Protocol):
    """One event as it stands in the log."""

    @property
    def position(self) -> int:
        """The event's log position."""

    @property
    def recorded_at(self) -> datetime:
        """The time at which the log recorded it."""

    @property
    def topic(self) -> str:
        """The kind of event."""

    @property
    def event(self) -> Any:
        """The event itself."""


class Read(Protocol):
    """A function that reads the log."""

    def __call__(self, after: int, limit: int, stop: int | None) -> Sequence[Recorded]:
        """Return the events after position `after`, at most `limit` of them, up to position `stop` if given."""


class ProjectionFailed(Exception):
    """A read model cannot take an event. In normal operation its stream is parked; a rebuild stops here."""


def create(connection: psycopg.Connection[Any], schema: str, models: Sequence[ReadModel] = MODELS) -> None:
    """Create empty books without indexes in a new schema, at position 0."""
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
    """Create the indexes of books that have none. Indexing a table after it is filled is faster."""
    for model in models:
        for statement in model.index_definitions(schema):
            connection.execute(statement)


@dataclass
class _Taking:
    """The modes of a step, and the forgotten users and parked streams in the books.

    They are read under the lock, so no other projector can change them. `strict` raises instead of parking a stream;
    `careful` writes with savepoints.
    """

    strict: bool
    careful: bool
    forgotten: set[str]
    parked: defaultdict[str, set[Any]]

    def concerning(self, model: ReadModel, part: Sequence[Recorded]) -> list[Recorded]:
        """Return the events of the part that the model takes, without those of forgotten users."""
        found = [recorded for recorded in part if recorded.topic in model.when]
        if not self.forgotten:
            return found
        return [recorded for recorded in found if recorded.event.metadata.get("user") not in self.forgotten]


class Books:
    """The read models in one schema, fed with pages of events."""

    def __init__(
        self, connection: psycopg.Connection[Any], schema: str = BOOKS, models: Sequence[ReadModel] = MODELS
    ) -> None:
        self.connection = connection
        self.schema = schema
        self.models = models
        self.parked = 0
        """The number of parked streams, counted per model, after the last step."""

    def _sql(self, query: LiteralString) -> bytes:
        return _in_schema(query, self.schema)

    def position(self) -> int:
        """Return the log position that the books have reached. Raises `ProjectionFailed` when they have none."""
        row = self.connection.execute(self._sql("SELECT position FROM {}.position")).fetchone()
        return int(self._known(row)[0])

    def _known(self, row: tuple[Any, ...] | None) -> tuple[Any, ...]:
        if row is None:
            raise ProjectionFailed(f"{self.schema} has no position: run `aristobot migrate`")
        return row

    def step(
        self, read: Read, limit: int, *, stop: int | None = None, strict: bool = False
    ) -> tuple[int, int, set[str]]:
        """Take in the next page. Return the number of events, the position reached and the models that changed.

        The lock makes any number of projectors take turns. `strict` raises `ProjectionFailed` at the first event
        that a model cannot take; otherwise its stream is parked for that model, where health shows it.
        """
        try:
            return self._step(read, limit, stop, strict=strict, careful=False)
        except (*REFUSALS, psycopg.errors.PipelineAborted):
            # Nothing of the page was kept. Savepoints find the refused row; most pages do without them. For statements
            # sent after that row the pipeline only reports that it was aborted, and it may report that first.
            return self._step(read, limit, stop, strict=strict, careful=True)

    def _step(
        self, read: Read, limit: int, stop: int | None, *, strict: bool, careful: bool
    ) -> tuple[int, int, set[str]]:
        changed: set[str] = set()
        with self.connection.transaction(), self._together(careful=careful):
            self.connection.execute("SELECT pg_advisory_xact_lock(hashtext('books'))", prepare=True)
            position, taking = self._standing(strict=strict, careful=careful)
            page = read(position, limit, stop)
            if page:
                for part in _parts(page):
                    changed |= self._take(part, taking=taking)
                position = page[-1].position
                query = self._sql("UPDATE {}.position SET position = %s")
                self.connection.execute(query, (position,), prepare=True)
        self.parked = sum(map(len, taking.parked.values()))
        return len(page), position, changed

    def _together(self, *, careful: bool) -> AbstractContextManager[Any]:
        """Pipeline statements, so that a page takes few round trips. Savepoints need their results one by one."""
        return nullcontext() if careful else self.connection.pipeline()

    def _standing(self, *, strict: bool, careful: bool) -> tuple[int, _Taking]:
        """Read the position, forgotten users and parked streams.

        This is a statement of its own because it must see everything committed before the lock was granted.
        """
        query = self._sql(
            "SELECT position, ARRAY(SELECT person FROM {0}.forgotten),"
            " ARRAY(SELECT model FROM {0}.parked ORDER BY model, stream),"
            " ARRAY(SELECT stream FROM {0}.parked ORDER BY model, stream) FROM {0}.position"
        )
        row = self.connection.execute(query, prepare=True).fetchone()
        position, forgotten, models, streams = self._known(row)
        parked = defaultdict[str, set[Any]](set)
        for model, stream in zip(models, streams, strict=True):
            parked[model].add(stream)
        return position, _Taking(strict, careful, {str(person) for person in forgotten}, parked)

    def _take(self, part: Sequence[Recorded], *, taking: _Taking) -> set[str]:
        """Take in a part without the events of forgotten users. A user forgotten by its last event loses all rows."""
        topics = {recorded.topic for recorded in part}
        touched = [model for model in self.models if not topics.isdisjoint(model.when)]
        touching = [taking.concerning(model, part) for model in touched]
        loading = [self._load(model, events) for model, events in zip(touched, touching, strict=True)]
        changed = {
            model.name
            for model, events, loaded in zip(touched, touching, loading, strict=True)
            if self._apply(model, events, loaded, taking)
        }
        if part[-1].topic == FORGOTTEN:
            self._forget(part[-1].event.number, taking)
        return changed

    def _forget(self, user: int, taking: _Taking) -> None:
        for model in self.models:
            table = Identifier(self.schema, model.name)
            self.connection.execute(SQL("DELETE FROM {} WHERE user_id = %s").format(table), (user,))
        self.connection.execute(self._sql("INSERT INTO {}.forgotten VALUES (%s) ON CONFLICT DO NOTHING"), (user,))
        taking.forgotten.add(str(user))

    def _apply(
        self, model: ReadModel, touching: Sequence[Recorded], loaded: psycopg.Cursor[Row] | None, taking: _Taking
    ) -> bool:
        parked = taking.parked[model.name]
        rows = {row[model.key_column]: row for row in loaded.fetchall()} if loaded else {}
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
                if taking.strict:
                    raise ProjectionFailed(f"{model.name} cannot take event {recorded.position}: {error!r}") from error
                self._park(model, event.originator_id, recorded.position, error, taking)
        if changed:
            self._write(model, changed, taking)
        return bool(changed)

    def _load(self, model: ReadModel, touching: Sequence[Recorded]) -> psycopg.Cursor[Row] | None:
        """Query the rows that this page changes but does not create."""
        created: set[Any] = set()
        wanted: set[Any] = set()
        for recorded in touching:
            key = model.key(recorded.event)
            if recorded.topic in model.created_by:
                created.add(key)
            elif key not in created:
                wanted.add(key)
        if not wanted:
            return None
        query, parameters = model.load(self.schema, list(wanted))
        return self.connection.cursor(row_factory=dict_row).execute(query, parameters, prepare=True)

    def _write(self, model: ReadModel, changed: dict[Any, tuple[Row, Any]], taking: _Taking) -> None:
        rows = [row for row, _ in changed.values()]
        if not taking.careful:
            self._upsert(model, rows)
            return
        try:
            with self.connection.transaction():
                self._upsert(model, rows)
        except REFUSALS as error:
            if taking.strict:
                raise ProjectionFailed(f"{model.name} cannot write: {error}") from error
            self._write_one_by_one(model, changed, taking)

    def _write_one_by_one(self, model: ReadModel, changed: dict[Any, tuple[Row, Any]], taking: _Taking) -> None:
        """Write row by row after the database refused them together, and park only the streams of refused rows."""
        for row, stream in changed.values():
            try:
                with self.connection.transaction():
                    self._upsert(model, [row])
            except REFUSALS as error:
                self._park(model, stream, row["position"], error, taking)

    def _upsert(self, model: ReadModel, rows: list[Row]) -> None:
        query, parameters = model.upsert(self.schema, rows)
        self.connection.execute(query, parameters, prepare=True)

    def _park(self, model: ReadModel, stream: Any, position: int, error: Exception, taking: _Taking) -> None:
        taking.parked[model.name].add(stream)
        query = "INSERT INTO {}.parked (model, stream, position, error) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
        self.connection.execute(self._sql(query), (model.name, stream, position, _place_of(error)))


@cache
def _in_schema(query: LiteralString, schema: str) -> bytes:
    return SQL(query).format(Identifier(schema)).as_bytes(None)


def _parts(page: Sequence[Recorded]) -> list[Sequence[Recorded]]:
    """Cut a page after each `User.Forgotten`, so that the contents of the books do not depend on the page size."""
    ends = [n + 1 for n, recorded in enumerate(page) if recorded.topic == FORGOTTEN]
    starts = [0, *ends]
    return [part for start, end in zip(starts, [*ends, len(page)], strict=True) if (part := page[start:end])]


def _place_of(error: Exception) -> str:
    """Return an error's type and place. Its message may quote personal texts, which are never stored unsealed."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    return " ".join([type(error).__name__, *(f"in {Path(step.filename).name}:{step.lineno}" for step in where)])
