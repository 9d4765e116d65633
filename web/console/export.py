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
from web.console.portfolio import LONGEST_DAYS, curve
from web.context import Context, books


def told_of(context: Context, by: Asking) -> Iterator[str]:
    """Yield the pieces of one JSON object: `sessions`, `layout`, `equity`, `drafts`, a list per read model, `events`.

    The events are in the order of the log.
    """
    yield '{"sessions": ' + _json([asdict(kept) for kept in sessions.sessions_of(context.records.pool, by)])
    yield ', "layout": ' + _json(layout_of(context, by.user).model_dump())
    yield ', "equity": ' + _json([point.model_dump() for point in curve(by, context, LONGEST_DAYS).items])
    yield ', "drafts": ' + _json([vars(draft) for draft in context.records.drafts.of(by.user)])
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
