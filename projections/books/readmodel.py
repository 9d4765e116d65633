"""A read model: one table, and how each event changes one of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import msgspec
from psycopg.sql import SQL, Composed, Identifier

Row = dict[str, Any]
Change = Callable[[Row, Any], Row | None]
"""The row as it stands (empty for a new one) and the event; answers the columns that change, or None for nothing."""


def stream_of(event: Any) -> Any:
    """Most tables have one row per stream."""
    return event.originator_id


@dataclass(frozen=True)
class ReadModel:
    """A table in the books. The first column is the key; every table has `user_id` and the `position` of its change.

    `version` is raised with every change of the columns or of the meaning: `migrate` then rebuilds the books beside
    the old ones and swaps them.
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
        """The primary key's name."""
        return next(iter(self.columns))

    def _table(self, schema: str) -> Composed:
        return SQL("{}.{}").format(Identifier(schema), Identifier(self.name))

    def definition(self, schema: str) -> list[Composed]:
        """The DDL of the table in that schema: row-level security is part of it, not an afterthought."""
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
        """What the queries lean on, made once the table is filled."""
        indexes = ("(user_id, position)", *self.indexes)
        return [SQL("CREATE INDEX ON {} {}").format(self._table(schema), SQL(index)) for index in indexes]

    def _all_columns(self) -> dict[str, str]:
        return {**self.columns, "position": "bigint NOT NULL"}

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._all_columns())

    def load(self, schema: str, keys: list[Any]) -> tuple[bytes, list[list[Any]]]:
        """The rows with these keys."""
        return _load(schema, self.name, self._names), [keys]

    def upsert(self, schema: str, rows: list[Row]) -> tuple[bytes, list[str]]:
        """One statement that writes all these rows, handed over as one JSON text: decimals stay texts, hence exact."""
        return _upsert(schema, self.name, self._names), [msgspec.json.encode(rows).decode()]


# Composing a statement costs more than running it, so each text is made once per table and schema.


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
