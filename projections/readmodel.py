"""A read model: one table, and how each event changes one of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg.sql import SQL, Composed, Identifier
from psycopg.types.json import Jsonb

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

    def statements(self, schema: str) -> list[Composed]:
        """The DDL of the table in that schema: row-level security is part of it, not an afterthought."""
        table = SQL("{}.{}").format(Identifier(schema), Identifier(self.name))
        columns = [SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in self._all_columns().items()]
        return [
            SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
                table, SQL(", ").join(columns), Identifier(self.key_column)
            ),
            SQL("CREATE INDEX ON {} (user_id, position)").format(table),
            *(SQL("CREATE INDEX ON {} {}").format(table, SQL(index)) for index in self.indexes),
            SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(table),
            SQL("CREATE POLICY projecting ON {} FOR ALL TO aristobot_projector USING (true)").format(table),
            SQL(
                "CREATE POLICY own_rows ON {} FOR SELECT TO aristobot_web"
                " USING (user_id = nullif(current_setting('aristobot.user', true), '')::integer)"
            ).format(table),
        ]

    def _all_columns(self) -> dict[str, str]:
        return {**self.columns, "position": "bigint NOT NULL"}

    def load(self, schema: str, keys: list[Any]) -> tuple[Composed, list[list[Any]]]:
        """The rows with these keys."""
        query = SQL("SELECT * FROM {}.{} WHERE {} = ANY(%s)").format(
            Identifier(schema), Identifier(self.name), Identifier(self.key_column)
        )
        return query, [keys]

    def upsert(self, schema: str, rows: list[Row]) -> tuple[Composed, list[list[Any]]]:
        """One statement that writes all these rows."""
        columns = self._all_columns()
        arrays = [SQL("%s::{}[]").format(SQL(kind.split()[0])) for kind in columns.values()]
        names = [Identifier(name) for name in columns]
        query = SQL("INSERT INTO {}.{} ({}) SELECT * FROM unnest({}) ON CONFLICT ({}) DO UPDATE SET {}").format(
            Identifier(schema),
            Identifier(self.name),
            SQL(", ").join(names),
            SQL(", ").join(arrays),
            Identifier(self.key_column),
            SQL(", ").join(SQL("{0} = EXCLUDED.{0}").format(name) for name in names[1:]),
        )
        return query, [[_value(row.get(name), kind) for row in rows] for name, kind in columns.items()]


def _value(value: Any, kind: str) -> Any:
    return Jsonb(value) if kind.startswith("jsonb") and value is not None else value
