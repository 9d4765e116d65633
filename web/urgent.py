"""Urgent commands: they work while the database is away, because the gateway then takes them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar

import psycopg
from fastapi import Cookie, Depends, Header

from application.ports.requests import Action
from application.ports.stores import Store
from domain.refusals import Impossible
from web.access.cookies import Asking, Unauthorised, session_of
from web.context import Context, InContext, check_csrf
from web.terminals import ask

DATABASE_SECONDS, GATEWAY_SECONDS = 2.0, 3.0
"""Seconds that an urgent command waits for the database before it asks the gateway, and then for the gateway."""
RETRY_SECONDS = 1.0
Command = Callable[[Store, int], object]
P = ParamSpec("P")
R = TypeVar("R")
# Threads of their own: while the database hangs, those of all other requests hang with it.
_recording = ThreadPoolExecutor(8, "urgent-recording")
_asking = ThreadPoolExecutor(4, "urgent-asking")
_tasks = set[asyncio.Task[None]]()


@dataclass(frozen=True)
class Proof:
    """The proof that a request brings: the token of its session, and that of the console."""

    token: str | None
    csrf: str | None


def _proof(
    context: InContext,
    aristobot_session: Annotated[str | None, Cookie()] = None,
    x_csrf_token: Annotated[str | None, Header()] = None,
) -> Proof:
    """Return the proof of a request. Raises at once for what proves nothing, as far as that is known without asking."""
    if aristobot_session is None:
        raise Unauthorised("log in first")
    if (session := context.people.remembered.find(aristobot_session)) is not None:
        check_csrf(session, x_csrf_token)
    return Proof(aristobot_session, x_csrf_token)


Proven = Annotated[Proof, Depends(_proof)]


async def carry_out(
    context: Context, proof: Proof, command: Command, action: Action, params: Mapping[str, Any]
) -> bool:
    """Carry out a command for the user whose session the proof names; return True when it is recorded.

    While the database does not answer, a session that was valid in the last five minutes is enough, and the gateway
    takes the `action` at once; it is recorded later. Raises `GatewayAway` when the gateway does not answer either:
    whether it takes it as soon as it can is not known then.
    """
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            session: Asking = await _in_thread(_recording, session_of, context.records.pool, proof.token)
            context.people.remembered.keep(session)
            check_csrf(session, proof.csrf)
            await _in_thread(_recording, command, context.records.store, session.user)
    except (TimeoutError, psycopg.OperationalError):
        remembered = context.people.remembered.session_of(proof.token)
        check_csrf(remembered, proof.csrf)
        await _in_thread(_asking, ask, context, remembered.user, action, params, GATEWAY_SECONDS)
        _record_later(context, remembered.user, command)
        return False
    return True


def _record_later(context: Context, user: int, command: Command) -> None:
    """Record what the gateway has taken: it does so too, but would forget it in a restart."""
    task = asyncio.create_task(_recorded_at_last(context, user, command))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _recorded_at_last(context: Context, user: int, command: Command) -> None:
    while True:
        try:
            await _in_thread(_recording, command, context.records.store, user)
        except psycopg.OperationalError:
            await asyncio.sleep(RETRY_SECONDS)
        except Impossible:
            return  # the gateway has recorded it, and its user has lifted it since
        else:
            return


async def _in_thread(threads: ThreadPoolExecutor, act: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
    return await asyncio.get_running_loop().run_in_executor(threads, lambda: act(*given, **named))
