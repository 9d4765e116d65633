"""The feed of a user: one look at the books for all of the user's sockets, and only at what they follow."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from projections.brokers import all_brokers
from projections.positions import open_positions
from web.console import alerts, brokers, positions, reconciliations, streams, trading, webhooks
from web.console.candles import stored_of
from web.console.conditions import conditions_of
from web.console.health import health_of
from web.console.heartbeat import heartbeat_of, raw_of
from web.console.portfolio import portfolio_of
from web.context import Context, books
from web.live.reader import KEPT, Item, Reader
from web.strategies import editor

FOLLOWED = {
    topic.name: topic
    for topic in (
        webhooks.TOPIC,
        streams.TOPIC,
        trading.TOPIC,
        positions.TOPIC,
        positions.GAINS,
        brokers.TOPIC,
        alerts.TOPIC,
        reconciliations.TOPIC,
        editor.TOPIC,
    )
}
MADE: dict[str, Callable[[Context, int], BaseModel]] = {
    "portfolio": portfolio_of,
    "conditions": conditions_of,
    "health": health_of,
    "heartbeat": heartbeat_of,
    "raw": raw_of,
    "candles": stored_of,
}
"""The topics that are made anew each time. Each asks for connections of its own: none may be held meanwhile."""
TOPICS = (*FOLLOWED, *MADE)
MOVES_PORTFOLIO = {"brokers", "positions"}


class Feed:
    """The topics that a user's sockets follow. Its methods wait for the database: call them in a thread."""

    def __init__(self, context: Context, user: int) -> None:
        self._context = context
        self._user = user
        self._readers: dict[str, Reader] = {}
        self._sockets: Counter[str] = Counter()
        self._loading: list[Any] = []
        self._beats = 0
        self._one_at_a_time = threading.Lock()

    def follow(self, topic: str) -> Reader:
        """Return the reader of a topic, the same for every socket that follows it. Does not wait."""
        self._sockets[topic] += 1
        if topic not in self._readers:
            self._readers[topic] = Reader(FOLLOWED[topic].key if topic in FOLLOWED else None)
        return self._readers[topic]

    def unfollow(self, topic: str) -> None:
        """Give a topic up for one socket. Does not wait."""
        self._sockets[topic] -= 1
        if not self._sockets[topic]:
            self._readers.pop(topic, None)

    def snapshot(self, topic: str, reader: Reader) -> tuple[int, list[Item]]:
        """Return the newest rows of a topic, and the reader's version that they include."""
        with self._one_at_a_time:
            version = reader.version
            if topic in MADE:
                return version, self._made(topic)
            with books(self._context, self._user) as cursor:
                if reader.position is None:
                    reader.position = _position(cursor)
                return version, self._forms(cursor, topic, FOLLOWED[topic].newest(cursor))

    def look(self) -> None:
        """Read the rows of the books that changed since the last look."""
        with self._one_at_a_time, books(self._context, self._user) as cursor:
            position, moved = _position(cursor), set()
            for topic, reader in self._following(FOLLOWED):
                while reader.position is not None and reader.position < position:
                    query = f"SELECT * FROM books.{topic} WHERE position > %s ORDER BY position LIMIT {KEPT}"
                    rows = cursor.execute(query, (reader.position,)).fetchall()
                    reader.position = position if len(rows) < KEPT else rows[-1]["position"]
                    if rows:
                        moved.add(topic)
                        reader.take(self._forms(cursor, topic, rows))
            self._look_at_loading(cursor)
        if moved & MOVES_PORTFOLIO:
            self.make("portfolio")
        if self._beats != self._context.records.wakes.beats:
            self._beats = self._context.records.wakes.beats
            self.make("heartbeat", "raw")

    def _look_at_loading(self, cursor: Any) -> None:
        """Tell the brokers anew when the loading of their pairs has advanced: that progress is not in the books."""
        if (reader := self._readers.get("brokers")) is None:
            return
        rows = all_brokers(cursor)
        loading = [self._context.platform.loading(row["exchange"], row["venue"]) for row in rows]
        if loading != self._loading:
            self._loading = loading
            reader.take(self._forms(cursor, "brokers", rows))

    def price(self) -> None:
        """Value the open positions at current prices."""
        if (reader := self._readers.get("positions")) is None:
            return
        with self._one_at_a_time, books(self._context, self._user) as cursor:
            reader.take(self._forms(cursor, "positions", open_positions(cursor)))

    def make(self, *topics: str) -> None:
        """Make these topics anew, as far as they are followed."""
        for topic, reader in self._following(topics):
            with self._one_at_a_time:
                reader.take(self._made(topic))

    def _following(self, topics: Sequence[str] | dict[str, Any]) -> list[tuple[str, Reader]]:
        return [(topic, reader) for topic in topics if (reader := self._readers.get(topic)) is not None]

    def _made(self, topic: str) -> list[Item]:
        return _plain([MADE[topic](self._context, self._user)])

    def _forms(self, cursor: Any, topic: str, rows: list[dict[str, Any]]) -> list[Item]:
        return _plain(FOLLOWED[topic].forms(self._context, cursor, rows))


def _position(cursor: Any) -> int:
    row = cursor.execute("SELECT position FROM books.position").fetchone()
    return row["position"] if row else 0


def _plain(items: Sequence[BaseModel]) -> list[Item]:
    return [item.model_dump(mode="json") for item in items]
