"""The paper exchange from outside: its control API, and its own books, by its own clock."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.request import Request, urlopen

from shared.running import Running

from adapters.exchanges.binance.signing import signed_query

ENDLESS = float("inf")
STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
WINDOW = 10.0
"""The length (seconds) of the shortest window that limits new orders."""


@dataclass(frozen=True)
class Stop:
    """A stop order: its trigger, and the times from which and until which it rested (Unix time).

    `until` is infinite while it rests.
    """

    price: Decimal
    since: float
    until: float


@dataclass(frozen=True)
class Trade:
    """One execution: its side, its order and its time (Unix time)."""

    side: str
    order: str
    at: float


class PaperExchange:
    """The control API, and the account's history as Binance's own API shows it."""

    def __init__(self, platform: Running) -> None:
        self._control, self._binance = platform.told["paper"], platform.told["paper_binance"]
        self._keys = json.loads((platform.home / "paper_account.json").read_text())

    def put(self, what: str, **body: Any) -> Any:
        """Change a price, a market, counts or limits, and return their new state."""
        return self._ask(Request(f"{self._control}/paper/{what}", json.dumps(body).encode(), method="PUT"))

    def fault(self, **body: Any) -> None:
        """Add a fault."""
        self._ask(Request(f"{self._control}/paper/faults", json.dumps(body).encode(), method="POST"))

    def heal(self) -> None:
        """Remove every fault."""
        self._ask(Request(f"{self._control}/paper/faults", method="DELETE"))

    def price(self, symbol: str, price: Decimal) -> None:
        """Set a price and hold it."""
        self.put("price", symbol=symbol, price=f"{price:f}")

    def resting(self, symbol: str) -> list[dict[str, Any]]:
        """Return the sells that rest in a market."""
        orders = self._ask(Request(f"{self._control}/paper/orders"))
        return [o for o in orders if (o["symbol"], o["status"], o["side"]) == (symbol, "open", "sell")]

    def trades(self, symbol: str, after: float = 0.0) -> list[Trade]:
        """Return the executions in a market after a moment, in order."""
        told = self._ask(Request(f"{self._control}/paper/trades"))
        found = [Trade(t["side"], t["order"], t["time"] / 1000) for t in told if t["symbol"] == symbol]
        return [trade for trade in found if trade.at > after]

    def stops(self, symbol: str) -> list[Stop]:
        """Return every stop that was placed in a market, in the order of placing."""
        named = {"symbol": symbol.replace("/", ""), "timestamp": int(time.time() * 1000), "limit": 1000}
        query = signed_query(named, self._keys["secret"])
        asked = Request(f"{self._binance}/api/v3/allOrders?{query}", headers={"X-MBX-APIKEY": self._keys["key"]})
        return [
            Stop(
                Decimal(order["stopPrice"]),
                order["time"] / 1000,
                ENDLESS if order["status"] in {"NEW", "PARTIALLY_FILLED"} else order["updateTime"] / 1000,
            )
            for order in self._ask(asked)
            if order["type"] in STOPS
        ]

    @staticmethod
    def _ask(request: Request) -> Any:
        with urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


def bare(stops: Sequence[Stop], since: float, until: float) -> float:
    """Return the number of seconds between two moments in which no stop rested."""
    covered, seconds = since, 0.0
    for stop in sorted(stops, key=lambda stop: stop.since):
        seconds += max(min(stop.since, until) - covered, 0.0)
        covered = max(covered, min(stop.until, until))
    return seconds + max(until - covered, 0.0)


def until_turn(seconds: float, before: float = 0.0) -> float:
    """Sleep until `before` seconds before the next turn of a clock-aligned window; return the turn (Unix time)."""
    turn = (time.time() + before) // seconds * seconds + seconds
    time.sleep(max(turn - before - time.time(), 0.0))
    return turn
