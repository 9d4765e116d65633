"""Cursors: where the next page of a list begins, told to the browser as an opaque text."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from domain.refusals import Invalid

K = TypeVar("K")


def cursor_after(moment: datetime, key: object) -> str:
    """The rows that come after this one."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()}|{key}".encode()).decode()


def before_of(cursor: str | None, key: Callable[[str], K]) -> tuple[datetime, K] | None:
    """The row that a cursor stands for, `key` reads its key. Raises `Invalid` for one that this API did not make."""
    if cursor is None:
        return None
    try:
        moment, _, said = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return datetime.fromisoformat(moment), key(said)
    except ValueError:
        raise Invalid("this cursor is none of ours", code="cursor_unknown", field="cursor") from None
