"""The halt of all automatic trading. It works while the database is away: the gateway then takes it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, ParamSpec, TypeVar

import psycopg
from fastapi import APIRouter, Cookie, Header

from application.ports.requests import Action
from application.trading import halts
from web.access.cookies import Asking, session_of
from web.context import AskedAt, By, Context, InContext, check_csrf
from web.forms import trading as forms
from web.terminals import ask

router = APIRouter(prefix="/api/trading", tags=["trading"])
DATABASE_SECONDS, GATEWAY_SECONDS = 2.0, 3.0
"""Seconds that a halt waits for the database before it asks the gateway, and then for the gateway."""
RETRY_SECONDS = 1.0
P = ParamSpec("P")
R = TypeVar("R")
# Threads of their own: while the database hangs, those of all other requests hang with it.
_recording = ThreadPoolExecutor(8, "halt-recording")
_asking = ThreadPoolExecutor(4, "halt-asking")
_tasks = set[asyncio.Task[None]]()


@router.post("/stop")
async def stop_all(
    context: InContext,
    aristobot_session: Annotated[str | None, Cookie()] = None,
    x_csrf_token: Annotated[str | None, Header()] = None,
) -> forms.Halted:
    """Halt automatic trading on all of the user's brokers until it is resumed.

    While the database does not answer, a session that was valid in the last five minutes is enough, and the gateway
    halts at once and records it later. Responds 503 when the gateway does not answer either: whether it halts as soon
    as it can is not known then.
    """
    try:
        return await _recorded(context, aristobot_session, x_csrf_token)
    except (TimeoutError, psycopg.OperationalError):
        session = context.people.remembered.session_of(aristobot_session)
        check_csrf(session, x_csrf_token)
        await _in_thread(_asking, ask, context, session.user, Action.HALT, {}, GATEWAY_SECONDS)
        _record_later(context, session.user)
        return forms.Halted(recorded=False)


def _record_later(context: Context, user: int) -> None:
    """Record a halt that the gateway has taken: it does so too, but would forget it in a restart."""
    task = asyncio.create_task(_recorded_at_last(context, user))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _recorded_at_last(context: Context, user: int) -> None:
    while True:
        try:
            return await _in_thread(_recording, halts.halt, context.records.store, user)
        except psycopg.OperationalError:
            await asyncio.sleep(RETRY_SECONDS)


async def _recorded(context: Context, token: str | None, csrf: str | None) -> forms.Halted:
    async with asyncio.timeout(DATABASE_SECONDS):
        session: Asking = await _in_thread(_recording, session_of, context.records.pool, token)
        context.people.remembered.keep(session)
        check_csrf(session, csrf)
        await _in_thread(_recording, halts.halt, context.records.store, session.user)
    return forms.Halted(recorded=True)


async def _in_thread(threads: ThreadPoolExecutor, act: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
    return await asyncio.get_running_loop().run_in_executor(threads, lambda: act(*given, **named))


@router.post("/resume", status_code=204)
def resume_all(asked_at: AskedAt, by: By, context: InContext) -> None:
    """Resume automatic trading. A broker that was halted individually stays halted.

    A request that has waited more than 5 s for the database is not carried out.
    """
    halts.resume(context.records.store, by.user, asked_at=asked_at)
