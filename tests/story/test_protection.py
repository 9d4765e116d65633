"""Positions under protection, over real processes: the resting orders follow what is held and what is wanted."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest


class Market:
    """One symbol of the shared platform, at a price of the test's choosing."""

    def __init__(self, platform: Any, base: str, price: str) -> None:
        self.platform, self.base, self.symbol = platform, base, f"{base}/USDT"
        platform.price(price, self.symbol)

    def price(self, price: str) -> None:
        self.platform.price(price, self.symbol)

    def alert(self, action: str, **fields: str) -> dict[str, Any]:
        """Post an alert for this symbol and return its webhook once it has ended."""
        fields = {"Symbol": f'"{self.base}USDT"', "BaseCurrency": f'"{self.base}"', "PourCent": "5", **fields}
        body, name = self.platform.alert(action, **fields)
        assert self.platform.post(body).status_code == 200
        return self.platform.ended(name)

    def resting(self) -> list[tuple[str, str, Decimal]]:
        """Return type, price and quantity of the sells on the exchange's order book for this symbol, stops first."""
        there = [o for o in self.platform.on_exchange() if (o["symbol"], o["status"]) == (self.symbol, "open")]
        sells = [o for o in there if o["side"] == "sell"]
        rows = [(o["type"], _plain(o["stop_price"] or o["price"]), Decimal(o["quantity"])) for o in sells]
        return sorted(rows, key=lambda row: row[0] != "stop_loss")

    def shapes(self) -> list[tuple[str, str]]:
        return [row[:2] for row in self.resting()]

    def position(self) -> dict[str, Any] | None:
        """Return the open position as the console shows it."""
        return next((p for p in self.platform.ask("/api/positions")["items"] if p["symbol"] == self.symbol), None)

    def protected(self, *shapes: tuple[str, str]) -> dict[str, Any]:
        """Wait until exactly these orders rest and the books say so, and return the position."""

        def seen() -> dict[str, Any] | None:
            position = self.position()
            rests = position is not None and position["protection"] == "resting" and self.shapes() == [*shapes]
            return (
                position if rests and {row[2] for row in self.resting()} == {Decimal(position["protected"])} else None
            )

        return self.platform.eventually(seen)

    def closed(self) -> dict[str, Any]:
        """Wait until nothing is held and nothing rests, and return the gain of the last trade."""
        self.platform.eventually(lambda: self.position() is None and not self.resting())
        return next(g for g in self.platform.ask("/api/gains")["items"] if g["symbol"] == self.symbol)


def _plain(amount: str) -> str:
    return f"{Decimal(amount).normalize():f}"


@pytest.fixture
def sol(platform: Any) -> Iterator[Market]:
    """Yield the market of SOL at 150, and sell what the test leaves."""
    market = Market(platform, "SOL", "150")
    yield market
    if market.position() is not None:
        market.alert("SellMarket", PourCent="100")
        market.closed()


STOP, TARGET = ("stop_loss", "140"), ("limit", "170")


def bought(market: Market, **fields: str) -> dict[str, Any]:
    """Buy under a stop and a target and return the protected position."""
    assert market.alert("BuyMarket", PrixSL="140", PrixTP="170", **fields)["status"] == "executed"
    return market.protected(STOP, TARGET)


def test_a_bought_position_rests_under_both_of_its_prices(sol: Market) -> None:
    """One list covers what is held without the fee taken in base. The result follows the price live."""
    position = bought(sol)
    held = Decimal(position["held"])
    assert Decimal(position["protected"]) == held.quantize(Decimal("0.001"), rounding="ROUND_DOWN")
    assert Decimal(position["average_entry"]) == 150
    sol.price("153")
    sol.platform.eventually(lambda: Decimal(sol.position()["unrealised"] or 0) != 0)
    assert Decimal(sol.position()["unrealised"]) == held * 3


def test_one_price_alone_is_one_order(sol: Market) -> None:
    """A stop rests without a target; then a target joins it."""
    assert sol.alert("BuyMarket", PrixSL="140")["status"] == "executed"
    sol.protected(STOP)
    assert sol.alert("MAJ", PrixTP="170", PourCent="100")["status"] == "executed"
    sol.protected(STOP, TARGET)


def test_maj_moves_what_it_names_and_keeps_the_rest(sol: Market) -> None:
    """It also changes the share. The webhook has ended once the new protection rests."""
    bought(sol)
    assert sol.alert("MAJ", PrixSL="145", PourCent="100")["status"] == "executed"
    whole = sol.protected(("stop_loss", "145"), TARGET)
    assert sol.alert("MAJ", PrixSL="146", PourCent="50")["status"] == "executed"
    half = sol.protected(("stop_loss", "146"), TARGET)
    assert sol.alert("MAJ", PrixTP="180", PourCent="50")["status"] == "executed"
    assert sol.protected(("stop_loss", "146"), ("limit", "180"))["protected"] == half["protected"]
    assert abs(Decimal(half["protected"]) * 2 - Decimal(whole["protected"])) <= Decimal("0.002")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"PrixSL": "151"}, "market_below_stop"), ({"PrixTP": "149"}, "market_above_take_profit")],
)
def test_maj_on_the_wrong_side_of_the_market_keeps_the_old(sol: Market, fields: dict[str, str], reason: str) -> None:
    """The webhook fails with its reason, and the old protection still rests."""
    bought(sol)
    webhook = sol.alert("MAJ", PourCent="100", **fields)
    assert (webhook["status"], webhook["reason"]) == ("failed", reason)
    sol.protected(STOP, TARGET)


def test_maj_before_the_fill_counts_from_the_fill_on(sol: Market) -> None:
    """The entry rests below the market. Once it is filled, the moved stop takes precedence over the entry's own."""
    webhook = sol.alert("BuyLimit", Prix="148", PrixSL="140", PrixTP="170")
    order = sol.platform.order_of(webhook, "open")
    assert sol.alert("MAJ", PrixSL="142", PourCent="100")["status"] == "executed"
    sol.price("147")
    sol.protected(("stop_loss", "142"), TARGET)
    assert sol.platform.order_of(webhook, "closed")["id"] == order["id"]


def test_maj_without_a_position_is_refused(sol: Market) -> None:
    """The reason is recorded, and nothing is sent."""
    webhook = sol.alert("MAJ", PrixSL="140")
    assert (webhook["status"], webhook["reason"]) == ("refused", "no_position")
    assert sol.resting() == []


@pytest.mark.parametrize(("base", "jump"), [("BNB", "500"), ("ETH", "4000")])
def test_a_leg_that_is_carried_out_ends_the_trade(platform: Any, base: str, jump: str) -> None:
    """A jump through the stop sells at the price it jumped to. The books' result is the sum over the fills."""
    market = Market(platform, base, {"BNB": "580", "ETH": "2800"}[base])
    stop, target = {"BNB": ("550", "700"), "ETH": ("2000", "3000")}[base]
    assert market.alert("BuyMarket", PrixSL=stop, PrixTP=target)["status"] == "executed"
    entry = Decimal(market.protected(("stop_loss", stop), ("limit", target))["average_entry"])
    market.price(jump)
    gain = market.closed()
    trades = [t for t in platform.paper.get("/paper/trades").json() if t["symbol"] == market.symbol]
    signs = {"sell": 1, "buy": -1}
    money = sum((Decimal(t["quantity"]) * Decimal(t["price"]) * signs[t["side"]] for t in trades), Decimal(0))
    coins = -sum((Decimal(t["quantity"]) * signs[t["side"]] for t in trades), Decimal(0))
    for trade in trades:
        fee = Decimal(trade["fee"])
        money, coins = (money - fee, coins) if trade["fee_currency"] == "USDT" else (money, coins - fee)
    assert 0 <= coins < Decimal("0.001")
    assert Decimal(gain["net"]) == money + coins * entry
    assert Decimal(gain["average_exit"]) == Decimal(jump if base == "BNB" else target)


def test_a_sale_frees_the_coins_and_protects_what_is_left(sol: Market) -> None:
    """Half is sold although everything was locked. Then all is sold, and nothing rests."""
    whole = bought(sol)
    assert sol.alert("SellMarket", PourCent="50")["status"] == "executed"

    def halved() -> bool:
        position = sol.position()
        return position is not None and Decimal(position["held"]) < Decimal(whole["held"])

    sol.platform.eventually(halved)
    half = sol.protected(STOP, TARGET)
    assert abs(Decimal(half["held"]) * 2 - Decimal(whole["held"])) <= Decimal("0.002")
    assert sol.alert("SellMarket", PourCent="100")["status"] == "executed"
    sol.closed()


def test_the_protection_grows_with_each_part_that_is_filled(sol: Market) -> None:
    """It rests from the first partial fill on."""
    sol.platform.paper.post("/paper/faults", json={"when": "place_order", "kind": "partial_fill"})
    webhook = sol.alert("BuyLimit", Prix="151", PrixSL="140", PrixTP="170", PourCent="10")
    part = sol.protected(STOP, TARGET)
    sol.price("149")
    sol.platform.order_of(webhook, "closed")
    sol.platform.eventually(lambda: Decimal(sol.position()["protected"]) > Decimal(part["protected"]))
    whole = sol.protected(STOP, TARGET)
    assert Decimal(whole["held"]) - Decimal(whole["protected"]) < Decimal("0.001")


def test_a_refused_protection_puts_the_old_one_back(sol: Market) -> None:
    """The exchange takes the cancel but not the new list. The old list rests again, and the webhook has failed."""
    bought(sol)
    no = {"when": "place_order", "kind": "refuse", "code": -2010, "message": "This action is disabled on this account."}
    assert sol.platform.paper.post("/paper/faults", json=no).status_code == 200
    webhook = sol.alert("MAJ", PrixSL="145", PourCent="100")
    assert (webhook["status"], webhook["reason"]) == ("failed", "protection_refused")
    sol.protected(STOP, TARGET)


def test_a_protection_that_meets_a_limit_is_moved_when_it_has_passed(sol: Market) -> None:
    """A rate limit is no refusal: the move is made afterwards, and the webhook is executed."""
    bought(sol)
    sol.platform.paper.post("/paper/faults", json={"when": "place_order", "kind": "status_429"})
    assert sol.alert("MAJ", PrixSL="145", PourCent="100")["status"] == "executed"
    sol.protected(("stop_loss", "145"), TARGET)


@pytest.mark.parametrize("kind", ["lose_answer", "garbage"])
def test_a_protection_in_doubt_rests_once_in_the_end(sol: Market, kind: str) -> None:
    """A look-up finds out whether the exchange has it. There are never two of it."""
    bought(sol)
    sol.platform.paper.post("/paper/faults", json={"when": "place_order", "kind": kind})
    assert sol.alert("MAJ", PrixSL="145", PourCent="100")["status"] == "executed"
    sol.protected(("stop_loss", "145"), TARGET)


def test_a_gateway_that_dies_leaves_its_positions_protected(sol: Market) -> None:
    """Killed in the middle of moves, it finds what rests and moves it to what was wanted last."""
    bought(sol)
    for stop in ("141", "142", "143"):
        body, name = sol.platform.alert("MAJ", Symbol='"SOLUSDT"', BaseCurrency='"SOL"', PrixSL=stop, PourCent="100")
        assert sol.platform.post(body).status_code == 200
        sol.platform.eventually(lambda name=name: sol.platform.webhooks(name))
        killed = sol.platform.pids()["gateway"]
        os.kill(killed, signal.SIGKILL)
        sol.platform.ended(name, 90)  # it may have ended before; the sign of life outlives the process
        sol.platform.eventually(lambda old=killed: sol.platform.pids().get("gateway", old) != old)
    sol.protected(("stop_loss", "143"), TARGET)
