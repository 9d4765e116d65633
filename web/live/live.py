"""The live socket: a snapshot and then the changes of each topic, numbered so that a lost message shows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import psycopg
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel

from projections.brokers import all_brokers
from projections.positions import open_positions
from web.access.cookies import COOKIE, Unauthorised, session_of
from web.console import alerts, brokers, positions, reconciliations, trading, webhooks
from web.console.health import health_of
from web.console.portfolio import portfolio_of
from web.context import Context, books
from web.live.seats import Crowded

router = APIRouter()
AT_ONCE = 500
"""The most rows of one topic in a message of changes."""
FOLLOWED = {
    topic.name: topic
    for topic in (
        webhooks.TOPIC,
        trading.TOPIC,
        positions.TOPIC,
        positions.GAINS,
        brokers.TOPIC,
        alerts.TOPIC,
        reconciliations.TOPIC,
    )
}
MADE: dict[str, Callable[[Context, int], BaseModel]] = {"portfolio": portfolio_of, "health": health_of}
"""The topics that are made anew for each message. Each asks for connections of its own: none may be held meanwhile."""
TOPICS = (*FOLLOWED, *MADE)
LOOK_SECONDS = 1.0
"""Seconds between looks at the books without a wake-up."""
TOGETHER_SECONDS = 0.02
"""Seconds that a wake-up waits for others: the steps of an order come within milliseconds."""
HEALTH_SECONDS = 2.0
PUSHING = "pushing"
NOT_LOGGED_IN, WRONG_ORIGIN, CROWDED, TRY_AGAIN = 4401, 4403, 4429, 1013


class Feed:
    """The messages for one browser, and the place up to which it has received each topic."""

    def __init__(self, context: Context, user: int) -> None:
        self._context = context
        self._user = user
        self._positions = dict.fromkeys(TOPICS, 0)
        self._sequences = dict.fromkeys(TOPICS, 0)
        self._loading: list[Any] = []

    def snapshot(self, topic: str) -> dict[str, Any]:
        """Return a message with the newest rows of a topic, and restart its sequence at 1."""
        self._sequences[topic] = 0
        if topic in MADE:
            return self._message(topic, "snapshot", _plain([MADE[topic](self._context, self._user)]))
        with books(self._context, self._user) as cursor:
            row = cursor.execute("SELECT position FROM books.position").fetchone()
            self._positions[topic] = row["position"] if row else 0
            items = self._forms(cursor, topic, FOLLOWED[topic].newest(cursor))
        return self._message(topic, "snapshot", items)

    def changes(self) -> list[dict[str, Any]]:
        """Return the messages for the rows of the books that changed since the last look."""
        with books(self._context, self._user) as cursor:
            row = cursor.execute("SELECT position FROM books.position").fetchone()
            position = row["position"] if row else 0
            told = []
            for topic in FOLLOWED:
                if position <= self._positions[topic]:
                    continue
                query = f"SELECT * FROM books.{topic} WHERE position > %s ORDER BY position LIMIT {AT_ONCE}"
                rows = cursor.execute(query, (self._positions[topic],)).fetchall()
                # Rows that do not fit into one message wait for the next look.
                self._positions[topic] = position if len(rows) < AT_ONCE else rows[-1]["position"]
                if rows:
                    told.append(self._message(topic, "changes", self._forms(cursor, topic, rows)))
            return told + self._progress(cursor)

    def _progress(self, cursor: Any) -> list[dict[str, Any]]:
        """Return the brokers anew when the loading of their pairs has advanced: that progress is not in the books."""
        rows = all_brokers(cursor)
        loading = [self._context.platform.loading(row["exchange"], row["venue"]) for row in rows]
        if loading == self._loading:
            return []
        self._loading = loading
        return [self._message("brokers", "changes", self._forms(cursor, "brokers", rows))]

    def _forms(self, cursor: Any, topic: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return _plain(FOLLOWED[topic].forms(self._context, cursor, rows))

    def results(self) -> list[dict[str, Any]]:
        """Return a message with the open positions at current prices, none without open positions."""
        with books(self._context, self._user) as cursor:
            items = self._forms(cursor, "positions", open_positions(cursor))
        return [self._message("positions", "changes", items)] if items else []

    def made(self, topic: str) -> dict[str, Any]:
        """Return a message with what is made at this moment: the health of the platform, or the portfolio."""
        return self._message(topic, "changes", _plain([MADE[topic](self._context, self._user)]))

    def _message(self, topic: str, kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        self._sequences[topic] += 1
        return {"topic": topic, "kind": kind, "sequence": self._sequences[topic], "items": items}


def _plain(items: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [item.model_dump(mode="json") for item in items]


@router.websocket("/api/live")
async def live(socket: WebSocket) -> None:
    """Send snapshots and changes to a browser. It sends `{"resync": topic}` to get a new snapshot.

    `{"ping": n}` is answered by `{"pong": n}` at once, even while the database hangs: the browser tells the two apart.

    Logging out closes the socket.
    """
    context: Context = socket.app.state.context
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
    try:
        with context.records.seats.taken(session.user):
            await _serve(socket, context, token, session.user)
    except Crowded:
        await socket.close(CROWDED)


async def _serve(socket: WebSocket, context: Context, token: str | None, user: int) -> None:
    feed, sending = Feed(context, user), asyncio.Lock()
    tasks = {PUSHING: asyncio.create_task(_push(socket, context, token, feed, sending))}
    try:
        async for asked in _asked(socket):
            if type(number := asked.get("ping")) is int:
                await socket.send_json({"pong": number})
            # A snapshot waits for the database; what the browser says next must not wait for it.
            if (topic := asked.get("resync")) in TOPICS and (topic not in tasks or tasks[topic].done()):
                tasks[topic] = asyncio.create_task(_resync(socket, feed, sending, topic))
    except (WebSocketDisconnect, ValueError, KeyError, RuntimeError):
        return
    finally:
        for task in tasks.values():
            task.cancel()
            with contextlib.suppress(
                asyncio.CancelledError, WebSocketDisconnect, RuntimeError, psycopg.OperationalError
            ):
                await task


async def _asked(socket: WebSocket) -> AsyncIterator[dict[str, Any]]:
    """Yield what the browser says, as long as it is an object."""
    while True:
        asked = await socket.receive_json()
        if isinstance(asked, dict):
            yield asked


async def _resync(socket: WebSocket, feed: Feed, sending: asyncio.Lock, topic: str) -> None:
    async with sending:
        await socket.send_json(await asyncio.to_thread(feed.snapshot, topic))


async def _push(socket: WebSocket, context: Context, token: str | None, feed: Feed, sending: asyncio.Lock) -> None:
    try:
        await _feed(socket, context, token, feed, sending)
    except psycopg.OperationalError:
        # The browser reconnects and gets a snapshot. A socket left open and silent would look alive.
        await socket.close(TRY_AGAIN)


async def _feed(socket: WebSocket, context: Context, token: str | None, feed: Feed, sending: asyncio.Lock) -> None:
    async with sending:
        for topic in TOPICS:
            await socket.send_json(await asyncio.to_thread(feed.snapshot, topic))
    health_at = time.monotonic() + HEALTH_SECONDS
    with context.records.wakes.sleeper() as moved:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), LOOK_SECONDS)
                await asyncio.sleep(TOGETHER_SECONDS)
            moved.clear()
            async with sending:
                for message in await asyncio.to_thread(feed.changes):
                    await socket.send_json(message)
                if time.monotonic() < health_at:
                    continue
                health_at = time.monotonic() + HEALTH_SECONDS
                try:
                    context.people.remembered.keep(await asyncio.to_thread(session_of, context.records.pool, token))
                except Unauthorised:
                    await socket.close(NOT_LOGGED_IN)
                    return
                made = [await asyncio.to_thread(feed.made, topic) for topic in MADE]
                for message in [*made, *await asyncio.to_thread(feed.results)]:
                    await socket.send_json(message)
