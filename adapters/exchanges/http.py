"""The HTTP core of all exchanges: sessions, pace, proof that a request was not carried out, a fuse, their clocks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import isfinite

import aiohttp
from yarl import URL

from application.ports.errors import NoAnswer, NotAccepted

_READ_PAUSES = (0.2, 0.5, 1.0)
_FUSE_FAILURES, _FUSE_SECONDS = 8, 5.0
_LONGEST_SILENCE, _LONGEST_COUNT = 3600.0, 9
BACKGROUND = 0.3
"""The most of an address's budget that goes to what nobody waits for."""
_DAY = timedelta(hours=24)
_LONGEST_WAIT = 10.0
"""Seconds that a read waits for its turn at most; beyond that the caller has better things to do than to wait."""


@dataclass(frozen=True)
class Answer:
    """An answer of the exchange, undecoded."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    sent_at: float
    answered_at: float


class Pace:
    """The limiter of request weight: keeps each minute below the exchange's budget, as its own headers count it.

    Reads may use up one `share` of it, orders and cancels a larger one: no question stands in the way of a stop. What
    is read in the background may make up `BACKGROUND` of it, and only while that much is free besides.
    """

    def __init__(
        self,
        limit_per_minute: int,
        share: float = 0.8,
        clock: Callable[[], float] = time.time,
        share_of_changes: float = 0.95,
    ) -> None:
        self.limit = limit_per_minute
        self.used = 0
        self._share, self._share_of_changes = share, max(share, share_of_changes)
        self._clock = clock
        self._minute = 0
        self._aside = 0
        """The weight of this minute's requests in the background."""
        self._closed_until = 0.0

    def spend(self, weight: int, *, change: bool = False) -> float:
        """Count a request about to be sent and return 0, or return the seconds it has to wait first."""
        wait = self._wait(weight, self._share_of_changes if change else self._share)
        if not wait:
            self.used += weight
        return wait

    def spend_aside(self, weight: int) -> float:
        """Count a request in the background and return 0, or return the seconds it has to wait first."""
        wait = self._wait(weight, self._share - BACKGROUND)
        if not wait and self._aside + weight > self.limit * BACKGROUND:
            wait = (self._minute + 1) * 60 - self._clock()
        if not wait:
            self.used, self._aside = self.used + weight, self._aside + weight
        return wait

    def wait_for_change(self) -> float:
        """Return the seconds an order or a cancel would have to wait now."""
        return self._wait(1, self._share_of_changes)

    def _wait(self, weight: int, share: float) -> float:
        now = self._clock()
        if now < self._closed_until:
            return self._closed_until - now
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self.used, self._aside = minute, 0, 0
        if self.used and self.used + weight > self.limit * share:
            return (minute + 1) * 60 - now
        return 0.0

    @property
    def busy(self) -> float:
        """The fraction of this minute's budget that is used; 1 while the exchange demands silence."""
        if self._clock() < self._closed_until:
            return 1.0
        return self.used / self.limit if int(self._clock() // 60) == self._minute else 0.0

    def told(self, used: str | int, sent_at: float) -> None:
        """Take over the exchange's own count, told in the answer to a request sent at `sent_at`.

        A count for a minute that is over is ignored.
        """
        minute, count = int(sent_at // 60), str(used)
        if minute >= self._minute and count.isdecimal() and len(count) <= _LONGEST_COUNT:
            self._aside = self._aside if minute == self._minute else 0
            self._minute, self.used = minute, int(count)

    def close_for(self, seconds: float) -> None:
        """Send nothing for this many seconds, as the exchange demands, but try again after an hour at the latest."""
        self._closed_until = max(self._closed_until, self._clock() + min(max(seconds, 0.0), _LONGEST_SILENCE))

    def asked_for_silence(self, retry_after: str) -> None:
        """Obey a `Retry-After` header: seconds or a date (RFC 9110, 10.2.3). Anything else counts as one minute."""
        try:
            seconds = float(retry_after)
        except ValueError:
            try:
                seconds = parsedate_to_datetime(retry_after).timestamp() - self._clock()
            except (ValueError, OverflowError):
                seconds = 60.0
        self.close_for(seconds if isfinite(seconds) else _LONGEST_SILENCE)


class Fuse:
    """A circuit breaker: opens after several failures in a row, so that a dead exchange is not hammered.

    After a pause it lets requests through again, and the first success resets it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0

    def check(self) -> None:
        """Raise `NotAccepted` while the fuse is open: nothing was sent."""
        if self._clock() < self._open_until:
            raise NotAccepted("the exchange is not reachable; trying again in a moment", code="exchange_unreachable")

    def failed(self) -> None:
        """Record that a connection broke or nothing came back."""
        self._failures += 1
        if self._failures >= _FUSE_FAILURES:
            self._open_until = self._clock() + _FUSE_SECONDS

    def worked(self) -> None:
        """Record that the exchange answered, whatever it said."""
        self._failures = 0


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Hide a broken connection from the session, which would send a DELETE again by itself (RFC 9112, 9.3.1).

    The first DELETE may have been carried out, and a GET sent again would carry its old timestamp.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise  # nothing was written
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientPayloadError(f"{type(error).__name__}: {error}") from error


class Http:
    """Requests to one host. Reads are repeated on failure, changes never are."""

    def __init__(self, base: str, pace: Pace, timeout: float = 10.0) -> None:
        self._base = base.rstrip("/")
        self.pace = pace
        self.fuse = Fuse()
        self.last_answer: float | None = None
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=5)
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP session, opened at first use, inside the running loop."""
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, auto_decompress=True)
        return self._session

    def spend(self, weight: int) -> None:
        """Reserve budget for a change. Raises `NotAccepted` while the fuse is open or the budget is used up."""
        self.fuse.check()
        if wait := self.pace.spend(weight, change=True):
            raise NotAccepted(f"the exchange's budget is used up for {wait:.0f} s", code="rate_limited")

    def answered(self) -> None:
        """Record that the exchange answered, whatever it said, and when."""
        self.fuse.worked()
        self.last_answer = time.time()

    async def change(
        self, method: str, path: str, *, weight: int, headers: Mapping[str, str], body: str = ""
    ) -> Answer:
        """Send once. Raises `NotAccepted` when nothing left this machine, `NoAnswer` when nothing came back."""
        self.spend(weight)
        return await self._send(method, path, headers, body)

    async def read(
        self,
        make: Callable[[], tuple[str, Mapping[str, str]]],
        *,
        weight: int,
        urgent: bool = False,
        background: bool = False,
    ) -> Answer:
        """Read, and try again with growing pauses. `make` returns path and headers, anew each time: they may be signed.

        An `urgent` read, without which something cannot be sold, may use the share of the budget that changes have; one
        in the `background`, for which nobody waits, has a small share of its own.
        Raises `NotAccepted` or `NoAnswer`, and `NotAccepted` as well when its turn is more than ten seconds away.
        """
        for pause in (*_READ_PAUSES, None):
            self.fuse.check()
            while wait := self.pace.spend_aside(weight) if background else self.pace.spend(weight, change=urgent):
                if wait > _LONGEST_WAIT:
                    raise NotAccepted(f"the exchange's budget is used up for {wait:.0f} s", code="rate_limited")
                await asyncio.sleep(wait)
            try:
                answer = await self._send("GET", *make(), "")
            except (NoAnswer, NotAccepted):
                if pause is None:
                    raise
            else:
                if answer.status < 500 or pause is None:  # noqa: PLR2004 - HTTP
                    return answer
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _send(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Answer:
        url, sent_at = URL(self._base + path, encoded=True), time.time()
        try:
            async with self.session.request(
                method, url, headers=headers, data=body or None, allow_redirects=False, middlewares=(_once,)
            ) as response:
                body_told = await response.read()
                answer = Answer(response.status, body_told, response.headers, sent_at, time.time())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            self.fuse.failed()
            raise NotAccepted(f"no connection: {error}", code="exchange_unreachable") from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            self.fuse.failed()
            raise NoAnswer(f"{type(error).__name__}: {error}", code="no_answer") from error
        self.answered()
        return answer

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


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
