"""A read model: one table, and the change that each kind of event makes to one of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from psycopg.sql import SQL, Composed, Identifier

from domain.aggregate import Aggregate

Row = dict[str, Any]
Change = Callable[[Row, Any], Row | None]
"""A function of the current row (empty for a new one) and an event: the changed columns, or None for no change."""
E = TypeVar("E", bound=Aggregate.Event)


def on(event: type[E], change: Callable[[Row, E], Row | None]) -> tuple[str, Change]:
    """Return one entry of `ReadModel.when`: the topic of an event and the change that it makes."""
    return event.TOPIC, change


def changes(*entries: tuple[str, Change]) -> Mapping[str, Change]:
    """Return the table of changes by topic."""
    return dict(entries)


def topics(*events: type[Aggregate.Event]) -> frozenset[str]:
    """Return the topics of some events."""
    return frozenset(event.TOPIC for event in events)


def stream_of(event: Aggregate.Event) -> UUID:
    """Return the event's stream, the key of most tables: they have one row per stream."""
    return event.originator_id


def storable(value: Any) -> Any:
    """Return a value as PostgreSQL can store it: no text in it, however deep, holds zero bytes or lone surrogates."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode(errors="surrogatepass").decode(errors="replace")
    if isinstance(value, Mapping):
        return {name: storable(one) for name, one in value.items()}
    return [storable(one) for one in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class ReadModel:
    """A table in the books. The first column is the key; each row has `user_id` and the `position` of its last change.

    Increase `version` whenever the columns or their meaning change: `migrate` then builds new books beside the old
    ones and swaps them.
    """

    name: str
    version: int
    columns: Mapping[str, str]
    when: Mapping[str, Change]
    key: Callable[[Any], Any] = stream_of
    created_by: frozenset[str] = field(default=frozenset())
    indexes: tuple[str, ...] = ()

    @property
    def key_column(self) -> str:
        """The name of the primary key column."""
        return next(iter(self.columns))

    def _table(self, schema: str) -> Composed:
        return SQL("{}.{}").format(Identifier(schema), Identifier(self.name))

    def definition(self, schema: str) -> list[Composed]:
        """Return the DDL of the table in a schema. It includes row-level security, so that no table goes without."""
        table = self._table(schema)
        columns = [SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in self._all_columns().items()]
        return [
            SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
                table, SQL(", ").join(columns), Identifier(self.key_column)
            ),
            SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(table),
            SQL("CREATE POLICY projecting ON {} FOR ALL TO aristobot_projector USING (true)").format(table),
            SQL(
                "CREATE POLICY own_rows ON {} FOR SELECT TO aristobot_web"
                " USING (user_id = nullif(current_setting('aristobot.user', true), '')::integer)"
            ).format(table),
        ]

    def index_definitions(self, schema: str) -> list[Composed]:
        """Return the DDL of the indexes that queries rely on, to be run once the table is filled."""
        indexes = ("(user_id, position)", *self.indexes)
        return [SQL("CREATE INDEX ON {} {}").format(self._table(schema), SQL(index)) for index in indexes]

    def _all_columns(self) -> dict[str, str]:
        return {**self.columns, "position": "bigint NOT NULL"}

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._all_columns())

    def load(self, schema: str, keys: list[Any]) -> tuple[bytes, list[list[Any]]]:
        """Return the query for the rows with these keys, and its parameters."""
        return _load(schema, self.name, self._names), [keys]

    def upsert(self, schema: str, rows: list[Row]) -> tuple[bytes, list[str]]:
        """Return one statement that writes all rows, passed as one JSON text: decimals are strings in it, so exact."""
        return _upsert(schema, self.name, self._names), [msgspec.json.encode(rows).decode()]


# Composing a statement costs more than running it, so each is composed once per table and schema.


@cache
def _load(schema: str, table: str, columns: tuple[str, ...]) -> bytes:
    names = [Identifier(name) for name in columns]
    query = SQL("SELECT {} FROM {} WHERE {} = ANY(%s)")
    return query.format(SQL(", ").join(names), Identifier(schema, table), names[0]).as_bytes(None)


@cache
def _upsert(schema: str, table: str, columns: tuple[str, ...]) -> bytes:
    names = [Identifier(name) for name in columns]
    query = SQL(
        "INSERT INTO {0} ({1}) SELECT {1} FROM json_populate_recordset(NULL::{0}, %t::json)"
        " ON CONFLICT ({2}) DO UPDATE SET {3}"
    ).format(
        Identifier(schema, table),
        SQL(", ").join(names),
        names[0],
        SQL(", ").join(SQL("{0} = EXCLUDED.{0}").format(name) for name in names[1:]),
    )
    return query.as_bytes(None)
