"""What the paper Binance can do on parameters already read: orders, the account, market data; and its refusals."""

from __future__ import annotations

import hmac
import secrets
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from adapters.paper.binance import account_forms, forms
from adapters.paper.exchange import Paper
from adapters.paper.faults import Fault
from adapters.paper.ledger import pair_of_native
from adapters.paper.orders import Account, PaperOrder, Refused
from adapters.paper.prices import Pair
from domain.amounts import ZERO

LONGEST_WINDOW = 60_000
_CLIENT_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
Parameters = dict[str, str]


class Error(Exception):
    """An answer of Binance that is an error."""

    def __init__(self, code: int, message: str, status: int = 400, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data

    @property
    def told(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"code": self.code, "msg": self.message, **({} if self.data is None else {"data": self.data})}


_REFUSALS = {
    "insufficient_funds": (-2010, "Account has insufficient balance for requested action."),
    "duplicate": (-2010, "Duplicate order sent."),
    "would_take": (-2010, "Order would immediately match and take."),
    "would_trigger": (-2010, "Order would trigger immediately."),
    "list_prices": (-2010, "The relationship of the prices for the orders is not correct."),
    "unknown_order": (-2011, "Unknown order sent."),
    "amend": (-2038, "The requested action would change no state; rejecting."),
}


TYPES = {
    "MARKET": "market", "LIMIT": "limit", "LIMIT_MAKER": "limit", "STOP_LOSS": "stop_loss", "TAKE_PROFIT": "take_profit",
    "STOP_LOSS_LIMIT": "stop_loss_limit", "TAKE_PROFIT_LIMIT": "take_profit_limit",
}  # fmt: skip


def error_of(refused: Refused) -> Error:
    """The engine's refusal in Binance's words."""
    if refused.reason == "filter":
        return Error(-1013, f"Filter failure: {refused.detail}")
    return Error(*_REFUSALS[refused.reason])


def missing(name: str) -> Error:
    """A parameter that has to be there."""
    return Error(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def pair_in(parameters: Parameters) -> Pair:
    """The market that is meant."""
    if not parameters.get("symbol"):
        raise missing("symbol")
    pair = pair_of_native(parameters["symbol"])
    if pair is None:
        raise Error(-1121, "Invalid symbol.")
    return pair


def decimal_in(p: Parameters, name: str) -> Decimal | None:
    """An amount above zero with at most eight places, or None when it is not given."""
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


def client_id_in(p: Parameters, name: str) -> str:
    """The id that the caller chose, or a new one."""
    client_id = p.get(name) or secrets.token_hex(11)
    if len(client_id) > 36 or not set(client_id) <= _CLIENT_ID:  # noqa: PLR2004 - Binance's limit
        raise Error(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[a-zA-Z0-9-_]{{1,36}}$'.")
    return client_id


def trigger_in(p: Parameters, kind: str, prefix: str = "") -> dict[str, Any]:
    """Stop price and trailing distance. `prefix` is the leg's, for a list of orders."""
    stop_name, trailing_name = (
        name if not prefix else prefix + name[0].upper() + name[1:] for name in ("stopPrice", "trailingDelta")
    )
    stop, trailing = decimal_in(p, stop_name), p.get(trailing_name)
    if kind in {"MARKET", "LIMIT", "LIMIT_MAKER"}:
        if stop is not None or trailing is not None:
            raise Error(-1106, f"Parameter '{stop_name if stop else trailing_name}' sent when not required.")
        return {}
    if stop is None and trailing is None:
        raise missing(stop_name)
    if trailing is not None and not (trailing.isdigit() and 10 <= int(trailing) <= 2000):  # noqa: PLR2004 - the filter
        raise Error(-1013, "Filter failure: TRAILING_DELTA")
    return {"stop_price": stop, "trailing": None if trailing is None else int(trailing)}


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
            raise missing("timestamp")
        stamp, window = int(parameters["timestamp"]), float(parameters.get("recvWindow", 5000))
        stamp = stamp // 1000 if stamp > 10**14 else stamp
        now = self.paper.now()
        if window > LONGEST_WINDOW:
            raise Error(-1131, "recvWindow must be less than 60000.")
        if stamp >= now + 1000:
            raise Error(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - stamp > window:
            raise Error(-1021, "Timestamp for this request is outside of the recvWindow.")

    # --- orders ------------------------------------------------------------------------------------------------

    def place(self, account: Account, p: Parameters, fault: Fault | None = None) -> dict[str, Any]:
        """order.place."""
        order = self._placed(account, p, fault)
        default = "FULL" if p["type"] in {"MARKET", "LIMIT"} else "ACK"
        return forms.placed(order, p.get("newOrderRespType", default))

    def test(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.test: the parameters are read as for an order, the balance is not looked at."""
        self._wanted(p)
        if p.get("computeCommissionRates") != "true":
            return {}
        return account_forms.commission(pair_in(p), "ForOrder")

    def _placed(self, account: Account, p: Parameters, fault: Fault | None) -> PaperOrder:
        partly = fault is not None and fault.kind == "partial_fill"
        try:
            order = self.paper.ledger.place(account, pair_in(p), **self._wanted(p), partly=partly)
        except Refused as refused:
            raise error_of(refused) from refused
        if fault is not None and fault.kind == "hide_order":
            order.hidden_until = self.paper.now() + int(fault.seconds * 1000)
        return order

    def _wanted(self, p: Parameters) -> dict[str, Any]:
        """The order's parameters in the ledger's words, checked for what Binance checks before anything else."""
        pair_in(p)
        side, kind = p.get("side", ""), p.get("type", "")
        if side not in {"BUY", "SELL"}:
            raise Error(-1117, "Invalid side.")
        if kind not in TYPES:
            raise Error(-1116, "Invalid orderType.")
        quantity, quote, price = (decimal_in(p, name) for name in ("quantity", "quoteOrderQty", "price"))
        time_in_force = "PO" if kind == "LIMIT_MAKER" else p.get("timeInForce", "")
        if "LIMIT" not in kind and (price is not None or time_in_force):
            raise Error(-1106, f"Parameter '{'price' if price else 'timeInForce'}' sent when not required.")
        if "LIMIT" in kind and time_in_force not in {"GTC", "IOC", "FOK", "PO"}:
            raise Error(-1115, "Invalid timeInForce.") if time_in_force else missing("timeInForce")
        if "LIMIT" in kind and price is None:
            raise missing("price")
        if (quantity is None) == (quote is None) or (quantity is None and kind != "MARKET"):
            raise missing("quantity")
        return {
            "client_order_id": client_id_in(p, "newClientOrderId"), "side": side.lower(), "type": TYPES[kind],
            "quantity": quantity or ZERO, "quote_quantity": quote or ZERO, "price": price,
            "time_in_force": time_in_force or "GTC", **trigger_in(p, kind),
        }  # fmt: skip

    def order(self, account: Account, p: Parameters, missing: Error) -> PaperOrder:
        """The order that is meant by either id."""
        if not p.get("orderId") and not p.get("origClientOrderId"):
            raise Error(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        order_id = int(p["orderId"]) if p.get("orderId") else None
        order = self.paper.ledger.find(account, pair_in(p), order_id, p.get("origClientOrderId"))
        if order is None:
            raise missing
        return order

    def cancel(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.cancel; a leg takes its whole list with it."""
        order = self.order(account, p, Error(-2011, "Unknown order sent."))
        self.take_off(order, p.get("newClientOrderId"))
        return forms.cancelled(order, self.cancel_ids[order.id])

    def take_off(self, order: PaperOrder, cancel_id: str | None) -> None:
        """Cancel an order, or the list that it belongs to; the stream tells the cancel's own id."""
        legs = self.paper.ledger.lists[order.list_id].legs if order.list_id is not None else [order]
        for leg in legs:
            self.cancel_ids[leg.id] = cancel_id or secrets.token_hex(11)
        try:
            self.paper.ledger.cancel(order)
        except Refused as refused:
            raise error_of(refused) from refused

    def replace(self, account: Account, p: Parameters, fault: Fault | None = None) -> dict[str, Any]:
        """order.cancelReplace: what is wanted is checked before anything is cancelled."""
        self._wanted(p)
        names = {"orderId": "cancelOrderId", "origClientOrderId": "cancelOrigClientOrderId"}
        old = {"symbol": p["symbol"], **{name: p[given] for name, given in names.items() if given in p}}
        told: dict[str, Any] = {"cancelResult": "SUCCESS", "newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}
        try:
            told["cancelResponse"] = self.cancel(
                account, {**old, "newClientOrderId": p.get("cancelNewClientOrderId", "")}
            )
        except Error as error:
            told |= {"cancelResult": "FAILURE", "cancelResponse": {"code": error.code, "msg": error.message}}
            if p.get("cancelReplaceMode") != "ALLOW_FAILURE":
                raise Error(-2022, "Order cancel-replace failed.", 400, told) from error
        try:
            told |= {"newOrderResult": "SUCCESS", "newOrderResponse": self.place(account, p, fault)}
        except Error as error:
            told |= {"newOrderResult": "FAILURE", "newOrderResponse": {"code": error.code, "msg": error.message}}
        results = {told["cancelResult"], told["newOrderResult"]}
        if results == {"SUCCESS"}:
            return told
        if "SUCCESS" in results:
            raise Error(-2021, "Order cancel-replace partially failed.", 409, told)
        raise Error(-2022, "Order cancel-replace failed.", 400, told)

    def amend(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.amend.keepPriority: only to less; without an id of its own the order gets a new one."""
        order = self.order(account, p, Error(-2013, "Order does not exist."))
        quantity = decimal_in(p, "newQty")
        if quantity is None:
            raise missing("newQty")
        before = order.client_order_id
        try:
            self.paper.ledger.amend(order, quantity, client_id_in(p, "newClientOrderId"))
        except Refused as refused:
            raise error_of(refused) from refused
        return forms.amended(order, before)

    def cancel_all(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """openOrders.cancelAll."""
        resting = self.paper.ledger.resting(account, pair_in(p))
        if not resting:
            raise Error(-2011, "Unknown order sent.")
        # A list goes as a whole with its first leg.
        return [self.cancel(account, {**p, "orderId": str(o.id)}) for o in resting if o.rests]

    def query(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.status."""
        return forms.queried(self.order(account, p, Error(-2013, "Order does not exist.")))

    def open_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """openOrders.status."""
        pair = pair_in(p) if p.get("symbol") else None
        resting = self.paper.ledger.resting(account, pair)
        return [forms.queried(o) for o in resting if o.hidden_until <= self.paper.now()]

    def all_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """AllOrders."""
        orders = [o for o in self.paper.ledger.of(account, pair_in(p)) if o.hidden_until <= self.paper.now()]
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
        pair, limit = pair_in(p), int(p.get("limit", 500))
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
        return account_forms.account(account, omit_zero=p.get("omitZeroBalances") == "true")

    def restrictions(self, account: Account, _: Parameters) -> dict[str, Any]:
        """What the key may do; the wallet API has it, which is REST only."""
        return account_forms.restrictions(account)

    def commission(self, account: Account, p: Parameters) -> dict[str, Any]:
        """account.commission."""
        return account_forms.commission(pair_in(p), "")
