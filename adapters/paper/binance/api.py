"""What the paper Binance can do on parameters already read: orders, the account, market data; and its refusals."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

import msgspec

from adapters.paper.binance import forms
from adapters.paper.exchange import Paper
from adapters.paper.faults import Fault
from adapters.paper.ledger import Account, PaperOrder, PaperTrade, Refused, pair_of_native
from adapters.paper.prices import PAIRS, Pair
from domain.amounts import ZERO

LONGEST_WINDOW = 60_000
_CLIENT_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
Parameters = dict[str, str]


class Error(Exception):
    """An answer of Binance that is an error."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


_REFUSALS = {
    "insufficient_funds": (-2010, "Account has insufficient balance for requested action."),
    "duplicate": (-2010, "Duplicate order sent."),
    "would_take": (-2010, "Order would immediately match and take."),
    "unknown_order": (-2011, "Unknown order sent."),
}


def error_of(refused: Refused) -> Error:
    """The engine's refusal in Binance's words."""
    if refused.reason == "filter":
        return Error(-1013, f"Filter failure: {refused.detail}")
    return Error(*_REFUSALS[refused.reason])


def _missing(name: str) -> Error:
    return Error(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


class BinanceApi:
    """Every operation, whichever of Binance's APIs it is asked through."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.cancel_ids: dict[int, str] = {}

    # --- who asks ----------------------------------------------------------------------------------------------

    def account_of(self, key: str | None) -> Account:
        """The account of a key."""
        account = self.paper.ledger.accounts.get(("binance", key or ""))
        if account is None:
            raise Error(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def check_signature(self, account: Account, payload: str, signature: str, parameters: Parameters) -> None:
        """Signature first, then the time window."""
        expected = hmac.digest(account.secret.encode(), payload.encode(), sha256).hex()
        if not hmac.compare_digest(expected, signature.lower()):
            raise Error(-1022, "Signature for this request is not valid.")
        if "timestamp" not in parameters:
            raise _missing("timestamp")
        stamp, window = int(parameters["timestamp"]), float(parameters.get("recvWindow", 5000))
        stamp = stamp // 1000 if stamp > 10**14 else stamp
        now = self.paper.now()
        if window > LONGEST_WINDOW:
            raise Error(-1131, "recvWindow must be less than 60000.")
        if stamp >= now + 1000:
            raise Error(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - stamp > window:
            raise Error(-1021, "Timestamp for this request is outside of the recvWindow.")

    def pair(self, parameters: Parameters) -> Pair:
        """The market that is meant."""
        if not parameters.get("symbol"):
            raise _missing("symbol")
        pair = pair_of_native(parameters["symbol"])
        if pair is None:
            raise Error(-1121, "Invalid symbol.")
        return pair

    # --- orders ------------------------------------------------------------------------------------------------

    def place(self, account: Account, p: Parameters, fault: Fault | None = None) -> dict[str, Any]:
        """order.place."""
        order = self._placed(account, p, fault)
        default = "FULL" if order.type == "market" or order.time_in_force != "PO" else "ACK"
        return forms.placed(order, p.get("newOrderRespType", default))

    def test(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.test: the parameters are read as for an order, the balance is not looked at."""
        self._wanted(p)
        if p.get("computeCommissionRates") != "true":
            return {}
        return forms.commission(self.pair(p), "ForOrder")

    def _placed(self, account: Account, p: Parameters, fault: Fault | None) -> PaperOrder:
        partly = fault is not None and fault.kind == "partial_fill"
        try:
            order = self.paper.ledger.place(account, self.pair(p), **self._wanted(p), partly=partly)
        except Refused as refused:
            raise error_of(refused) from refused
        if fault is not None and fault.kind == "hide_order":
            order.hidden_until = self.paper.now() + int(fault.seconds * 1000)
        return order

    def _wanted(self, p: Parameters) -> dict[str, Any]:
        """The order's parameters in the ledger's words, checked for what Binance checks before anything else."""
        self.pair(p)
        side, kind = p.get("side", ""), p.get("type", "")
        if side not in {"BUY", "SELL"}:
            raise Error(-1117, "Invalid side.")
        if kind not in {"MARKET", "LIMIT", "LIMIT_MAKER"}:
            raise Error(-1116, "Invalid orderType.")
        client_id = p.get("newClientOrderId") or secrets.token_hex(11)
        if len(client_id) > 36 or not set(client_id) <= _CLIENT_ID:  # noqa: PLR2004 - Binance's limit
            raise Error(
                -1100,
                "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
            )
        quantity, quote, price = (self._decimal(p, name) for name in ("quantity", "quoteOrderQty", "price"))
        time_in_force = "PO" if kind == "LIMIT_MAKER" else p.get("timeInForce", "")
        if kind == "MARKET":
            if price is not None or time_in_force:
                raise Error(-1106, f"Parameter '{'price' if price else 'timeInForce'}' sent when not required.")
            if (quantity is None) == (quote is None):
                raise _missing("quantity")
            time_in_force = "GTC"
        elif time_in_force not in {"GTC", "IOC", "FOK", "PO"}:
            raise Error(-1115, "Invalid timeInForce.") if time_in_force else _missing("timeInForce")
        elif quantity is None or price is None:
            raise _missing("price" if quantity else "quantity")
        return {
            "client_order_id": client_id, "side": side.lower(), "type": "market" if kind == "MARKET" else "limit",
            "quantity": quantity or ZERO, "quote_quantity": quote or ZERO, "price": price, "time_in_force": time_in_force,
        }  # fmt: skip

    def _decimal(self, p: Parameters, name: str) -> Decimal | None:
        if name not in p:
            return None
        try:
            value = Decimal(p[name])
        except InvalidOperation:
            raise Error(-1100, f"Illegal characters found in parameter '{name}'.") from None
        if not value.is_finite() or value <= 0:
            raise Error(-1013, f"Invalid {name}.")
        if -int(value.normalize().as_tuple().exponent) > 8:  # noqa: PLR2004 - Binance's precision
            raise Error(-1111, f"Parameter '{name}' has too much precision.")
        return value

    def order(self, account: Account, p: Parameters, missing: Error) -> PaperOrder:
        """The order that is meant by either id."""
        if not p.get("orderId") and not p.get("origClientOrderId"):
            raise Error(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        order_id = int(p["orderId"]) if p.get("orderId") else None
        order = self.paper.ledger.find(account, self.pair(p), order_id, p.get("origClientOrderId"))
        if order is None:
            raise missing
        return order

    def cancel(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.cancel."""
        order = self.order(account, p, Error(-2011, "Unknown order sent."))
        cancel_id = p.get("newClientOrderId") or secrets.token_hex(11)
        self.cancel_ids[order.id] = cancel_id
        try:
            self.paper.ledger.cancel(order)
        except Refused as refused:
            raise error_of(refused) from refused
        return forms.cancelled(order, cancel_id)

    def cancel_all(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """openOrders.cancelAll."""
        resting = self.paper.ledger.resting(account, self.pair(p))
        if not resting:
            raise Error(-2011, "Unknown order sent.")
        return [self.cancel(account, {**p, "orderId": str(o.id)}) for o in resting]

    def query(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.status."""
        return forms.queried(self.order(account, p, Error(-2013, "Order does not exist.")))

    def open_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """openOrders.status."""
        pair = self.pair(p) if p.get("symbol") else None
        resting = self.paper.ledger.resting(account, pair)
        return [forms.queried(o) for o in resting if o.hidden_until <= self.paper.now()]

    def all_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """AllOrders."""
        orders = [o for o in self.paper.ledger.of(account, self.pair(p)) if o.hidden_until <= self.paper.now()]
        start, end, first = (int(p[n]) if p.get(n) else None for n in ("startTime", "endTime", "orderId"))
        chosen = [
            o
            for o in orders
            if (start is None or o.at >= start) and (end is None or o.at <= end) and (first is None or o.id >= first)
        ]
        limit = int(p.get("limit", 500))
        return [
            forms.queried(o) for o in (chosen[:limit] if start is not None or first is not None else chosen[-limit:])
        ]

    def my_trades(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """MyTrades."""
        pair, limit = self.pair(p), int(p.get("limit", 500))
        start, end, first, order_id = (
            int(p[n]) if p.get(n) else None for n in ("startTime", "endTime", "fromId", "orderId")
        )
        chosen = [
            t for t in self.paper.ledger.trades
            if t.order.account is account and t.order.pair is pair and (start is None or t.at >= start)
            and (end is None or t.at <= end) and (first is None or t.id >= first) and (order_id is None or t.order.id == order_id)
        ]  # fmt: skip
        return [forms.trade(t) for t in (chosen[:limit] if start is not None or first is not None else chosen[-limit:])]

    def account(self, account: Account, p: Parameters) -> dict[str, Any]:
        """account.status."""
        return forms.account(account, omit_zero=p.get("omitZeroBalances") == "true")

    def commission(self, account: Account, p: Parameters) -> dict[str, Any]:
        """account.commission."""
        return forms.commission(self.pair(p), "")

    # --- public ------------------------------------------------------------------------------------------------

    def exchange_info(self, p: Parameters) -> dict[str, Any]:
        """ExchangeInfo."""
        return {
            "timezone": "UTC",
            "serverTime": self.paper.now(),
            "rateLimits": forms.RATE_LIMITS,
            "exchangeFilters": [],
            "symbols": [forms.symbol(pair) for pair in self._chosen(p)],
        }

    def _chosen(self, p: Parameters) -> list[Pair]:
        if p.get("symbol"):
            return [self.pair(p)]
        if p.get("symbols"):
            return [self.pair({"symbol": name}) for name in msgspec.json.decode(p["symbols"])]
        return list(PAIRS.values())

    def one_or_all(self, p: Parameters, form: Callable[[Pair], dict[str, Any]]) -> Any:
        """An object for `symbol`, a list otherwise."""
        rows = [form(pair) for pair in self._chosen(p)]
        return rows[0] if p.get("symbol") else rows

    def price(self, pair: Pair) -> dict[str, Any]:
        """ticker/price."""
        return {"symbol": forms.native(pair), "price": forms.amount(self.paper.prices.last[pair.symbol])}

    def book(self, pair: Pair) -> dict[str, Any]:
        """ticker/bookTicker: one tick on each side of the last price."""
        last, size = self.paper.prices.last[pair.symbol], "1.00000000"
        sides = {
            "bidPrice": forms.amount(last - pair.tick),
            "bidQty": size,
            "askPrice": forms.amount(last + pair.tick),
            "askQty": size,
        }
        return {"symbol": forms.native(pair), **sides}

    def depth(self, p: Parameters) -> dict[str, Any]:
        """depth: ten levels on each side."""
        pair = self.pair(p)
        last = self.paper.prices.last[pair.symbol]
        sides = [[[forms.amount(last + sign * n * pair.tick), "1.00000000"] for n in range(1, 11)] for sign in (-1, 1)]
        return {"lastUpdateId": self.paper.now(), "bids": sides[0], "asks": sides[1]}

    def klines(self, p: Parameters) -> list[list[Any]]:
        """Klines."""
        pair = self.pair(p)
        if p.get("interval") not in forms.INTERVALS:
            raise Error(-1120, "Invalid interval.")
        rows = forms.bars(self.paper.prices.bars[pair.symbol], p["interval"])
        start, end, limit = int(p.get("startTime", 0)), int(p.get("endTime", 2**62)), int(p.get("limit", 500))
        rows = [row for row in rows if start <= row[0] <= end]
        return rows[:limit] if "startTime" in p else rows[-limit:]

    def trades(self, p: Parameters) -> list[dict[str, Any]]:
        """Trades and historicalTrades: what the paper accounts traded, for nobody else trades here."""
        return [forms.public_trade(t) for t in self._trades_of(p)]

    def aggregate_trades(self, p: Parameters) -> list[dict[str, Any]]:
        """AggTrades: each trade is an aggregate of its own."""
        return [forms.aggregate_trade(t) for t in self._trades_of(p)]

    def _trades_of(self, p: Parameters) -> list[PaperTrade]:
        pair, first = self.pair(p), int(p.get("fromId", 0))
        chosen = [t for t in self.paper.ledger.trades if t.order.pair is pair and t.id >= first]
        limit = int(p.get("limit", 500))
        return chosen[:limit] if first else chosen[-limit:]
