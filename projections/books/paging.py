"""Pages of a read model, newest first, narrowed by conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

from psycopg.sql import SQL, Composable, Identifier, Literal

from projections.books.readmodel import Row

MANY = 1000
"""As many rows with ids that begin alike are not looked up one by one."""
LOOKED_AT = 100
"""Characters of a name or id that are looked at. An index cannot hold one of any length, and an alert may bring one."""


@dataclass(frozen=True)
class Narrowing:
    """The conditions to which a list is narrowed.

    `equal` holds a value by column; None does not narrow. `further` are conditions in SQL, each with its parameters.

    `text` is what one of the columns `names` must contain or one of the columns `ids` must begin with, whatever its
    case. In names, slashes do not count, so that `btcusdt` finds `BTC/USDT`. Names have few values in many rows and are
    looked up first (`name_index`), ids by their beginning (`id_index`).
    """

    equal: Mapping[str, object] = field(default_factory=dict)
    text: str | None = None
    names: Sequence[str] = ()
    ids: Sequence[str] = ()
    further: Sequence[tuple[LiteralString, Sequence[object]]] = ()

    def conditions(self, cursor: Any, model: str) -> tuple[list[Composable], list[object]]:
        """Return the conditions in SQL and their parameters, for one of the books."""
        given = {column: value for column, value in self.equal.items() if value is not None}
        found: list[Composable] = [SQL("{} = %s").format(Identifier(column)) for column in given]
        parameters = [*given.values()]
        if _bare(self.text or ""):
            condition, given_with = self._contains(cursor, Identifier(model))
            found.append(condition)
            parameters += given_with
        for further, values in self.further:
            found.append(SQL(further))
            parameters += values
        return found, parameters

    def _contains(self, cursor: Any, model: Identifier) -> tuple[Composable, list[object]]:
        """Return the condition on rows that contain the text, by the names and ids that do."""
        wanted = (self.text or "").strip().casefold()
        bare = _bare(wanted)
        found: list[Composable] = [SQL("false")]
        parameters: list[object] = []
        for column in self.names:
            known = _values_of(cursor, model, _beginning(column))
            if values := [value for value in known if bare in _bare(value.casefold())]:
                found.append(SQL("{} = ANY(%s)").format(_beginning(column)))
                parameters.append(values)
        for column in self.ids:
            begins, beginning = SQL("lower({}) LIKE %s").format(_beginning(column)), f"{_literal(wanted)}%"
            query = SQL("SELECT id FROM books.{} WHERE {} LIMIT %s").format(model, begins)
            ids = [row["id"] for row in cursor.execute(query, (beginning, MANY))]
            # So many are soon found on the way from the newest row back; few are not.
            found.append(begins if len(ids) == MANY else SQL("id = ANY(%s)"))
            parameters.append(beginning if len(ids) == MANY else ids)
        return SQL("({})").format(SQL(" OR ").join(found)), parameters


def name_index(column: str, moment: str) -> str:
    """Return the index through which the names in a column are looked up, and then the newest rows of one."""
    return f"(user_id, left({column}, {LOOKED_AT}), {moment} DESC)"


def id_index(column: str) -> str:
    """Return the index through which the beginning of an id is looked up."""
    return f"(user_id, lower(left({column}, {LOOKED_AT})) text_pattern_ops)"


def _beginning(column: str) -> Composable:
    return SQL("left({}, {})").format(Identifier(column), Literal(LOOKED_AT))


def _values_of(cursor: Any, model: Identifier, column: Composable) -> list[str]:
    """Return the values of a column, from one to the next in its index: most rows are never read."""
    query = SQL(
        "WITH RECURSIVE found AS ((SELECT {column} AS value FROM books.{model} ORDER BY {column} LIMIT 1)"
        " UNION ALL SELECT (SELECT {column} FROM books.{model} WHERE {column} > value ORDER BY {column} LIMIT 1)"
        " FROM found WHERE value IS NOT NULL) SELECT value FROM found WHERE value IS NOT NULL"
    ).format(column=column, model=model)
    return [row["value"] for row in cursor.execute(query)]


def _bare(text: str) -> str:
    """Return a text without slashes and surrounding blanks."""
    return text.strip().replace("/", "")


def _literal(text: str) -> str:
    """Return a text in which no character is a wildcard, as PostgreSQL can take it."""
    return text.replace("\x00", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def page(
    cursor: Any,
    model: str,
    moment: str,
    *,
    before: tuple[Any, Any] | None,
    limit: int,
    narrowing: Narrowing | None = None,
) -> list[Row]:
    """Return rows of the cursor's user in the order of the column `moment`, newest first.

    `before` are the moment and id of the row after which the page begins, None for the newest page.
    """
    conditions, parameters = (narrowing or Narrowing()).conditions(cursor, model)
    if before is not None:
        conditions.append(SQL("({}, id) < (%s, %s)").format(Identifier(moment)))
        parameters += before
    query = SQL("SELECT * FROM books.{} WHERE {} ORDER BY {} DESC, id DESC LIMIT %s").format(
        Identifier(model), SQL(" AND ").join(conditions or [SQL("true")]), Identifier(moment)
    )
    rows: list[Row] = cursor.execute(query, [*parameters, limit]).fetchall()
    return rows
