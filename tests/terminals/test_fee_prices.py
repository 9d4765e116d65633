"""The price that values a fee in a third currency: the newest, that of the fill's minute, an inverse one, or none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from application.orders.fees import PAUSE, FeeValues
from application.ports.errors import NoAnswer
from application.ports.market_data import Ticker
from application.ports.statements import Fill
from domain.aggregate import Personal
from domain.candles.bar import Bar, Proof
from domain.market import Market

NOW = datetime(2026, 3, 2, 9, 30, 12, tzinfo=UTC)
MINUTE = NOW.replace(second=0)


def market(symbol):
    base, _, quote = symbol.partition("/")
    return Market("binance", symbol, base + quote, base, quote, True, Decimal("0.01"), Decimal("0.00001"))


def fill(number=1, currency="BNB", at=NOW, fee="0.002"):
    return Fill(f"t{number}", Decimal(1), Decimal(100), Decimal(fee), currency, at, None, Personal("{}"))


class Exchange:
    """An exchange with the prices and candles that the test sets; it notes what it was asked for."""

    clock_offset = timedelta(0)

    def __init__(self, *symbols, price="500", bar="400"):
        self.markets = {symbol: market(symbol) for symbol in symbols}
        self.now, self.last, self.bar, self.asked, self.said = NOW, Decimal(price), Decimal(bar), [], []
        self.values = FeeValues(self, self.markets, self.price, lambda: self.now, self)

    def warning(self, event, **_):
        self.said.append(event)

    async def price(self, of):
        self.asked.append(of.symbol)
        if self.last is None:
            raise NoAnswer("HTTP 503")
        return Ticker(of.symbol, self.last, None, None, self.now)

    async def bars(self, of, timeframe, since, until):
        self.asked.append((of.symbol, timeframe, since))
        assert until - since == timedelta(minutes=1)
        return [Bar(int(since.timestamp() * 1000), 1, *(self.bar,) * 4, Decimal(1), 1, None, None, Proof.CONFIRMED)]

    def told(self, *fills, of="BTC/USDT"):
        return asyncio.run(self.values.of(market(of), fills))


def test_by_the_newest_price_which_serves_for_some_seconds():
    exchange = Exchange("BNB/USDT")
    assert exchange.told(fill(1), fill(2)) == {"t1": Decimal(1), "t2": Decimal(1)}
    exchange.now += timedelta(seconds=4)
    assert exchange.told(fill(3, at=exchange.now)) == {"t3": Decimal(1)}
    assert exchange.asked == ["BNB/USDT"]
    exchange.now += timedelta(seconds=4)
    exchange.last = Decimal(600)
    assert exchange.told(fill(4, at=exchange.now)) == {"t4": Decimal("1.2")}


def test_by_an_inverse_market_where_there_is_no_other():
    """BNB/TRY is not listed, but TRY/BNB is, at a price of 0.05 BNB per lira."""
    assert Exchange("TRY/BNB", price="0.05").told(fill(), of="BTC/TRY") == {"t1": Decimal("0.04")}


def test_one_that_was_found_late_by_its_minute():
    """All fills of one minute share one request."""
    exchange = Exchange("BNB/USDT")
    late = MINUTE - timedelta(hours=3)
    assert exchange.told(fill(1, at=late), fill(2, at=late + timedelta(seconds=59))) == {
        "t1": Decimal("0.8"),
        "t2": Decimal("0.8"),
    }
    assert exchange.asked == [("BNB/USDT", "1m", late)]


def test_by_the_clock_of_the_exchange():
    """Our clock is an hour behind."""
    exchange = Exchange("BNB/USDT")
    exchange.clock_offset = timedelta(hours=1)
    assert exchange.told(fill(at=NOW + timedelta(hours=1))) == {"t1": Decimal(1)}
    assert exchange.asked == ["BNB/USDT"]


@pytest.mark.parametrize("currency", ["BTC", "USDT", None])
def test_what_needs_no_value_asks_for_none(currency):
    exchange = Exchange("BNB/USDT")
    assert exchange.told(fill(currency=currency)) == {}
    assert exchange.told(fill(fee="0")) == {}
    assert exchange.asked == []


@pytest.mark.parametrize(("symbols", "price"), [((), "500"), (("BNB/USDT",), "0"), (("USDT/BNB",), "0")])
def test_without_a_market_or_a_price_it_is_unknown(symbols, price):
    assert Exchange(*symbols, price=price).told(fill()) == {}


def test_after_a_failure_nobody_asks_for_a_while():
    """Values found before the failure in the same report are kept."""
    exchange = Exchange("BNB/USDT")
    exchange.last = None
    assert exchange.told(fill(1, at=NOW - timedelta(hours=1)), fill(2)) == {"t1": Decimal("0.8")}
    assert exchange.said == ["fee_not_valued"]
    exchange.last = Decimal(500)
    assert exchange.told(fill(3)) == {}
    exchange.now += PAUSE
    assert exchange.told(fill(4, at=exchange.now)) == {"t4": Decimal(1)}
