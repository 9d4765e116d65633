"""The arrangement of each user's console, kept on the server so that it follows its user to every browser."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from psycopg.types.json import Jsonb

from domain.refusals import Invalid
from web.context import By, Context, InContext
from web.forms.layouts import MOST_TABLES, Layout, LayoutChange

router = APIRouter(prefix="/api/account", tags=["account"])
_KEPT = "SELECT layout FROM service.layouts WHERE user_id = %s"


def layout_of(context: Context, user: int) -> Layout:
    """Return a user's layout, the default one when none was saved."""
    with context.records.pool.connection() as connection:
        row = connection.execute(_KEPT, (user,)).fetchone()
    return Layout() if row is None else Layout(**row[0])


@router.get("/layout")
def show_layout(by: By, context: InContext) -> Layout:
    """Return the user's layout of the console, the default one when none was saved."""
    return layout_of(context, by.user)


@router.patch("/layout")
def change_layout(given: LayoutChange, by: By, context: InContext) -> Layout:
    """Change what is given of the user's layout, and return all of it.

    A table that is null is as it was made. What another window has changed stays.
    """
    changed = given.model_dump(exclude_unset=True)
    tables: dict[str, Any] = changed.pop("tables", {})
    with context.records.pool.connection() as connection, connection.transaction():
        connection.execute(
            "INSERT INTO service.layouts (user_id, layout) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (by.user, Jsonb(Layout().model_dump())),
        )
        row = connection.execute(_KEPT + " FOR UPDATE", (by.user,)).fetchone()
        kept: dict[str, Any] = row[0] if row else {}
        kept_tables = {name: table for name, table in (kept.get("tables", {}) | tables).items() if table is not None}
        if len(kept_tables) > MOST_TABLES:
            raise Invalid(f"a layout has at most {MOST_TABLES} tables", code="invalid", field="tables")
        layout = Layout(**kept | changed | {"tables": kept_tables})
        connection.execute(
            "UPDATE service.layouts SET layout = %s, updated_at = clock_timestamp() WHERE user_id = %s",
            (Jsonb(layout.model_dump()), by.user),
        )
    return layout


@router.delete("/layout", status_code=204)
def reset_layout(by: By, context: InContext) -> None:
    """Return to the default layout of the console."""
    with context.records.pool.connection() as connection:
        connection.execute("DELETE FROM service.layouts WHERE user_id = %s", (by.user,))
