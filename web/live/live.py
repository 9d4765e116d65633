"""The live socket: a snapshot and then the changes of each topic, numbered so that a lost message shows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import psycopg
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from web.access.cookies import COOKIE, Unauthorised, session_of
from web.context import Context
from web.live.feeds import Crowded, Feeds
from web.live.line import Line
from web.live.view import View

router = APIRouter()
SESSION_SECONDS = 2.0
LARGEST_PING = 2**53
SLOW_SECONDS = 10.0
"""Seconds that a browser may take for one message."""
NOT_LOGGED_IN, WRONG_ORIGIN, SLOW, CROWDED, TRY_AGAIN = 4401, 4403, 4408, 4429, 1013
GONE = (WebSocketDisconnect, RuntimeError, ValueError, KeyError)
"""The errors of a socket that the browser has left, or on which it says what is no JSON."""


@router.websocket("/api/live")
async def live(socket: WebSocket) -> None:
    """Tell a browser the topics that it follows: `{"follow": [topics]}`, `{"resync": topic}` for a new snapshot.

    `{"look": {"broker": n, "symbol": s}}` also tells the depth and the tape of that market, `{"look": null}` ends that.

    `{"ping": n}` is answered by `{"pong": n}` at once, even while the database hangs: the browser tells the two apart.

    Logging out closes the socket.
    """
    context: Context = socket.app.state.context
    feeds: Feeds = socket.app.state.feeds
    host = socket.headers.get("host", "")
    if socket.headers.get("origin", f"http://{host}").partition("://")[2] != host:
        await socket.close(WRONG_ORIGIN)
        return
    token = socket.cookies.get(COOKIE)
    try:
        session = await asyncio.to_thread(session_of, context.records.pool, token)
        context.people.remembered.keep(session)
    except Unauthorised:
        await socket.accept()
        await socket.close(NOT_LOGGED_IN)
        return
    await socket.accept()
    stirred = asyncio.Event()
    try:
        async with feeds.joined(session.user, stirred) as shared:
            line, view = Line(shared.feed), View(context, session.user)
            try:
                told = _tell(socket, line, stirred), _show(socket, view)
                parts = _hear(socket, line, view, stirred), *told, _guard(context, token)
                code = await _first(shared.reading, *parts)
            finally:
                line.follow([])
    except Crowded:
        code = CROWDED
    if code is not None:
        # A browser that takes nothing does not take this either.
        with contextlib.suppress(TimeoutError, *GONE):
            await asyncio.wait_for(socket.close(code), 1)


async def _first(reading: asyncio.Task[None], *parts: Coroutine[Any, Any, int | None]) -> int | None:
    """Run the parts of a socket until one ends, or the shared reading. Return the code with which to close."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait({*tasks, reading}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    try:
        return next(iter(done)).result()
    except psycopg.OperationalError:
        # The browser reconnects and gets a snapshot. A socket left open and silent would look alive.
        return TRY_AGAIN


async def _hear(socket: WebSocket, line: Line, view: View, stirred: asyncio.Event) -> int | None:
    """Do what the browser asks for until it leaves, or says what is no JSON."""
    try:
        async for asked in _asked(socket):
            if type(number := asked.get("ping")) is int and 0 <= number < LARGEST_PING:
                await asyncio.wait_for(socket.send_json({"pong": number}), SLOW_SECONDS)
            if isinstance(topics := asked.get("follow"), list):
                line.follow(topics)
            if isinstance(topic := asked.get("resync"), str):
                line.resync(topic)
            if "look" in asked:
                await view.turn(asked["look"])
            stirred.set()
    except TimeoutError:
        return SLOW
    except GONE:
        return None
    return None


async def _asked(socket: WebSocket) -> AsyncIterator[dict[str, Any]]:
    """Yield what the browser says, as long as it is an object."""
    while True:
        asked = await socket.receive_json()
        if isinstance(asked, dict):
            yield asked


async def _tell(socket: WebSocket, line: Line, stirred: asyncio.Event) -> int | None:
    """Send message after message. Returns the code with which to close when the browser takes one too slowly."""
    while True:
        await stirred.wait()
        stirred.clear()
        while (message := await line.message()) is not None:
            try:
                await asyncio.wait_for(socket.send_json(message), SLOW_SECONDS)
            except TimeoutError:
                return SLOW
            except GONE:
                return None


async def _show(socket: WebSocket, view: View) -> int | None:
    """Tell what is looked at. Returns the code with which to close when the browser takes it too slowly."""
    try:
        await view.tell(socket, SLOW_SECONDS)
    except TimeoutError:
        return SLOW
    except GONE:
        return None
    return None


async def _guard(context: Context, token: str | None) -> int:
    """Return the code with which to close once the session has ended."""
    while True:
        await asyncio.sleep(SESSION_SECONDS)
        try:
            context.people.remembered.keep(await asyncio.to_thread(session_of, context.records.pool, token))
        except Unauthorised:
            return NOT_LOGGED_IN
