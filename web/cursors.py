"""Cursors: opaque texts that mark the beginning of a list's next page, and the pages that they divide it into."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from domain.refusals import Invalid

K = TypeVar("K")


def cursor_after(moment: datetime, key: object) -> str:
    """Return the cursor for the page that begins after this row."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()}|{key}".encode()).decode()


def paged(rows: list[dict[str, Any]], limit: int, moment: str) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows of one page and the cursor of the next, None on the last page.

    `rows` holds one row more than `limit` when there is a next page. `moment` is the column that orders them.
    """
    kept = rows[:limit]
    return kept, cursor_after(kept[-1][moment], kept[-1]["id"]) if len(rows) > limit else None


def before_of(cursor: str | None, key: Callable[[str], K]) -> tuple[datetime, K] | None:
    """Return the time and key of the row that a cursor names, None without a cursor. `key` parses the key.

    Raises `Invalid` for a cursor that this API did not make.
    """
    if cursor is None:
        return None
    try:
        moment, _, said = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return datetime.fromisoformat(moment), key(said)
    except ValueError:
        raise Invalid("this cursor is none of ours", code="cursor_unknown", field="cursor") from None
