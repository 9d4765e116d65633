"""The bus: short-lived data between terminals over Redis. Losing it loses no fact, so a failure is never fatal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
import redis

from application.ports.requests import ANSWERED_BY, TIMEOUT_SECONDS, Answer, GatewayAway, Request

LIVENESS = "terminal_heartbeat:"
BOOKS = "books"
HEARTBEAT = "heartbeat:"
RAW_WANTED = "heartbeat_raw_wanted"
REQUESTS, RESPONSES = "exchange_requests", "exchange_responses"
_PAUSE, _LISTEN_SECONDS = 0.5, 1.0
_OUTLIVES_DOWN = 300
_RAW_SECONDS, _NEED_SECONDS = 5, 60
DEPTH_NEEDS = "depth_needs"
_DEPTH_SECONDS = 6
DepthKey = tuple[str, str, str]
"""Exchange, venue and symbol."""
AHEAD = 1.0
UP_SECONDS, STALE_SECONDS = 10.0, 60.0


class Bus:
    """Signs of life and figures of the terminals, prices, requests to them, and wake-ups for the console."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)

    def beat(self, name: str, figures: dict[str, Any]) -> None:
        """Publish this terminal's sign of life and its figures."""
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.set(f"{LIVENESS}{name}", f"{time.time():.3f}", ex=_OUTLIVES_DOWN)
                pipeline.set(f"terminal_figures:{name}", msgspec.json.encode(figures), ex=_OUTLIVES_DOWN)
                pipeline.execute()
        except redis.RedisError:
            return  # the other terminals see a missing sign of life

    def leave(self, name: str) -> None:
        """Remove this terminal's sign of life on an orderly exit."""
        try:
            self._client.delete(f"{LIVENESS}{name}", f"terminal_figures:{name}")
        except redis.RedisError:
            return  # the sign of life expires by itself

    def announce(self, position: int) -> None:
        """Announce that the books have reached this log position."""
        try:
            self._client.publish(BOOKS, position)
        except redis.RedisError:
            return  # readers look on their own a second later

    def announcements(self) -> Iterator[int]:
        """Yield log positions as they are announced, endlessly; reconnect after a failure."""
        for said in self._published(BOOKS):
            yield int(said)

    def _published(self, *channels: str) -> Iterator[str]:
        """Yield what is published on channels, endlessly; reconnect after a failure."""
        while True:
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(*channels)
                    while True:
                        message = subscription.get_message(timeout=_LISTEN_SECONDS)
                        if message is not None:
                            yield str(message["data"])
            except redis.RedisError:
                time.sleep(_PAUSE)

    def tell_beat(self, source: str, told: Mapping[str, Any]) -> None:
        """Publish signals and bars of one source of the heartbeat."""
        try:
            self._client.publish(f"{HEARTBEAT}{source}", msgspec.json.encode(told))
        except redis.RedisError:
            return  # they are stored: readers catch up from the tables

    def want_raw(self) -> None:
        """Ask the heartbeat for the raw stream, for as long as a page shows it."""
        with contextlib.suppress(redis.RedisError):  # who looks asks again
            self._client.set(RAW_WANTED, "1", ex=_RAW_SECONDS)

    def is_raw_wanted(self) -> bool:
        """Return whether a page shows the raw stream."""
        try:
            return self._client.get(RAW_WANTED) is not None
        except redis.RedisError:
            return False

    def need_series(self, series: str) -> None:
        """Ask the heartbeat to follow a series for another minute, as long as somebody looks at it or acts on it."""
        with contextlib.suppress(redis.RedisError):  # who needs it asks again
            self._client.set(f"heartbeat_need:{series}", "1", ex=_NEED_SECONDS)

    def needed_series(self) -> set[str]:
        """Return the series that were asked for within the last minute. Raises `RedisError` while the bus is away."""
        return {str(key).partition(":")[2] for key in self._client.scan_iter("heartbeat_need:*", count=500)}

    def need_depth(self, key: DepthKey, viewer: str) -> None:
        """Ask the gateway to follow the depth of a market for some seconds. A viewer looks at one market at a time."""
        with contextlib.suppress(redis.RedisError):  # who looks asks again
            self._client.hset(DEPTH_NEEDS, viewer, f"{time.time():.3f} {' '.join(key)}")

    def needed_depths(self) -> list[DepthKey]:
        """Return the markets that are looked at now, the newest first; none while the bus is away."""
        try:
            asked = {str(viewer): str(said).split(" ", 3) for viewer, said in self._client.hgetall(DEPTH_NEEDS).items()}
            over = [viewer for viewer, (at, *_) in asked.items() if time.time() - float(at) > _DEPTH_SECONDS]
            if over:
                self._client.hdel(DEPTH_NEEDS, *over)
        except redis.RedisError:
            return []
        newest = sorted((said for viewer, said in asked.items() if viewer not in over), reverse=True)
        return [*dict.fromkeys((exchange, venue, symbol) for _, exchange, venue, symbol in newest)]

    def tell_depths(self, told: Mapping[DepthKey, Mapping[str, Any]]) -> None:
        """Publish the depth and the tape of markets."""
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for key, said in told.items():
                    pipeline.set(f"depth:{' '.join(key)}", msgspec.json.encode(said), ex=_DEPTH_SECONDS)
                pipeline.execute()
        except redis.RedisError:
            return  # an old depth is shown as such

    def depth(self, key: DepthKey) -> dict[str, Any] | None:
        """Return the depth and the tape of a market as last told, None when nothing was told in the last seconds."""
        try:
            said = self._client.get(f"depth:{' '.join(key)}")
        except redis.RedisError:
            return None
        return None if said is None else dict(msgspec.json.decode(str(said)))

    def beats(self, *sources: str) -> Iterator[dict[str, Any]]:
        """Yield what sources of the heartbeat publish, endlessly."""
        for said in self._published(*(f"{HEARTBEAT}{source}" for source in sources)):
            yield dict(msgspec.json.decode(said))

    def tell_prices(self, exchange: str, venue: str, prices: Mapping[str, str]) -> None:
        """Publish the last prices (quote per base) of open positions by symbol, each with the current time."""
        self._tell(f"prices:{exchange}:{venue}", prices)

    def prices(self, exchange: str, venue: str) -> dict[str, tuple[str, float]]:
        """Return price and age in seconds by symbol; empty when no price was published."""
        return self._told(f"prices:{exchange}:{venue}")

    def tell_rates(self, exchange: str, venue: str, rates: Mapping[str, str]) -> None:
        """Publish the last prices that coins are valued at, as `tell_prices`.

        They come less often than those of open positions, so they are kept apart: an older one never takes their place.
        """
        self._tell(f"rates:{exchange}:{venue}", rates)

    def rates(self, exchange: str, venue: str) -> dict[str, tuple[str, float]]:
        """Return the younger price and its age in seconds by symbol, of open positions and of what else is held."""
        rates, prices = self._told(f"rates:{exchange}:{venue}"), self.prices(exchange, venue)
        younger = {symbol: told for symbol, told in prices.items() if symbol not in rates or told[1] < rates[symbol][1]}
        return rates | younger

    def _tell(self, key: str, prices: Mapping[str, str]) -> None:
        if not prices:
            return
        now = f"{time.time():.3f}"
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.hset(key, mapping={symbol: f"{price} {now}" for symbol, price in prices.items()})
                pipeline.expire(key, _OUTLIVES_DOWN)
                pipeline.execute()
        except redis.RedisError:
            return  # an old price is shown as such

    def _told(self, key: str) -> dict[str, tuple[str, float]]:
        try:
            told = self._client.hgetall(key)
        except redis.RedisError:
            return {}
        now, pairs = time.time(), {symbol: str(said).partition(" ") for symbol, said in told.items()}
        return {str(symbol): (price, max(now - float(at), 0.0)) for symbol, (price, _, at) in pairs.items()}

    def tell_balances(self, broker: int, balances: Mapping[str, tuple[str, str]]) -> None:
        """Publish what an account holds by currency, free and locked, as of now."""
        try:
            told = msgspec.json.encode({"at": time.time(), "held": balances})
            self._client.set(f"balances:{broker}", told, ex=_OUTLIVES_DOWN)
        except redis.RedisError:
            return  # an old balance is shown with its age

    def balances(self, broker: int) -> tuple[dict[str, tuple[str, str]], float] | None:
        """Return what an account holds by currency, free and locked, and the age in seconds; None when unknown."""
        try:
            said = self._client.get(f"balances:{broker}")
        except redis.RedisError:
            return None
        if said is None:
            return None
        told = msgspec.json.decode(str(said))
        held = {name: (free, locked) for name, (free, locked) in told["held"].items()}
        return held, max(time.time() - told["at"], 0.0)

    # --- asking the gateway ------------------------------------------------------------------------------------

    def ask(self, request: Request, seconds: float = TIMEOUT_SECONDS) -> Iterator[Answer]:
        """Send a request and yield its steps, then its end. Raises `GatewayAway` when the end does not come in time."""
        channel, deadline = f"{RESPONSES}:{request.request_id}", time.monotonic() + seconds
        try:
            self._client.rpush(_queue(ANSWERED_BY.get(request.action)), msgspec.json.encode(request))
            while (left := deadline - time.monotonic()) > 0:
                told = self._client.blpop([channel], timeout=min(left, _LISTEN_SECONDS))
                if told is not None:
                    answer = msgspec.json.decode(told[1], type=Answer)
                    yield answer
                    if answer.success is not None:
                        return
        except redis.RedisError as error:
            raise GatewayAway("the bus does not answer") from error
        asked = ANSWERED_BY.get(request.action, "gateway")
        raise GatewayAway(f"the {asked} did not answer within {seconds:.0f} s")

    def next_request(self, terminal: str | None = None) -> Request | None:
        """Return the next request to a terminal, by default the gateway, or None after a while without one.

        Requests that have timed out are dropped.
        """
        try:
            told = self._client.blpop([_queue(terminal)], timeout=_LISTEN_SECONDS)
        except redis.RedisError:
            time.sleep(_PAUSE)
            return None
        try:
            request = None if told is None else msgspec.json.decode(told[1], type=Request)
        except msgspec.MsgspecError:
            return None  # no terminal of ours sends this, so there is no sender to answer
        return None if request is None or time.time() - request.timestamp > TIMEOUT_SECONDS else request

    def respond(self, answer: Answer) -> None:
        """Send a step of a request, or its end, to the sender."""
        channel = f"{RESPONSES}:{answer.request_id}"
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.rpush(channel, msgspec.json.encode(answer))
                pipeline.expire(channel, int(TIMEOUT_SECONDS))
                pipeline.execute()
        except redis.RedisError:
            return  # the sender is told that the gateway does not answer

    def tell_loading(self, exchange: str, venue: str, done: int, total: int) -> None:
        """Publish how many of all markets are stored; `done` equal to `total` means that loading has finished."""
        key = f"loading:{exchange}:{venue}"
        try:
            if done < total:
                self._client.set(key, f"{done} {total}", ex=int(TIMEOUT_SECONDS))
            else:
                self._client.delete(key)
            self._client.publish(BOOKS, 0)
        except redis.RedisError:
            return  # the number of markets shows once they are stored

    def loading(self, exchange: str, venue: str) -> tuple[int, int] | None:
        """Return the number of markets stored and of all, or None when nothing is being loaded."""
        try:
            told = self._client.get(f"loading:{exchange}:{venue}")
        except redis.RedisError:
            return None
        done, _, total = str(told or "").partition(" ")
        return (int(done), int(total)) if total else None

    # --- signs of life -----------------------------------------------------------------------------------------

    def terminals(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Return each terminal's state (up, stale, down), the age of its sign of life in seconds, and its figures."""
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.mget([f"{LIVENESS}{name}" for name in names])
                pipeline.mget([f"terminal_figures:{name}" for name in names])
                for name in names:
                    pipeline.pttl(f"{LIVENESS}{name}")
                beats, figures, *left = pipeline.execute()
        except redis.RedisError:
            beats, figures, left = [None] * len(names), [None] * len(names), [0] * len(names)
        return [
            {"name": name, **_state(beat and str(beat), int(ms)), "figures": msgspec.json.decode(told) if told else {}}
            for name, beat, told, ms in zip(names, beats, figures, left, strict=True)
        ]


def _queue(terminal: str | None) -> str:
    return REQUESTS if terminal is None else f"{terminal}_requests"


def _state(beat: str | None, milliseconds_left: int) -> dict[str, Any]:
    """Return the state and age of a sign of life, which lives on for a given time if it is not renewed."""
    if beat is None:
        return {"state": "down", "age": None}
    age = time.time() - float(beat)
    if age < -AHEAD:  # the clock was set back since: the bus has counted the time by itself
        age = _OUTLIVES_DOWN - milliseconds_left / 1000
    age = max(age, 0.0)
    return {"state": "up" if age < UP_SECONDS else "stale" if age < STALE_SECONDS else "down", "age": round(age, 1)}
