"""The operations of the paper Binance on orders and accounts, given decoded parameters; and its refusals."""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256
from typing import Any

from adapters.paper.binance import account_forms, forms
from adapters.paper.binance.parameters import (
    Error,
    Parameters,
    bad_combination,
    both_missing,
    check_extras,
    client_id_in,
    decimal_in,
    limit_in,
    missing,
    moment_in,
    pair_in,
    range_in,
    receive_window_in,
    response_in,
    shown_in,
    time_in_force_in,
    trigger_in,
    unasked,
    whole_in,
    word_in,
)
from adapters.paper.exchange import Paper
from adapters.paper.faults import FATES, Fault
from adapters.paper.orders import Account, PaperOrder, Refused
from domain.amounts import ZERO

__all__ = [
    "TYPES", "BinanceApi", "Error", "Parameters", "client_id_in", "decimal_in", "error_of", "missing", "pair_in",
    "trigger_in",
]  # fmt: skip

_REFUSALS = {
    "insufficient_funds": (-2010, "Account has insufficient balance for requested action."),
    "duplicate": (-2010, "Duplicate order sent."),
    "would_take": (-2010, "Order would immediately match and take."),
    "would_trigger": (-2010, "Order would trigger immediately."),
    "list_prices": (-2010, "The relationship of the prices for the orders is not correct."),
    "market_closed": (-2010, "Market is closed."),
    "type_not_allowed": (-2010, "{} orders are not supported for this symbol."),
    "lists_not_allowed": (-2010, "OCO orders are not supported for this symbol."),
    "replace_not_allowed": (-2010, "Order cancel-replace is not supported for this symbol."),
    "cancel_closed": (-2011, "Market is closed."),
    "unknown_order": (-2011, "Unknown order sent."),
    "amend": (-2038, "The requested action would change no state; rejecting."),
}


TYPES = {
    "MARKET": "market", "LIMIT": "limit", "LIMIT_MAKER": "limit", "STOP_LOSS": "stop_loss", "TAKE_PROFIT": "take_profit",
    "STOP_LOSS_LIMIT": "stop_loss_limit", "TAKE_PROFIT_LIMIT": "take_profit_limit",
}  # fmt: skip


_RESTRICTIONS = {"ONLY_NEW": "new", "ONLY_PARTIALLY_FILLED": "partly"}


def error_of(refused: Refused) -> Error:
    """Return the engine's refusal as Binance's error."""
    if refused.reason == "filter":
        return Error(-1013, f"Filter failure: {refused.detail}")
    code, message = _REFUSALS[refused.reason]
    return Error(code, message.format(refused.detail))


class BinanceApi:
    """Every operation on orders and accounts, whichever of Binance's APIs it is requested through."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.cancel_ids: dict[int, str] = {}
        self.amendments: dict[int, list[dict[str, Any]]] = {}
        """The amendments by order id, oldest first. They do not survive a restart of the exchange."""

    # --- authentication ----------------------------------------------------------------------------------------

    def account_of(self, key: str | None) -> Account:
        """Return the account of a key. Raises `Error` for a malformed or unknown key."""
        account = self.paper.ledger.accounts.get(("binance", key or ""))
        if account is None and not re.fullmatch("[A-Za-z0-9_-]{64}", key or ""):
            raise Error(-2014, "API-key format invalid.", 401)
        if account is None:
            raise Error(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def check_signature(self, account: Account, payload: str, p: Parameters) -> None:
        """Check the signature first, then the time window. Raises `Error` when either is wrong."""
        if not p.get("signature"):
            raise missing("signature")
        expected = hmac.digest(account.secret.encode(), payload.encode(errors="replace"), sha256).hex()
        if not hmac.compare_digest(expected.encode(), p["signature"].lower().encode(errors="replace")):
            raise Error(-1022, "Signature for this request is not valid.")
        stamp, window = moment_in(p, "timestamp"), receive_window_in(p)
        if stamp is None:
            raise missing("timestamp")
        now = self.paper.now()
        if stamp >= now + 1000:
            raise Error(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - stamp > window:
            raise Error(-1021, "Timestamp for this request is outside of the recvWindow.")

    # --- orders ------------------------------------------------------------------------------------------------

    def place(self, account: Account, p: Parameters, fault: Fault | None = None) -> dict[str, Any]:
        """Serve order.place."""
        kind = response_in(p, "FULL" if p.get("type") in {"MARKET", "LIMIT"} else "ACK")
        return forms.placed(self._placed(account, p, fault), kind)

    def test(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve order.test: check the parameters and filters as for an order, but not the balance."""
        try:
            self.paper.ledger.weigh(account, pair_in(p), **self.wanted(p))
        except Refused as refused:
            raise error_of(refused) from refused
        if p.get("computeCommissionRates") != "true":
            return {}
        return account_forms.commission(account, pair_in(p), "ForOrder")

    def _placed(self, account: Account, p: Parameters, fault: Fault | None) -> PaperOrder:
        fate = fault.kind if fault is not None and fault.kind in FATES else ""
        try:
            order = self.paper.ledger.place(account, pair_in(p), **self.wanted(p), fate=fate)
        except Refused as refused:
            raise error_of(refused) from refused
        if fault is not None and fault.kind == "hide_order":
            order.hidden_until = self.paper.now() + int(fault.seconds * 1000)
        return order

    def wanted(self, p: Parameters) -> dict[str, Any]:
        """Read an order as the ledger's arguments. Raises `Error` for whatever Binance checks before anything else."""
        pair_in(p)
        side, kind = p.get("side", ""), p.get("type", "")
        if side not in {"BUY", "SELL"}:
            raise Error(-1117, "Invalid side.") if side else missing("side")
        if kind not in TYPES:
            raise Error(-1116, "Invalid orderType.") if kind else missing("type")
        quantity, quote, price = (decimal_in(p, name) for name in ("quantity", "quoteOrderQty", "price"))
        time_in_force = time_in_force_in(p, kind)
        if "LIMIT" not in kind and price is not None:
            raise unasked("price")
        if "LIMIT" in kind and price is None:
            raise missing("price")
        if quote is not None and (quantity is not None or kind != "MARKET"):
            raise unasked("quoteOrderQty")
        if quantity is None and quote is None:
            raise missing("quantity")
        check_extras(p)
        response_in(p, "ACK")
        return {
            "client_order_id": client_id_in(p, "newClientOrderId"), "side": side.lower(), "type": TYPES[kind],
            "quantity": quantity or ZERO, "quote_quantity": quote or ZERO, "price": price,
            "time_in_force": time_in_force, "shown": shown_in(p, kind), **trigger_in(p, kind),
        }  # fmt: skip

    def order(self, account: Account, p: Parameters, missing: Error) -> PaperOrder:
        """Return the order with either id. Raises `missing` when it does not exist."""
        pair, order_id = pair_in(p), whole_in(p, "orderId")
        if order_id is None and not p.get("origClientOrderId"):
            raise both_missing("origClientOrderId", "orderId")
        order = self.paper.ledger.find(account, pair, order_id, p.get("origClientOrderId") or None)
        if order is None:
            raise missing
        return order

    def cancel(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve order.cancel. Cancelling a leg cancels its whole list."""
        client_id_in(p, "newClientOrderId")
        word_in(p, "cancelRestrictions", _RESTRICTIONS, Error(-1145, "Invalid cancelRestrictions."))
        order = self.order(account, p, Error(-2011, "Unknown order sent."))
        if order.rests and _RESTRICTIONS.get(p.get("cancelRestrictions", ""), order.status) != order.status:
            raise Error(-2011, "Order was not canceled due to cancel restrictions.")
        self.take_off(order, p.get("newClientOrderId"))
        return forms.cancelled(order, self.cancel_ids[order.id])

    def take_off(self, order: PaperOrder, cancel_id: str | None) -> None:
        """Cancel an order, or the list that it belongs to. The stream reports the cancel's own id."""
        legs = self.paper.ledger.lists[order.list_id].legs if order.list_id is not None else [order]
        for leg in legs:
            self.cancel_ids[leg.id] = cancel_id or secrets.token_hex(11)
        try:
            self.paper.ledger.cancel(order)
        except Refused as refused:
            raise error_of(refused) from refused

    def amend(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve order.amend.keepPriority, which only reduces. The order gets the sent client id or a generated one."""
        order = self.order(account, p, Error(-2013, "Order does not exist."))
        quantity = decimal_in(p, "newQty")
        if quantity is None:
            raise missing("newQty")
        before, original = order.client_order_id, order.quantity
        try:
            self.paper.ledger.amend(order, quantity, client_id_in(p, "newClientOrderId"))
        except Refused as refused:
            raise error_of(refused) from refused
        told = forms.amended(order, before)
        amendment = {
            "symbol": forms.native(order.pair), "orderId": order.id, "executionId": told["executionId"],
            "origClientOrderId": before, "newClientOrderId": order.client_order_id, "origQty": forms.amount(original),
            "newQty": forms.amount(quantity), "time": order.updated,
        }  # fmt: skip
        self.amendments.setdefault(order.id, []).append(amendment)
        return told

    def cancel_all(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve openOrders.cancelAll."""
        resting = self.paper.ledger.resting(account, pair_in(p))
        if not resting:
            raise Error(-2011, "Unknown order sent.")
        # Cancelling the first leg of a list cancels the whole list.
        return [self.cancel(account, {**p, "orderId": str(o.id)}) for o in resting if o.rests]

    def query(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve order.status."""
        return forms.queried(self.order(account, p, Error(-2013, "Order does not exist.")))

    def open_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve openOrders.status."""
        pair = pair_in(p) if "symbol" in p else None
        resting = self.paper.ledger.resting(account, pair)
        return [forms.queried(o) for o in resting if o.hidden_until <= self.paper.now()]

    def all_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve allOrders."""
        pair, first, (start, end), limit = pair_in(p), whole_in(p, "orderId"), range_in(p), limit_in(p)
        chosen = [
            o for o in self.paper.ledger.of(account, pair)
            if o.hidden_until <= self.paper.now() and (start is None or o.at >= start) and (end is None or o.at <= end)
            and (first is None or o.id >= first)
        ]  # fmt: skip
        from_there = start is not None or first is not None
        return [forms.queried(o) for o in (chosen[:limit] if from_there else chosen[-limit:])]

    def my_trades(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve myTrades: of one order, from an id on, or within a time range."""
        pair, first, order_id, limit = pair_in(p), whole_in(p, "fromId"), whole_in(p, "orderId"), limit_in(p)
        start, end = range_in(p)
        if (start is not None or end is not None) and (first is not None or order_id is not None):
            raise bad_combination()
        chosen = [
            t for t in self.paper.ledger.trades
            if t.order.account is account and t.order.pair is pair and (start is None or t.at >= start)
            and (end is None or t.at <= end) and (first is None or t.id >= first) and (order_id is None or t.order.id == order_id)
        ]  # fmt: skip
        return [forms.trade(t) for t in (chosen[:limit] if start is not None or first is not None else chosen[-limit:])]

    def account(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve account.status."""
        return account_forms.account(account, omit_zero=p.get("omitZeroBalances") == "true")

    def restrictions(self, account: Account, _: Parameters) -> dict[str, Any]:
        """Return the permissions of the key. They belong to the wallet API, which is REST only."""
        return account_forms.restrictions(account)

    def commission(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve account.commission."""
        return account_forms.commission(account, pair_in(p), "")
