"""Prices on the bus: those of positions, and those that holdings are valued at."""

from __future__ import annotations

import time

from adapters.bus import Bus


def test_a_rate_never_takes_the_place_of_a_positions_price(valkey) -> None:
    """Of two prices of one pair, what is held is valued at the younger one; a position knows its own alone."""
    bus, place = Bus(valkey.url), ("binance", "testnet")
    bus.tell_rates(*place, {"BTC/USDT": "1", "ETH/USDT": "2"})
    assert bus.prices(*place) == {}
    time.sleep(0.01)
    bus.tell_prices(*place, {"BTC/USDT": "3"})
    assert bus.prices(*place)["BTC/USDT"][0] == "3"
    assert {symbol: price for symbol, (price, _) in bus.rates(*place).items()} == {"BTC/USDT": "3", "ETH/USDT": "2"}
    time.sleep(0.01)
    bus.tell_rates(*place, {"BTC/USDT": "4"})
    assert bus.prices(*place)["BTC/USDT"][0] == "3"
    assert bus.rates(*place)["BTC/USDT"][0] == "4"
