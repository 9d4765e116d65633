"""Fees in a third currency (BNB): what they were worth when they were paid, by the exchange's own price of then.

A price that cannot be had leaves the value unknown. It is waited for a moment at most, so no execution is lost or
held up for it, and after a failure nobody asks for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from application.ports.exchange import ExchangeClient, Fill, Ticker
from domain.amounts import is_amount, product
from domain.market import Market

FRESH = timedelta(seconds=5)
"""How far a price and an execution may lie apart for the one to tell what the other was worth."""
PATIENCE_SECONDS = 1.0
PAUSE = timedelta(seconds=30)
"""How long nobody asks after a failure."""


class Warn(Protocol):
    """Where it is said that a value is not known."""

    def warning(self, event: str, **values: Any) -> Any:
        """Something that somebody should look at."""


class FeeValues:
    """The values of fees at one exchange."""

    def __init__(
        self,
        exchange: ExchangeClient,
        markets: Mapping[str, Market],
        price: Callable[[Market], Awaitable[Ticker]],
        clock: Callable[[], datetime],
        log: Warn,
    ) -> None:
        self._exchange = exchange
        self._markets = markets
        self._price = price
        self._clock = clock
        self._log = log
        self._last: dict[str, tuple[datetime, Decimal]] = {}
        self._not_before: datetime | None = None

    async def of(self, market: Market, fills: Sequence[Fill]) -> dict[str, Decimal]:
        """Return what the fees of these executions were worth (quote) by trade id, where it can be known."""
        values = dict[str, Decimal]()
        abroad = [fill for fill in fills if fill.fee and fill.fee_currency not in {None, market.base, market.quote}]
        if not abroad or (self._not_before is not None and self._clock() < self._not_before):
            return values
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                prices = dict[tuple[str, datetime | None], Decimal | None]()
                for fill in abroad:
                    if (value := await self._value(fill, market.quote, prices)) is not None:
                        values[fill.trade_id] = value
        except Exception as error:
            self._not_before = self._clock() + PAUSE
            self._log.warning("fee_not_valued", symbol=market.symbol, error=repr(error))
        return values

    async def _value(
        self, fill: Fill, quote: str, prices: dict[tuple[str, datetime | None], Decimal | None]
    ) -> Decimal | None:
        """By the market of the fee's currency in the quote currency, or of the quote currency in the fee's."""
        direct = self._markets.get(f"{fill.fee_currency}/{quote}")
        market = direct or self._markets.get(f"{quote}/{fill.fee_currency}")
        if market is None or not (is_amount(fill.fee) and fill.fee > 0):
            return None
        now = self._clock() + self._exchange.clock_offset
        minute = None if abs(now - fill.executed_at) <= FRESH else fill.executed_at.replace(second=0, microsecond=0)
        key = (market.symbol, minute)
        if key not in prices:
            prices[key] = await (self._newest(market) if minute is None else self._of_minute(market, minute))
        price = prices[key]
        if price is None or not price > 0:
            return None
        value = product(fill.fee, price) if direct is not None else fill.fee / price
        return value if is_amount(value) else None

    async def _newest(self, market: Market) -> Decimal:
        """At most some seconds old."""
        at, price = self._last.get(market.symbol, (None, None))
        if at is None or price is None or abs(self._clock() - at) > FRESH:
            price = (await self._price(market)).last
            self._last[market.symbol] = (self._clock(), price)
        return price

    async def _of_minute(self, market: Market, minute: datetime) -> Decimal | None:
        """An execution that was found late is valued by how its minute ended."""
        bars = await self._exchange.candles(market, "1m", minute)
        return next((bar.close for bar in bars if bar.opened_at == minute), None)
