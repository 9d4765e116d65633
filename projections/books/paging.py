"""Pages of a read model, newest first, narrowed by conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, LiteralString

from psycopg.sql import SQL, Composable, Identifier, Literal

from projections.books.readmodel import Row

MANY = 1000
"""As many rows with ids that begin alike are not looked up one by one."""
LONGEST_NAME = 100
"""Names and ids with more characters are not looked at. An index cannot hold one of any length; an alert may bring one.
"""
LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class Narrowing:
    """The conditions to which a list is narrowed.

    `equal` holds a value by column; None does not narrow. `further` are conditions in SQL, each with its parameters.

    `text` is what one of the columns `names` must contain, or one of the columns `ids` must begin with, in its case or
    all in upper or lower case. In names, neither case nor slashes count, so that `btcusdt` finds `BTC/USDT`. Names have
    few values in many rows and are looked up first (`name_index`), ids by their beginning (`id_index`).

    Row-level security lets an index be used for plain comparisons only: no function and no LIKE.
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
        if (self.text or "").strip(" /\x00"):
            condition, given_with = self._contains(cursor, Identifier(model))
            found.append(condition)
            parameters += given_with
        for further, values in self.further:
            found.append(SQL(further))
            parameters += values
        return found, parameters

    def _contains(self, cursor: Any, model: Identifier) -> tuple[Composable, list[object]]:
        """Return the condition on rows that contain the text, by the names and ids that do."""
        wanted = (self.text or "").replace("\x00", "").strip()
        found: list[Composable] = [SQL("false")]
        parameters: list[object] = []
        for column in self.names:
            known = _values_of(cursor, model, Identifier(column))
            if values := [value for value in known if _bare(wanted) in _bare(value)]:
                found.append(SQL("{} = ANY(%s)").format(Identifier(column)))
                parameters.append(values)
        for column, spelling in product(self.ids, {wanted, wanted.lower(), wanted.upper()}):
            between = '({0} COLLATE "C" >= %s AND {0} COLLATE "C" < %s AND length({0}) <= {1})'
            begins = SQL(between).format(Identifier(column), Literal(LONGEST_NAME))
            bounds = [spelling, spelling + LAST_CHARACTER]
            query = SQL("SELECT id FROM books.{} WHERE {} LIMIT %s").format(model, begins)
            ids = [row["id"] for row in cursor.execute(query, [*bounds, MANY])]
            # So many are soon found on the way from the newest row back; few are not.
            found.append(begins if len(ids) == MANY else SQL("id = ANY(%s)"))
            parameters += bounds if len(ids) == MANY else [ids]
        return SQL("({})").format(SQL(" OR ").join(found)), parameters


def name_index(column: str, moment: str) -> str:
    """Return the index through which the names in a column are looked up, and then the newest rows of one."""
    return f"(user_id, {column}, {moment} DESC) WHERE length({column}) <= {LONGEST_NAME}"


def id_index(column: str) -> str:
    """Return the index through which the beginning of an id is looked up."""
    return f'(user_id, {column} COLLATE "C") WHERE length({column}) <= {LONGEST_NAME}'


def _values_of(cursor: Any, model: Identifier, column: Identifier) -> list[str]:
    """Return the values of a column, from one to the next in its index: most rows are never read."""
    query = SQL(
        "WITH RECURSIVE found AS ((SELECT {column} AS value FROM {rows} ORDER BY {column} LIMIT 1)"
        " UNION ALL SELECT (SELECT {column} FROM {rows} AND {column} > value ORDER BY {column} LIMIT 1)"
        " FROM found WHERE value IS NOT NULL) SELECT value FROM found WHERE value IS NOT NULL"
    )
    rows = SQL("books.{} WHERE length({}) <= {}").format(model, column, Literal(LONGEST_NAME))
    return [row["value"] for row in cursor.execute(query.format(column=column, rows=rows))]


def _bare(text: str) -> str:
    """Return a text without slashes, in one case."""
    return text.replace("/", "").lower()


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
