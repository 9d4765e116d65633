"""The books against the exchange: what is lost, what is doubled, and what has not come to its end yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from itertools import product
from typing import Any

import httpx

from adapters.paper.bitget.forms import order_id
from adapters.paper.pairs import PAIRS

NEVER_THERE = frozenset({"refused", "rejected"})
ENDS, ANY = frozenset({"executed", "failed", "refused", "ignored"}), "any end"
SOME = 5
PLANNED = {"live": "open", "cancelled": "cancelled", "fail_execute": "expired"}
"""The states of plan orders that have become no order, in our words."""


@dataclass(repr=False)
class Differences:
    """The findings of a comparison, in words."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return True when there are any."""
        return bool(self.lost or self.doubled or self.open)

    def __repr__(self) -> str:
        """Return a few of each kind."""
        kinds = (("lost", self.lost), ("doubled", self.doubled), ("open", self.open))
        return "; ".join(f"{len(found)} {kind}: {', '.join(found[:SOME])}" for kind, found in kinds if found)

    def count(self, what: str, times: int, expected: int = 1) -> None:
        """Note `what` as lost or doubled unless it is there as often as expected."""
        if times < expected:
            self.lost.append(f"{what}: {times} of {expected}")
        elif times > expected:
            self.doubled.append(f"{what}: {times} for {expected}")

    def see(self, what: str, ours: object, theirs: object) -> None:
        """Note `what` as open unless both sides are equal."""
        if ours != theirs:
            self.open.append(f"{what}: {ours}, not {theirs}")


@dataclass(frozen=True)
class Sheet:
    """Everything that the console and the exchange show at one moment."""

    webhooks: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    positions: dict[str, dict[str, Any]]
    there: list[dict[str, Any]]
    trades: list[dict[str, Any]]
    balances: dict[str, Decimal]


def read(house: Any, symbols: set[str], exchange: str) -> Sheet:
    """Read the sheet of these symbols at the exchange where they are traded.

    The exchange is read first, so that what the books lack existed before they were asked.
    """
    there, trades, accounts, plans = (
        [row for row in rows if row["exchange"] == exchange]
        for rows in (
            *(house.paper.get(f"/paper/{what}").json() for what in ("orders", "trades", "balances")),
            house.paper.get("/paper/plans").json()["plans"],
        )
    )
    _join(plans, there, trades)
    for row, name in product((*there, *trades), ("id", "order")):
        if exchange == "bitget" and name in row:
            row[name] = order_id(int(row[name]))
    orders, there, trades = (
        [row for row in rows if row["symbol"] in symbols] for rows in (house.all_of("/api/orders"), there, trades)
    )
    balances: Counter[str] = Counter()
    for held in (held for account in accounts for held in (account["free"], account["locked"])):
        balances.update({currency: Decimal(amount) for currency, amount in held.items()})
    positions = {position["symbol"]: position for position in house.ask("/api/positions")["items"]}
    return Sheet(house.all_of("/api/webhooks/history"), orders, positions, there, trades, {**balances})


def _join(plans: list[dict[str, Any]], orders: list[dict[str, Any]], trades: list[dict[str, Any]]) -> None:
    """Show each plan order as one order of its own name, together with the order that it has become."""
    by_id = {order["id"]: order for order in orders}
    for plan in plans:
        named = {"id": plan["id"], "client_order_id": plan["client_order_id"], "stop_price": plan["trigger"]}
        named |= {"type": "stop_loss"}  # a target is watched, and never sent as a plan order
        became = by_id.get(plan["order"])
        if became is None:
            state = {"status": PLANNED[plan["status"]], "filled": "0"}
            orders.append({name: plan[name] for name in ("symbol", "side", "quantity", "price")} | named | state)
            continue
        became |= named
        for trade in trades:
            trade["order"] = plan["id"] if trade["order"] == plan["order"] else trade["order"]


def compare(house: Any, markets: list[Any]) -> Differences:
    """Check that each wanted order is on the exchange once, each trade is in the books once, and all is protected."""
    found = Differences()
    try:
        sheet = read(house, {market.symbol for market in markets}, markets[0].exchange)
    except (httpx.TransportError, AssertionError) as error:
        found.open.append(f"the console is away: {error}")
        return found
    for market in markets:
        _webhooks(found, sheet, market)
        _book(found, sheet, market)
        _position(found, sheet, market)
    _orders(found, sheet)
    _fills(found, sheet)
    return found


def _webhooks(found: Differences, sheet: Sheet, market: Any) -> None:
    """Check that each delivery is recorded once, has ended as it has to, and has led to one order or to none."""
    for name, wanted in market.wanted.items():
        rows = [row for row in sheet.webhooks if row["indicator"] == name]
        found.count(f"webhook {name}", len(rows))
        for row in rows:
            if wanted.end != ANY or row["status"] not in ENDS:
                found.see(f"webhook {name}", ended(row), wanted.end)
            orders = [o for o in sheet.orders if (o["webhook_id"], o["requester"]) == (row["id"], "Webhooks")]
            aged = wanted.end == ANY and ended(row) == "ignored stale"  # the promise is to keep it, not to be in time
            found.count(f"order of {name}", len(orders), 0 if aged else wanted.orders)


def ended(webhook: dict[str, Any]) -> str:
    """Return the webhook's status, with its reason if it has one."""
    return " ".join(word for word in (webhook["status"], webhook["reason"]) if word)


def _orders(found: Differences, sheet: Sheet) -> None:
    """Check that an order that was sent is on the exchange once, under its id, and that no other order is."""
    there = {order["client_order_id"]: order for order in sheet.there}
    names = {(order["symbol"], order["id"]): order["client_order_id"] for order in sheet.there}
    for client_id, times in Counter(order["client_order_id"] for order in sheet.there).items():
        found.count(f"{client_id} on the exchange", times)
    for order in sheet.orders:
        # An amended order has another client id on the exchange.
        client_id = names.get((order["symbol"], order["exchange_order_id"]), order["client_order_id"])
        on_exchange = there.pop(client_id, None)
        if on_exchange is None:
            if order["state"] not in NEVER_THERE:
                (found.lost if order["state"] in {"open", "closed"} else found.open).append(
                    f"{client_id} is {order['state']} and not on the exchange"
                )
            continue
        found.see(f"state of {client_id}", order["state"], on_exchange["status"])
        size = Decimal(on_exchange["quantity"])
        found.see(f"quantity of {client_id}", Decimal(order["quantity"] or size), size)
        found.see(f"filled of {client_id}", Decimal(order["filled"]), Decimal(on_exchange["filled"]))
    found.lost.extend(f"{client_id} is on the exchange and not in the books" for client_id in there)


def _fills(found: Differences, sheet: Sheet) -> None:
    """Check that each trade of the exchange is counted once, and nothing else is."""
    ours = Counter(
        (order["exchange_order_id"], fill["trade_id"], Decimal(fill["quantity"]), Decimal(fill["price"]))
        for order in sheet.orders
        for fill in order["fills"]
    )
    theirs = {(t["order"], t["id"], Decimal(t["quantity"]), Decimal(t["price"])) for t in sheet.trades}
    for trade in theirs:
        found.count(f"trade {trade[1]} in the books", ours.pop(trade, 0))
    found.doubled.extend(f"trade {trade[1]} is in the books alone" for trade in ours)


def _book(found: Differences, sheet: Sheet, market: Any) -> None:
    """Check that exactly the wanted orders rest."""
    resting = [order for order in sheet.there if (order["symbol"], order["status"]) == (market.symbol, "open")]
    shapes = Counter((o["side"], o["type"], Decimal(o["stop_price"] or o["price"])) for o in resting)
    for shape in shapes | market.rests:
        what = " ".join(map(str, (market.symbol, *shape)))
        (found.see if shapes[shape] < market.rests[shape] else found.count)(what, shapes[shape], market.rests[shape])


def _position(found: Differences, sheet: Sheet, market: Any) -> None:
    """Check that the books hold what the account does, all of it protected where protection is wanted."""
    step, position = PAIRS[market.symbol].step, sheet.positions.get(market.symbol)
    coins = sheet.balances.get(market.base, Decimal(0)) - market.had
    if position is None:
        found.see(f"held of {market.symbol}", "nothing", "nothing" if 0 <= coins < step else f"{coins}")
        return
    found.see(f"held of {market.symbol}", Decimal(position["held"]), coins)
    if not market.protection:
        return
    whole = coins.quantize(step, rounding=ROUND_DOWN)
    found.see(f"{market.symbol} is", position["protection"], "resting")
    found.see(f"protected of {market.symbol}", Decimal(position["protected"]), whole)
    for order in sheet.there:
        if (order["symbol"], order["side"], order["status"]) == (market.symbol, "sell", "open"):
            found.see(f"size of {order['client_order_id']}", Decimal(order["quantity"]), whole)
