"""Pages of a read model, newest first, narrowed by conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

from psycopg.sql import SQL, Composable, Identifier

from projections.books.readmodel import Row


@dataclass(frozen=True)
class Narrowing:
    """The conditions to which a list is narrowed.

    `equal` holds a value by column; None does not narrow. `text` is what at least one of the columns `searched` must
    contain, whatever its case; slashes do not count, so that `btcusdt` finds `BTC/USDT`. `further` are conditions in
    SQL, each with its parameters.
    """

    equal: Mapping[str, object] = field(default_factory=dict)
    text: str | None = None
    searched: Sequence[str] = ()
    further: Sequence[tuple[LiteralString, Sequence[object]]] = ()

    def conditions(self) -> tuple[list[Composable], list[object]]:
        """Return the conditions in SQL and their parameters."""
        given = {column: value for column, value in self.equal.items() if value is not None}
        found: list[Composable] = [SQL("{} = %s").format(Identifier(column)) for column in given]
        parameters = [*given.values()]
        if wanted := _bare(self.text or ""):
            contains = [SQL("replace({}, '/', '') ILIKE %s").format(Identifier(column)) for column in self.searched]
            found.append(SQL("({})").format(SQL(" OR ").join(contains)))
            parameters += [f"%{wanted}%"] * len(contains)
        for condition, given_with in self.further:
            found.append(SQL(condition))
            parameters += given_with
        return found, parameters


def _bare(text: str) -> str:
    """Return a text without slashes and surrounding blanks, in which no character is a wildcard any more."""
    bare = text.strip().replace("/", "").replace("\x00", "")
    return bare.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


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
    conditions, parameters = (narrowing or Narrowing()).conditions()
    if before is not None:
        conditions.append(SQL("({}, id) < (%s, %s)").format(Identifier(moment)))
        parameters += before
    query = SQL("SELECT * FROM books.{} WHERE {} ORDER BY {} DESC, id DESC LIMIT %s").format(
        Identifier(model), SQL(" AND ").join(conditions or [SQL("true")]), Identifier(moment)
    )
    rows: list[Row] = cursor.execute(query, [*parameters, limit]).fetchall()
    return rows
