"""The paper exchange from outside: what it is told to do, and what its own books say, by its own clock."""

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
"""Seconds of the shortest window of new orders."""


@dataclass(frozen=True)
class Stop:
    """A stop order: its trigger, and from when until when it rested (Unix time), endless while it does."""

    price: Decimal
    since: float
    until: float


@dataclass(frozen=True)
class Trade:
    """One execution: its side, its order, and when it was (Unix time)."""

    side: str
    order: str
    at: float


class PaperExchange:
    """The control API, and the account's history as Binance's own API tells it."""

    def __init__(self, platform: Running) -> None:
        self._control, self._binance = platform.told["paper"], platform.told["paper_binance"]
        self._keys = json.loads((platform.home / "paper_account.json").read_text())

    def put(self, what: str, **body: Any) -> Any:
        """Change a price, a market, counts or limits; return them as they stand then."""
        return self._ask(Request(f"{self._control}/paper/{what}", json.dumps(body).encode(), method="PUT"))

    def fault(self, **body: Any) -> None:
        """Let something go wrong."""
        self._ask(Request(f"{self._control}/paper/faults", json.dumps(body).encode(), method="POST"))

    def heal(self) -> None:
        """Forget every fault."""
        self._ask(Request(f"{self._control}/paper/faults", method="DELETE"))

    def price(self, symbol: str, price: Decimal) -> None:
        """Set a price and hold it."""
        self.put("price", symbol=symbol, price=f"{price:f}")

    def resting(self, symbol: str) -> list[dict[str, Any]]:
        """The sells that rest in a market."""
        orders = self._ask(Request(f"{self._control}/paper/orders"))
        return [o for o in orders if (o["symbol"], o["status"], o["side"]) == (symbol, "open", "sell")]

    def trades(self, symbol: str, after: float = 0.0) -> list[Trade]:
        """The executions in a market after a moment, in their order."""
        told = self._ask(Request(f"{self._control}/paper/trades"))
        found = [Trade(t["side"], t["order"], t["time"] / 1000) for t in told if t["symbol"] == symbol]
        return [trade for trade in found if trade.at > after]

    def stops(self, symbol: str) -> list[Stop]:
        """Every stop that was placed in a market, in the order of their placing."""
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
    """For how many seconds between two moments no stop rested."""
    covered, seconds = since, 0.0
    for stop in sorted(stops, key=lambda stop: stop.since):
        seconds += max(min(stop.since, until) - covered, 0.0)
        covered = max(covered, min(stop.until, until))
    return seconds + max(until - covered, 0.0)


def until_turn(seconds: float, before: float = 0.0) -> float:
    """Sleep until so many seconds before the next turn of a clock-aligned window; return the turn (Unix time)."""
    turn = (time.time() + before) // seconds * seconds + seconds
    time.sleep(max(turn - before - time.time(), 0.0))
    return turn
