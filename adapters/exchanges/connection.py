"""The connection to one venue: its HTTP, and its clock beside ours."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from adapters.exchanges.http import Answer, Http
from application.ports.errors import NoAnswer

_DAY = timedelta(hours=24)


class Connection:
    """Keep what every client of an exchange knows of its venue."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.clock_offset = timedelta(0)
        """The exchange's clock minus ours, as last measured."""

    @property
    def busy(self) -> float:
        """The fraction of this minute's requests, or of their weight, that is used."""
        return self._http.pace.busy

    @property
    def last_answer(self) -> float | None:
        """The time of the exchange's last answer of any kind (seconds since 1970)."""
        return self._http.last_answer

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    def _now(self) -> int:
        """Return the exchange's clock in milliseconds since 1970."""
        return int(time.time() * 1000 + self.clock_offset.total_seconds() * 1000)

    def _keep_offset(self, there: datetime, answer: Answer) -> None:
        """Keep how far the exchange's clock is from ours. Raises `NoAnswer` for more than a day.

        It is measured from sending: waiting for the budget or for another attempt is not part of the round trip.
        """
        middle = (answer.sent_at + answer.answered_at) / 2
        offset = there - datetime.fromtimestamp(middle, UTC)
        if abs(offset) > _DAY:
            raise NoAnswer(f"a server time of {there.isoformat()}", code="no_answer")
        self.clock_offset = offset
