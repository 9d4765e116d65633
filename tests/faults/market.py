"""One market of a platform under faults: what a trader asks for there, and what has to hold in the end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx

from adapters.paper.pairs import PAIRS
from aristobot.commands.demo import BALANCES
from domain.aggregate import carrying
from domain.orders.order import Order
from tests.faults.books import Differences, compare

Shape = tuple[str, str, Decimal]
OK, BETWEEN_LOOKS = 200, 0.2
VALID = timedelta(seconds=5)
NEVER = "never_reached_the_exchange"


@dataclass(frozen=True)
class Wanted:
    """The end that a delivery has to have, and the number of orders it has to lead to."""

    end: str
    orders: int


class Market:
    """A symbol at a price of the test's choosing. `rests` has the orders that have to rest: side, type, price."""

    exchange, quote = "binance", "USDT"

    def __init__(self, house: Any, base: str, price: str) -> None:
        self.house, self.base, self.symbol = house, base, f"{base}/{self.quote}"
        self.had = Decimal(BALANCES.get(base, "0"))
        self.usual = Decimal(price)
        self.wanted: dict[str, Wanted] = {}
        self.rests: Counter[Shape] = Counter()
        self.refused: list[str] = []
        self.shrinking: UUID | None = None
        self.move(self.usual)

    @property
    def protection(self) -> bool:
        """True when a stop has to rest."""
        return any(kind == "stop_loss" for _, kind, _ in self.rests)

    def at(self, share: str) -> Decimal:
        """Return a price as a share of the usual one."""
        return (self.usual * Decimal(share)).quantize(PAIRS[self.symbol].tick)

    def move(self, price: Decimal) -> None:
        self.house.price(str(price), self.symbol)

    def alert(self, action: str, *, end: str = "executed", **fields: Any) -> None:
        """Deliver an alert, as a sender does who tries again until it is taken."""
        body = self._body(action, end, fields)
        self.house.eventually(lambda: _said_yes(lambda: self.house.post(body)))

    def deliver(self, end: str = "executed") -> int:
        """Deliver an alert like that of `buy`, but only once, and return the status of the door's answer."""
        body = self._body("BuyMarket", end, {"PourCent": 1})
        answered = self.house.post(body).status_code
        if answered != OK:
            self.refused.append(body)
        return answered

    def again(self) -> None:
        """Deliver the alerts again that were not taken, as their sender does."""
        while self.refused:
            body = self.refused.pop()
            self.house.eventually(lambda body=body: _said_yes(lambda: self.house.post(body)))

    def _body(self, action: str, end: str, fields: dict[str, Any]) -> str:
        named = {"Symbol": f'"{self.base}{self.quote}"', "BaseCurrency": f'"{self.base}"', "PourCent": "5"}
        body, name = self.house.alert(action, **{**named, **{key: str(value) for key, value in fields.items()}})
        self.wanted[name] = Wanted(end, 0 if action == "MAJ" else 1)
        return body

    def settle(self, seconds: float = 30) -> None:
        """Wait until everything is as it has to be."""
        found = until_true(self.house, [self], time.time() + seconds)
        assert not found, f"{found}"

    def orders(self) -> list[dict[str, Any]]:
        """Return this market's orders from the books."""
        return [order for order in self.house.all_of("/api/orders") if order["symbol"] == self.symbol]

    def reasons_of_rejections(self) -> set[str]:
        return {order["reason"] for order in self.orders() if order["state"] == "rejected"}

    def changed_at(self) -> float:
        """Return when the last of its orders changed (Unix time)."""
        return max(datetime.fromisoformat(order["updated_at"]).timestamp() for order in self.orders())

    def trades(self) -> int:
        """Return the number of trades on the exchange."""
        return sum(trade["symbol"] == self.symbol for trade in self.house.paper.get("/paper/trades").json())

    # --- a trader's actions ------------------------------------------------------------------------------------

    def buy(self, **how: Any) -> None:
        """Buy at the market, without protection."""
        self.alert("BuyMarket", PourCent=1, **how)

    def rest(self, *, arrives: bool = True, **how: Any) -> None:
        """Place a limit buy below the market. `arrives` says whether it has to rest."""
        self.rests["buy", "limit", self.at("0.96")] += arrives
        self.alert("BuyLimit", PourCent=1, Prix=self.at("0.96"), **how)

    def fill(self, share: str = "0.95") -> None:
        """Let the market come down to the resting order."""
        self.rests.clear()
        self.move(self.at(share))

    def cancel(self) -> None:
        """Cancel every resting order that protects nothing, as a person who asks until the console hears it."""
        self.rests.clear()
        self.house.eventually(lambda: _said_yes(lambda: self.house.console.post("/api/orders/cancel-all")))

    def shrink(self) -> None:
        """Make the resting order smaller by a step, as a command of the web does."""
        [row] = [order for order in self.orders() if order["state"] == "open"]
        with self.house.store() as store, carrying(user=str(self.house.told["user_number"])):
            order = store.get(Order, UUID(row["id"]))
            smaller = Decimal(row["quantity"]) - PAIRS[self.symbol].step
            self.shrinking = order.id
            order.request_amend(f"ARISTO_{uuid4().hex[:16]}", smaller, None, datetime.now(UTC) + VALID)
            store.save(order)

    def unanswered(self) -> bool:
        """Return True while the outcome of the last amendment is unknown."""
        if self.shrinking is None:
            return False
        with self.house.store() as store:
            unanswered = store.get(Order, self.shrinking).amendment is not None
        self.shrinking = self.shrinking if unanswered else None
        return unanswered

    def protect(self, stop: str = "0.94", **how: Any) -> None:
        """Buy under a stop and a target."""
        self._protected_at(stop)
        self.alert("BuyMarket", PrixSL=self.at(stop), PrixTP=self.at("1.1"), **how)

    def shift(self, **how: Any) -> None:
        """Move the stop."""
        stop = "0.95" if self.rests["sell", "stop_loss", self.at("0.94")] else "0.94"
        self._protected_at(stop)
        self.alert("MAJ", PrixSL=self.at(stop), PourCent=100, **how)

    def sell_some(self, **how: Any) -> None:
        """Sell a part of what is held; the rest stays protected."""
        self.alert("SellMarket", PourCent=15, **how)

    def sell(self, **how: Any) -> None:
        """Sell all that is held."""
        self.rests.clear()
        self.alert("SellMarket", PourCent=100, **how)

    def fall(self) -> None:
        """Let the market fall through the stop."""
        self.rests.clear()
        self.move(self.at("0.9"))

    def rise(self) -> None:
        """Let the market rise to the target."""
        self.rests.clear()
        self.move(self.at("1.2"))

    def _protected_at(self, stop: str) -> None:
        self.rests = Counter([("sell", "stop_loss", self.at(stop)), ("sell", "limit", self.at("1.1"))])

    # --- where stories begin -----------------------------------------------------------------------------------

    def usually(self) -> None:
        """Move the market to its usual price, at which every story begins."""
        self.move(self.usual)

    def resting(self) -> None:
        """Begin with a buy that rests."""
        self.usually()
        if not self.rests:
            self.rest()
            self.settle()

    def bare(self) -> None:
        """Begin without a resting buy."""
        self.usually()
        if self.rests:
            self.cancel()
            self.settle()

    def protected(self) -> None:
        """Begin with a position under protection."""
        self.usually()
        if not self.rests:
            self.protect()
            self.settle()

    def flat(self) -> None:
        """Begin with nothing held."""
        self.usually()
        if self.rests:
            self.sell()
            self.settle()


def until_true(house: Any, markets: list[Market], deadline: float) -> Differences:
    """Wait until books and exchange agree or the deadline has come, and return what still differs."""
    found = _looked_at(house, markets)
    while found and time.time() < deadline:
        time.sleep(BETWEEN_LOOKS)  # a comparison reads everything, and the dead need the same processors to restart
        found = _looked_at(house, markets)
    return found


def _looked_at(house: Any, markets: list[Market]) -> Differences:
    found = compare(house, markets)
    found.open.extend(f"amendment at {market.symbol}" for market in markets if market.unanswered())
    return found


def _said_yes(ask: Any) -> bool:
    try:
        return ask().status_code == OK
    except httpx.TransportError:
        return False
