"""The export of everything that is kept about a user, piece by piece: a long history need not fit into memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from psycopg.sql import SQL, Identifier

from projections.models import MODELS
from web.access import cookies as sessions
from web.access.cookies import Asking
from web.console.layouts import layout_of
from web.context import Context, books


def told_of(context: Context, by: Asking) -> Iterator[str]:
    """Yield the pieces of one JSON object: `sessions`, `layout`, a list per read model, and `events`, oldest first."""
    yield '{"sessions": ' + _json([asdict(kept) for kept in sessions.sessions_of(context.records.pool, by)])
    yield ', "layout": ' + _json(layout_of(context, by.user).model_dump())
    for model in MODELS:
        with books(context, by.user) as cursor:
            rows = cursor.execute(SQL("SELECT * FROM books.{} ORDER BY position").format(Identifier(model.name)))
            yield f', "{model.name}": ' + _json(rows.fetchall())
    yield ', "events": ['
    between = ""
    for chapter in context.records.history(by.user):
        yield between + _json(vars(chapter))
        between = ", "
    yield "]}"


def _json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
