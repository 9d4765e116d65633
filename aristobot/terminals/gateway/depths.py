"""The depth and the tape of the markets that are looked at, from their exchanges' public streams."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.bus import Bus, DepthKey
from application.ports.errors import ExchangeError
from application.ports.market_data import DepthEvent, SeenDepth, SeenTrade
from aristobot.terminals.gateway.clients import Clients
from domain.amounts import plain
from domain.depth import Depth, Level
from domain.refusals import Invalid, Refused

TELL_SECONDS = 0.25
PAUSE_SECONDS = 2.0
MOST_FOLLOWED, MOST_OPENED, MINUTE = 20, 40, 60.0
"""The markets followed at once, and the streams that may be opened in a minute: exchanges count connections."""
TAPE = 50
"""The number of newest trades that are told."""


@dataclass
class _View:
    """The newest depth of one market, and its newest trades."""

    depth: Depth | None = None
    at: float = 0.0
    """When the book was last told (Unix time)."""
    trades: deque[SeenTrade] = field(default_factory=lambda: deque(maxlen=TAPE))
    changed: bool = False

    def take(self, event: DepthEvent) -> None:
        """Take a message of the stream."""
        if isinstance(event, SeenDepth):
            self.depth, self.at, self.changed = event.depth, time.time(), True
        elif isinstance(event, SeenTrade):
            self.trades.append(event)
            self.changed = True

    def told(self) -> dict[str, Any]:
        """Return it as the bus carries it, the newest trade first."""
        depth = self.depth or Depth([], [])
        return {
            "at": self.at,
            "bids": _texts(depth.bids),
            "asks": _texts(depth.asks),
            "trades": [
                {"id": one.trade.id, "price": plain(one.trade.price), "quantity": plain(one.trade.quantity),
                 "at": one.trade.at}
                for one in reversed(self.trades)
            ],
        }  # fmt: skip


class Depths:
    """The views of all markets that are looked at: a stream opens when the first looks, and closes after the last."""

    def __init__(self, bus: Bus, clients: Clients, log: Any) -> None:
        self._bus = bus
        self._clients = clients
        self._log = log
        self._views: dict[DepthKey, _View] = {}
        self._following: dict[DepthKey, asyncio.Task[None]] = {}
        self._opened: deque[float] = deque()

    @property
    def followed(self) -> int:
        """The number of open streams."""
        return len(self._following)

    async def keep(self) -> None:
        """Follow what is looked at, and tell it several times a second, until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(TELL_SECONDS)
        finally:
            for task in self._following.values():
                task.cancel()

    async def look(self) -> None:
        """Open and close streams by what is looked at now, and tell what has changed."""
        wanted = (await asyncio.to_thread(self._bus.needed_depths))[:MOST_FOLLOWED]
        for key in self._following.keys() - set(wanted):
            self._following.pop(key).cancel()
            del self._views[key]
        for key in wanted:
            if key not in self._following and self._may_open():
                self._views[key] = _View()
                self._following[key] = asyncio.create_task(self._follow(key))
        told = {key: view.told() for key, view in self._views.items() if view.changed}
        for key in told:
            self._views[key].changed = False
        if told:
            await asyncio.to_thread(self._bus.tell_depths, told)

    def _may_open(self) -> bool:
        """Return True unless too many streams were opened lately: whoever leafs through markets waits a little."""
        now = time.monotonic()
        while self._opened and now - self._opened[0] > MINUTE:
            self._opened.popleft()
        if len(self._opened) >= MOST_OPENED:
            return False
        self._opened.append(now)
        return True

    async def _follow(self, key: DepthKey) -> None:
        """Follow a market for as long as it is looked at. A stream that ends is opened again."""
        exchange, venue, symbol = key
        while True:
            try:
                client, native = await self._clients.of(exchange, venue), await self._native(key)
                async for event in client.depth_stream(native):
                    self._views[key].take(event)
            except (ExchangeError, Refused) as error:
                self._log.warning("depth_stream_ended", exchange=exchange, venue=venue, symbol=symbol, error=str(error))
            except Exception:
                # Nothing that trades depends on it, and a page that looks must not stay blank for ever.
                self._log.exception("depth_stream_failed", exchange=exchange, venue=venue, symbol=symbol)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _native(self, key: DepthKey) -> str:
        """Return a market's name at its exchange. Raises `Invalid` when it is not listed."""
        exchange, venue, symbol = key
        market = (await self._clients.markets(exchange, venue)).get(symbol)
        if market is None:
            raise Invalid(f"{symbol} is not listed", code="symbol_unknown", field="symbol")
        return market.native


def _texts(levels: Sequence[Level]) -> list[tuple[str, str]]:
    return [(plain(price), plain(quantity)) for price, quantity in levels]
