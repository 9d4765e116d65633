"""A trader with two positions on a bad day: the alerts, the observations, and the exchange's refusals."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from threading import Timer
from typing import TypeVar
from urllib.request import Request, urlopen

from shared.paper import STOPS, WINDOW, PaperExchange, Stop, Trade, until_turn
from shared.running import Running

from adapters.exchanges.binance.client import WEIGHT_PER_MINUTE

REFUSED_SECONDS = 9.0
MINUTE, BEFORE_THE_MINUTE = 60.0, 12.0
HEARD_SECONDS = 3.0
"""Seconds in which the gateway hears how much weight is used, or finds out that no stop can rest."""
REACHED_SECONDS = 0.5
"""Seconds in which an alert reaches the gateway."""
PATIENCE_SECONDS = 15.0
PERCENT = 5
BOUGHT, TARGET, STOP, MOVED, PASSED = (Decimal(share) for share in ("1", "1.5", "0.9", "0.95", "0.8"))
"""Prices as fractions of the buying price."""
OTHER = "BNB/USDT"
"""A market without a position."""
MARKETS = {"stop alone": ("ETH/USDT", Decimal(2800)), "list": ("SOL/USDT", Decimal(150))}
T = TypeVar("T")


@dataclass
class Day:
    """A trader with two positions, and what the exchange does to them."""

    platform: Running
    exchange: PaperExchange
    positions: list[str] = field(default_factory=lambda: [*MARKETS])
    """The positions, in the order in which their alerts are delivered."""
    _numbers: Iterator[int] = field(default_factory=count)

    def alert(self, symbol: str, action: str, percent: int = 100, **prices: str) -> float:
        """Deliver an alert and return when (Unix time)."""
        told, began = self.platform.told, time.time()
        user = {"UserID": told["user_number"], "UserExchangeID": told["broker"]}
        name = {"Symbol": symbol.replace("/", ""), "IndicateurName": f"{next(self._numbers)}"}
        body = {**name, **user, "Action": action, "PourCent": percent, **prices}
        with urlopen(Request(told["webhook_url"], json.dumps(body).encode(), method="POST"), timeout=10) as answer:
            answer.read()
        return began

    def price(self, position: str, share: Decimal) -> float:
        """Hold the market at a share of the buying price, and return since when (Unix time)."""
        began, (symbol, _) = time.time(), MARKETS[position]
        self.exchange.price(symbol, at(position, share))
        return began

    def buy(self, *, rests: bool) -> None:
        """Open both positions, and wait until their stops rest where they can. Raises `TimeoutError`."""
        for position, (symbol, _) in MARKETS.items():
            self.price(position, BOUGHT)
            target = {"PrixTP": f"{at(position, TARGET)}"} if position == "list" else {}
            began = self.alert(symbol, "BuyMarket", PERCENT, PrixSL=f"{at(position, STOP)}", **target)
            bought = self.await_trade(position, "buy", began, MINUTE + PATIENCE_SECONDS)  # weight lasts for a minute
            if bought is None or (rests and not self.await_stop(position, STOP)):
                raise TimeoutError(f"{symbol} was not bought, or its stop did not rest, before anything was wrong")
        time.sleep(1.5)  # a protection is changed at most once a second

    def await_trade(self, position: str, side: str, after: float, seconds: float = PATIENCE_SECONDS) -> Trade | None:
        """Return the first trade on a side after a moment, or None if there is none in time."""
        symbol = MARKETS[position][0]
        return _seen(lambda: next((t for t in self.exchange.trades(symbol, after) if t.side == side), None), seconds)

    def await_stop(self, position: str, share: Decimal) -> bool:
        """Wait until a stop rests at a share of the price, and return whether it does."""
        symbol, price = MARKETS[position][0], at(position, share)
        return bool(_seen(lambda: any(Decimal(o["stop_price"] or 0) == price for o in self.exchange.resting(symbol))))

    def stops(self, position: str) -> list[Stop]:
        """Return all stops that were placed in the market of a position."""
        return self.exchange.stops(MARKETS[position][0])

    def clear(self) -> None:
        """End all faults and sell what is left."""
        self.exchange.heal()
        self.exchange.put("counts", weight=None)
        for position, (symbol, _) in MARKETS.items():
            if self.exchange.resting(symbol):
                self.await_trade(position, "sell", self.alert(symbol, "SellMarket"))
        time.sleep(2)


def at(position: str, share: Decimal) -> Decimal:
    return (MARKETS[position][1] * share).quantize(Decimal("0.01"))


def _seen(look: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T | None:
    """Return what a look shows once it shows something, or None if it does not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    return None


# --- limits and faults: each limit returns when the requested action is possible (Unix time) -----------------------


def untold(day: Day) -> float:
    """Refuse new orders without any other sign of a limit."""
    began = time.time()
    day.exchange.fault(when="place_order", kind="count_exceeded", seconds=REFUSED_SECONDS)
    return began + REFUSED_SECONDS


def told(day: Day) -> float:
    """Let another client use up all that a window allows, a second after it has begun."""
    end = until_turn(WINDOW) + WINDOW
    time.sleep(WINDOW - REFUSED_SECONDS)
    day.exchange.put("counts", used={"10S": day.exchange.put("counts")["limits"]["10S"]})
    return end


def weight_85(day: Day) -> float:
    """Use up most of the address's weight. Orders may be sent all the same."""
    day.exchange.put("counts", weight=WEIGHT_PER_MINUTE * 85 // 100)
    time.sleep(HEARD_SECONDS)
    return time.time()


def weight_85_and_a_buy(day: Day) -> float:
    """Do the same, and let a buy in another market wait: its request is not allowed before the next minute."""
    until_turn(MINUTE, BEFORE_THE_MINUTE)
    weight_85(day)
    day.alert(OTHER, "BuyMarket", PERCENT)
    time.sleep(REACHED_SECONDS)
    return time.time()


def weight_100(day: Day) -> float:
    """Use up all of the weight until the minute ends."""
    end = until_turn(MINUTE, BEFORE_THE_MINUTE)
    day.exchange.put("counts", weight=WEIGHT_PER_MINUTE)
    Timer(end - time.time(), day.exchange.put, ("counts",), {"weight": None}).start()
    time.sleep(HEARD_SECONDS)
    return end


def no_stops(day: Day) -> None:
    """Let no stop rest: one market's rules have none, and in the other market each is refused."""
    (by_rule, _), (by_refusal, _) = MARKETS.values()
    day.exchange.put("markets", symbol=by_rule, order_types=["LIMIT", "LIMIT_MAKER", "MARKET"])
    message = "Stop loss orders are not supported for this symbol."
    for kind in sorted(STOPS):
        refusal = {"kind": "refuse", "code": -2010, "message": message, "times": 10_000}
        day.exchange.fault(when="place_order", symbol=by_refusal, type=kind, **refusal)
