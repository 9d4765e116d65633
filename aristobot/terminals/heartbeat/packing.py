"""Packing: a day after its last minute a block of a thousand is compared with its exchange once more, and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.candles.blocks import MINUTES
from adapters.candles.store import CandleStore
from application.market.beat import Beat, Telling, ToldBar
from application.ports.errors import ExchangeError
from application.ports.market_data import MarketData
from aristobot.following import AWAY
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, moment
from domain.market import Market

SETTLED = frozenset({Proof.CONFIRMED, Proof.CORRECTED, Proof.IMPORTED})
"""The proofs of a minute about which the exchange has nothing to add."""


class Packer:
    """The closing of blocks. What the exchange says differently is told as a correction before."""

    def __init__(
        self, candles: CandleStore, market_data: MarketData, markets: Mapping[Series, Market],
        tell: Callable[[Beat], None], log: Any,
    ) -> None:  # fmt: skip
        self._candles = candles
        self._market_data = market_data
        self._markets = markets
        self._tell = tell
        self._log = log
        self._told: set[tuple[Series, int]] = set()
        """The blocks about which the exchange's news were told: they are closed the next time, come what may."""
        self._rows: set[tuple[Series, int]] = set()
        """The blocks that stay rows, because of amounts that no block can hold."""

    async def pack(self) -> None:
        """Close every block that is old enough and settled. One that is not waits for the next time."""
        try:
            for series, number in await asyncio.to_thread(self._candles.ripe):
                if (series, number) not in self._rows:
                    await self._pack(series, number)
        except AWAY as error:
            self._log.warning("database_away", error=str(error))

    async def _pack(self, series: Series, number: int) -> None:
        start, end = MINUTES.start(number), MINUTES.end(number)
        candles = await asyncio.to_thread(self._candles.read, series, MINUTES.timeframe, start, end)
        known = {bar.opened_at: bar for bar in candles.bars(1)}
        missing = [at for at in range(start, end, MINUTE) if at not in known]
        market, absent = self._markets.get(series), list[int]()
        if market is not None and (missing or any(bar.proof not in SETTLED for bar in known.values())):
            try:
                told = await self._market_data.bars(
                    market, MINUTES.timeframe, moment(start), moment(end), background=True
                )  # fmt: skip
            except ExchangeError as error:
                self._log.warning("block_not_compared", series=str(series), block=number, error=str(error))
                return
            news = _news(series, known, told)
            if news and (series, number) not in self._told:
                self._told.add((series, number))
                self._tell(Beat(bars=news))
                return
            absent = [at for at in missing if at not in {bar.opened_at for bar in told}]
        closed = await asyncio.to_thread(self._candles.close_block, series, number, absent)
        self._told.discard((series, number))
        if not closed:
            self._rows.add((series, number))
        self._log.info("block_closed" if closed else "block_stays_rows", series=str(series), block=number)


def _news(series: Series, known: Mapping[int, Bar], told: Sequence[Bar]) -> list[ToldBar]:
    """Return what the exchange's own candles add to known minutes. What a person has imported stays."""
    found = []
    for bar in told:
        before = known.get(bar.opened_at)
        if before is None:
            found.append(ToldBar(series, bar, Telling.CLOSED))
        elif before.proof is Proof.IMPORTED:
            continue
        elif not before.says_the_same(bar):
            found.append(ToldBar(series, bar.proved_by(Proof.CORRECTED), Telling.CORRECTED, before))
        elif before.proof not in SETTLED:
            found.append(ToldBar(series, before.proved_by(Proof.CONFIRMED), Telling.SETTLED))
    return found
