"""Needs: series that others ask the heartbeat to follow, each for a minute at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis

from adapters.bus import Bus
from application.market.heartbeat import Heartbeat
from aristobot.following import AWAY
from aristobot.terminals.heartbeat.listener import Listener
from domain.candles.bar import Bar
from domain.candles.series import Series, series_of
from domain.market import Market

MOST_FOLLOWED = 100


class Needs:
    """The series that are followed because somebody needs them. Those of the settings are always followed."""

    def __init__(
        self, bus: Bus, heartbeat: Heartbeat, listener: Listener, listed: Mapping[Series, Market],
        known: Callable[[Series], Sequence[Bar]], log: Any,
    ) -> None:  # fmt: skip
        self._bus = bus
        self._heartbeat = heartbeat
        self._listener = listener
        self._listed = listed
        self._known = known
        self._log = log
        self._always = frozenset(listener.markets)
        self._refused: set[Series] = set()

    async def look(self) -> None:
        """Follow what is needed now, and give up what is needed no longer."""
        try:
            asked = await asyncio.to_thread(self._bus.needed_series)
        except redis.RedisError:
            return  # nothing is known of needs: what is followed stays followed
        needed = {series for text in asked if (series := _read(text)) is not None and series in self._listed}
        for series in self._listener.markets.keys() - self._always - needed:
            self._listener.unfollow(series)
            self._heartbeat.unfollow(series)
            self._log.info("unfollowed", series=str(series))
        for series in sorted(needed - self._listener.markets.keys(), key=str):
            await self._follow(series)
        self._refused &= needed

    async def _follow(self, series: Series) -> None:
        if len(self._listener.markets) >= MOST_FOLLOWED:
            if series not in self._refused:
                self._refused.add(series)
                self._log.warning("too_many_series", series=str(series))
            return
        try:
            minutes = await asyncio.to_thread(self._known, series)
        except AWAY as error:
            self._log.warning("database_away", error=str(error))
            return
        self._heartbeat.follow(series)
        self._heartbeat.remember(series, minutes)
        if minutes:
            self._listener.told_until(series, minutes[-1].ended_at)
        self._listener.follow(series, self._listed[series])
        self._log.info("followed", series=str(series))
        await self._listener.fill_others()


def _read(text: str) -> Series | None:
    try:
        return series_of(text)
    except ValueError:
        return None
