"""Lines: what one browser follows, and how far it has been told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from web.live.feed import TOPICS, Feed
from web.live.reader import Item, Reader


class Line:
    """The end of one socket: its topics, the version of each that it was told, and the numbers of its messages.

    No message waits here: each is made when the one before is sent.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._readers: dict[str, Reader] = {}
        self._told: dict[str, int | None] = {}
        self._sequences: dict[str, int] = {}

    def follow(self, topics: Sequence[Any]) -> None:
        """Follow these topics and no others; what is not a topic is passed over. A new one begins with a snapshot."""
        wanted = [topic for topic in TOPICS if topic in topics]
        for topic in [topic for topic in self._readers if topic not in wanted]:
            del self._readers[topic], self._told[topic]
            self._feed.unfollow(topic)
        for topic in wanted:
            if topic not in self._readers:
                self._readers[topic], self._told[topic] = self._feed.follow(topic), None

    def resync(self, topic: Any) -> None:
        """Begin a topic that is followed anew, with a snapshot."""
        if topic in self._readers:
            self._told[topic] = None

    async def message(self) -> dict[str, Any] | None:
        """Return the next message, snapshots first. None when nothing is left to tell."""
        for topic, reader in sorted(self._readers.items(), key=lambda one: self._told[one[0]] is not None):
            if self._readers.get(topic) is not reader or (told := self._told[topic]) == reader.version:
                continue
            changed = None if told is None else reader.since(told)
            if changed is not None:
                return self._message(topic, "changes", *changed)
            snapshot = await asyncio.to_thread(self._feed.snapshot, topic, reader)
            # Meanwhile the browser may have turned away from the topic, even to come back.
            if self._readers.get(topic) is reader:
                self._sequences[topic] = 0
                return self._message(topic, "snapshot", *snapshot)
        return None

    def _message(self, topic: str, kind: str, version: int, items: list[Item]) -> dict[str, Any]:
        self._told[topic] = version
        self._sequences[topic] += 1
        return {"topic": topic, "kind": kind, "sequence": self._sequences[topic], "items": items}
