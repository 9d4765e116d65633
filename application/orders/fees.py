"""Fees in a third currency (BNB): their worth when they were paid, at the exchange's own price of that time.

Without a price the value stays unknown. The wait for a price is short, so that no execution is lost or held up for it,
and after a failure no price is asked for during a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from application.ports.exchange import ExchangeClient
from application.ports.market_data import Ticker
from application.ports.statements import Fill
from domain.amounts import is_amount, product
from domain.market import Market

FRESH = timedelta(seconds=5)
"""The most time between a price and an execution for which that price values its fee."""
MINUTE = timedelta(minutes=1)
PATIENCE_SECONDS = 1.0
PAUSE = timedelta(seconds=30)
"""Time after a failure during which no price is asked for."""


class Warn(Protocol):
    """The log of fees that cannot be valued."""

    def warning(self, event: str, **values: Any) -> Any:
        """Log something that needs attention."""


class FeeValues:
    """The valuation of fees at one exchange."""

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
        """Return the worth (quote) of these executions' fees in third currencies by trade id, where it is known."""
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
        """Return the worth of a fee in the quote currency, None when it is unknown.

        The price is that of the market that trades the fee's currency for the quote currency, either way round.
        """
        direct = self._markets.get(f"{fill.fee_currency}/{quote}")
        market = direct or self._markets.get(f"{quote}/{fill.fee_currency}")
        if market is None or not (is_amount(fill.fee) and fill.fee > 0):
            return None
        now = self._clock() + self._exchange.clock_offset
        opened_at = fill.executed_at.replace(second=0, microsecond=0)
        # While its minute runs, the newest price is the last one of it.
        fresh = abs(now - fill.executed_at) <= FRESH or opened_at <= now < opened_at + MINUTE
        minute = None if fresh else opened_at
        key = (market.symbol, minute)
        if key not in prices:
            prices[key] = await (self._newest(market) if minute is None else self._of_minute(market, minute))
        price = prices[key]
        if price is None or not price > 0:
            return None
        value = product(fill.fee, price) if direct is not None else fill.fee / price
        return value if is_amount(value) else None

    async def _newest(self, market: Market) -> Decimal:
        """Return the newest price, kept for at most `FRESH`."""
        at, price = self._last.get(market.symbol, (None, None))
        if at is None or price is None or abs(self._clock() - at) > FRESH:
            price = (await self._price(market)).last
            self._last[market.symbol] = (self._clock(), price)
        return price

    async def _of_minute(self, market: Market, minute: datetime) -> Decimal | None:
        """Return the closing price of a minute, which values an execution found late, or None when it is unknown."""
        bars = await self._exchange.bars(market, "1m", minute, minute + MINUTE)
        return bars[0].close if bars else None
