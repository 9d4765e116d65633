"""The paper Bitget's operations on spot orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from adapters.paper.bitget import NAME, forms
from adapters.paper.bitget.errors import NOT_FOUND, Error, error_of, invalid, missing
from adapters.paper.bitget.values import (
    Parameters,
    amount,
    client_id,
    number_of,
    pair_in,
    pair_named,
    text,
    whole,
    word,
)
from adapters.paper.exchange import Paper
from adapters.paper.orders import Account, PaperOrder, Refused
from adapters.paper.pairs import Pair
from domain.amounts import ZERO

_FORCES = {word: tif for tif, word in forms.FORCES.items()}
_KEPT = 6 * 60 * 60_000
"""Milliseconds for which a client id stays taken."""
_FOUND_BY_CLIENT_ID = 2 * 60 * 60_000
"""Milliseconds for which an order is found by its client id: Bitget's change of March 2025."""
_AGAIN_AFTER = 1000
"""Milliseconds within which an order may not be cancelled twice (45129)."""
_MOST_AT_ONCE, _MOST_ROWS = 50, 100
_PRESETS = ("presetTakeProfitPrice", "executeTakeProfitPrice", "presetStopLossPrice", "executeStopLossPrice")
_DAYS_90 = 90 * 24 * 60 * 60_000


class BitgetOrders:
    """The operations on orders. `fate` is a fault that strikes an order while it is placed."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._asked_to_cancel: dict[int, int] = {}

    # --- placing -------------------------------------------------------------------------------------------------

    def place(self, account: Account, p: Parameters, fate: str = "") -> dict[str, str]:
        """Serve trade/place-order."""
        return _told(self._place(account, pair_in(p, self._paper), p, fate))

    def _place(self, account: Account, pair: Pair, p: Parameters, fate: str = "") -> PaperOrder:
        _check_presets(p)
        side, kind = word(p, "side", {"buy", "sell"}), word(p, "orderType", {"limit", "market"})
        force = word(p, "force", set(_FORCES), "gtc" if kind == "market" else None)
        named = client_id(p, f"{self._paper.now()}{next(self._paper.ledger.list_ids)}")
        self._check_free(account, named)
        size, by_cost = amount(p, "size"), (side, kind) == ("buy", "market")
        if by_cost:
            self._check_cost(account, pair, size)
        try:
            return self._paper.ledger.place(
                account, pair, client_order_id=named, side=side, type=kind, fate=fate, accepts_takers=True,
                quantity=ZERO if by_cost else size, quote_quantity=size if by_cost else ZERO,
                price=amount(p, "price") if kind == "limit" else None,
                time_in_force=_FORCES[force] if kind == "limit" else "GTC",
            )  # fmt: skip
        except Refused as refused:
            raise self._error(refused, pair, side) from refused

    def _check_cost(self, account: Account, pair: Pair, cost: Decimal) -> None:
        """Check what a market buy is to spend, before it is rounded to coins. Raises `Error`."""
        if cost < self._paper.markets.rules(NAME, pair).number("NOTIONAL", "minNotional"):
            raise self._error(Refused("filter", "NOTIONAL"), pair)
        if cost > account.free.get(pair.quote, ZERO):
            raise self._error(Refused("insufficient_funds"), pair)

    def _check_free(self, account: Account, named: str) -> None:
        since = self._paper.now() - _KEPT
        if any(order.client_order_id == named and order.at > since for order in self._paper.ledger.of(account)):
            raise Error("43118", "clientOrderId duplicate")

    def _error(self, refused: Refused, pair: Pair, side: str = "") -> Error:
        minimum = self._paper.markets.rules(NAME, pair).number("NOTIONAL", "minNotional")
        return error_of(refused, side=side, minimum=forms.amount(minimum))

    def place_many(self, account: Account, p: Parameters, fate: str = "") -> dict[str, Any]:
        """Serve trade/batch-orders: what fails is told beside what does not."""
        return self._each(p, lambda pair, one: self._place(account, pair, one, fate))

    def _each(self, p: Parameters, do: Callable[[Pair, Parameters], PaperOrder]) -> dict[str, Any]:
        """Carry out each entry of `orderList`, in the market that it or the request names."""
        several = text(p, "batchMode", "single") == "multiple"
        wanted = p.get("orderList")
        if not isinstance(wanted, list) or not wanted:
            raise missing("orderList")
        if len(wanted) > _MOST_AT_ONCE:
            raise invalid("orderList")
        done, failed = list[dict[str, str]](), list[dict[str, str]]()
        if not all(isinstance(one, dict) for one in wanted):
            raise invalid("orderList")
        for one in wanted:
            try:
                pair = pair_named(text(one if several else p, "symbol"), self._paper)
                done.append(_told(do(pair, one)))
            except Error as error:
                failed.append(
                    {
                        "orderId": str(one.get("orderId") or ""), "clientOid": str(one.get("clientOid") or ""),
                        "errorMsg": error.text, "errorCode": error.code,
                    }
                )  # fmt: skip
        return {"successList": done, "failureList": failed}

    # --- cancelling ----------------------------------------------------------------------------------------------

    def cancel(self, account: Account, p: Parameters) -> dict[str, str]:
        """Serve trade/cancel-order."""
        return _told(self._cancel(account, pair_in(p, self._paper), p))

    def _cancel(self, account: Account, pair: Pair, p: Parameters) -> PaperOrder:
        order = self._find(account, pair, p)
        now, before = self._paper.now(), self._asked_to_cancel.get(order.id, 0)
        if order.rests and now - before < _AGAIN_AFTER:
            raise Error(
                "45129",
                "Cancel order is too frequent, the same orderId is only allowed to be canceled once in a second",
            )
        self._take_off(order)
        self._asked_to_cancel[order.id] = now
        return order

    def _take_off(self, order: PaperOrder) -> None:
        try:
            self._paper.ledger.cancel(order)
        except Refused as refused:
            raise self._error(refused, order.pair) from refused

    def cancel_many(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve trade/batch-cancel-order."""
        return self._each(p, lambda pair, one: self._cancel(account, pair, one))

    def cancel_all(self, account: Account, p: Parameters) -> dict[str, str]:
        """Serve trade/cancel-symbol-order."""
        pair = pair_in(p, self._paper)
        for order in self._paper.ledger.resting(account, pair):
            self._take_off(order)
        return {"symbol": forms.native(pair)}

    def replace(self, account: Account, p: Parameters, fate: str = "") -> dict[str, str]:
        """Serve trade/cancel-replace-order: the old order may be gone although no new one was placed."""
        pair = pair_in(p, self._paper)
        _check_presets(p)
        amount(p, "price"), amount(p, "size")
        try:
            old = self._cancel(account, pair, p)
        except Error as error:
            return {"orderId": "", "clientOid": "", "success": "failure", "msg": error.text}
        changed = {
            "side": old.side, "orderType": "limit", "force": forms.FORCES[old.time_in_force], "price": p.get("price"),
            "size": p.get("size"), "clientOid": p.get("newClientOid"),
        }  # fmt: skip
        try:
            return {**_told(self._place(account, pair, changed, fate)), "success": "success", "msg": ""}
        except Error as error:
            return {"orderId": "", "clientOid": "", "success": "failure", "msg": error.text}

    # --- questions -----------------------------------------------------------------------------------------------

    def _find(self, account: Account, pair: Pair | None, p: Parameters) -> PaperOrder:
        """Return the order with one of the two ids. Raises `Error`."""
        found = next(self._named(account, p), None)
        if found is None or pair not in {None, found.pair}:
            raise Error(*NOT_FOUND)
        return found

    def _named(self, account: Account, p: Parameters) -> Iterator[PaperOrder]:
        """Yield the orders with the id that a request names, the newest first."""
        by_id, by_name = text(p, "orderId", ""), text(p, "clientOid", "")
        if not by_id and not by_name:
            raise missing("orderId")
        now = self._paper.now()
        for order in reversed(self._paper.ledger.of(account)):
            named = order.id == number_of(by_id) if by_id else order.client_order_id == by_name
            if named and order.hidden_until <= now:
                yield order

    def info(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve trade/orderInfo: a list of one, or of none for an id that is not known."""
        since = 0 if text(p, "orderId", "") else self._paper.now() - _FOUND_BY_CLIENT_ID
        found = next(self._named(account, p), None)
        return [forms.order_info(found)] if found is not None and found.at >= since else []

    def unfilled(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve trade/unfilled-orders."""
        if word(p, "tpslType", {"normal", "tpsl"}, "normal") == "tpsl":
            return []
        return [forms.open_order(order) for order in self._page(p, self._paper.ledger.resting(account))]

    def history(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve trade/history-orders: what has ended in the last 90 days."""
        if word(p, "tpslType", {"normal", "tpsl"}, "normal") == "tpsl":
            return []
        since = self._paper.now() - _DAYS_90
        ended = [order for order in self._paper.ledger.of(account) if not order.rests and order.at >= since]
        return [forms.past_order(order) for order in self._page(p, ended)]

    def _page(self, p: Parameters, orders: Sequence[PaperOrder]) -> list[PaperOrder]:
        """Return one page of orders, the newest first, as the request narrows it."""
        pair = pair_in(p, self._paper) if text(p, "symbol", "") else None
        wanted, below = text(p, "orderId", ""), text(p, "idLessThan", "")
        since, until, now = whole(p, "startTime", 0), whole(p, "endTime", 2**62), self._paper.now()
        found = [
            order
            for order in sorted(orders, key=lambda order: -order.id)
            if pair in {None, order.pair}
            and (not wanted or order.id == number_of(wanted))
            and (not below or order.id < number_of(below))
            and since <= order.at <= until
            and order.hidden_until <= now
        ]
        return found[: whole(p, "limit", _MOST_ROWS, _MOST_ROWS)]

    def fills(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve trade/fills, the newest first."""
        pair = pair_in(p, self._paper) if text(p, "symbol", "") else None
        wanted, below = text(p, "orderId", ""), text(p, "idLessThan", "")
        since, until = whole(p, "startTime", 0), whole(p, "endTime", 2**62)
        found = [
            trade
            for trade in reversed(self._paper.ledger.trades)
            if trade.order.account is account
            and pair in {None, trade.order.pair}
            and (not wanted or trade.order.id == number_of(wanted))
            and (not below or trade.id < number_of(below))
            and since <= trade.at <= until
        ]
        return [forms.fill(trade) for trade in found[: whole(p, "limit", _MOST_ROWS, _MOST_ROWS)]]


def _check_presets(p: Parameters) -> None:
    """Raise `Error` for stops and targets within an order. To drop them in silence would be to drop a stop."""
    if text(p, "tpslType", "normal") != "normal" or text(p, "triggerPrice", ""):
        raise Error("40020", "Parameter tpslType error: triggers are placed as plan orders here")
    for name in _PRESETS:
        if text(p, name, ""):
            raise Error("40020", f"Parameter {name} error: stops and targets are placed as plan orders here")


def _told(order: PaperOrder) -> dict[str, str]:
    return {"orderId": forms.order_id(order.id), "clientOid": order.client_order_id}
