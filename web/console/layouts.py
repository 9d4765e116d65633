"""The arrangement of each user's console, kept on the server so that it follows its user to every browser."""

from __future__ import annotations

from fastapi import APIRouter
from psycopg.types.json import Jsonb

from web.context import By, Context, InContext
from web.forms.layouts import Layout

router = APIRouter(prefix="/api/account", tags=["account"])


def layout_of(context: Context, user: int) -> Layout:
    """Return a user's layout, the default one when none was saved."""
    with context.records.pool.connection() as connection:
        row = connection.execute("SELECT layout FROM service.layouts WHERE user_id = %s", (user,)).fetchone()
    return Layout() if row is None else Layout(**row[0])


@router.get("/layout")
def show_layout(by: By, context: InContext) -> Layout:
    """Return the user's layout of the console, the default one when none was saved."""
    return layout_of(context, by.user)


@router.put("/layout", status_code=204)
def keep_layout(given: Layout, by: By, context: InContext) -> None:
    """Save the user's layout of the console."""
    with context.records.pool.connection() as connection:
        connection.execute(
            "INSERT INTO service.layouts (user_id, layout) VALUES (%s, %s)"
            " ON CONFLICT (user_id) DO UPDATE SET layout = excluded.layout, updated_at = clock_timestamp()",
            (by.user, Jsonb(given.model_dump())),
        )


@router.delete("/layout", status_code=204)
def reset_layout(by: By, context: InContext) -> None:
    """Return to the default layout of the console."""
    with context.records.pool.connection() as connection:
        connection.execute("DELETE FROM service.layouts WHERE user_id = %s", (by.user,))
