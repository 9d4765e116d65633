"""Topics: what an open console follows. Each noun of the console defines its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from web.context import Context

ROWS = 50
"""The number of newest rows in a snapshot."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Topic:
    """A read model that open consoles follow. Its name is also that of its table.

    `newest` returns the rows of a snapshot, `forms` rows as the API tells them; both take a cursor on the user's books.
    `key` is the field of a form that tells rows apart.
    """

    name: str
    newest: Callable[[Any], list[Row]]
    forms: Callable[[Context, Any, list[Row]], Sequence[BaseModel]]
    key: str = "id"


def as_they_are(form: type[BaseModel]) -> Callable[[Context, Any, list[Row]], Sequence[BaseModel]]:
    """Return the function that turns rows into forms of this kind, column by column."""
    return lambda _, __, rows: [form(**row) for row in rows]
