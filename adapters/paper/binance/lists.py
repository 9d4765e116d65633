"""Order lists at the paper Binance: one order cancels the other (OCO)."""

from __future__ import annotations

from typing import Any

from adapters.paper.binance import forms
from adapters.paper.binance.api import (
    TYPES,
    BinanceApi,
    Error,
    Parameters,
    client_id_in,
    decimal_in,
    error_of,
    missing,
    pair_in,
    trigger_in,
)
from adapters.paper.faults import FATES, Fault
from adapters.paper.orders import Account, PaperList, Refused

_STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_TARGETS = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


class BinanceLists:
    """The operations on lists, given authenticated parameters."""

    def __init__(self, api: BinanceApi) -> None:
        self._api = api
        self._ledger = api.paper.ledger

    def place(self, account: Account, p: Parameters, fault: Fault | None = None) -> dict[str, Any]:
        """Serve orderList.place.oco."""
        pair, side, quantity = pair_in(p), p.get("side", ""), decimal_in(p, "quantity")
        if side not in {"BUY", "SELL"}:
            raise Error(-1117, "Invalid side.")
        if quantity is None:
            raise missing("quantity")
        above, below = (_TARGETS, _STOPS) if side == "SELL" else (_STOPS, _TARGETS)
        legs = [self._leg(p, "above", above), self._leg(p, "below", below)]
        name = client_id_in(p, "listClientOrderId")
        try:
            made = self._ledger.place_list(
                account, pair, client_id=name, side=side.lower(), quantity=quantity, legs=legs,
                fate=fault.kind if fault is not None and fault.kind in FATES else "",
            )  # fmt: skip
        except Refused as refused:
            raise error_of(refused) from refused
        return forms.order_list(made, reports=True)

    def _leg(self, p: Parameters, prefix: str, allowed: frozenset[str]) -> dict[str, Any]:
        kind = p.get(f"{prefix}Type", "")
        if kind not in allowed:
            raise Error(-1158, f"Invalid '{prefix}Type' for this side of the list.")
        price, time_in_force = decimal_in(p, f"{prefix}Price"), p.get(f"{prefix}TimeInForce", "")
        if "LIMIT" in kind and price is None:
            raise missing(f"{prefix}Price")
        if kind.endswith("_LIMIT") and time_in_force not in {"GTC", "IOC", "FOK"}:
            raise missing(f"{prefix}TimeInForce")
        return {
            "type": TYPES[kind],
            "client_order_id": client_id_in(p, f"{prefix}ClientOrderId"),
            "price": price,
            "time_in_force": "PO" if kind == "LIMIT_MAKER" else time_in_force or "GTC",
            **trigger_in(p, kind, prefix),
        }

    def _list(self, account: Account, p: Parameters, name: str, missing_one: Error) -> PaperList:
        wanted, client_id = p.get("orderListId"), p.get(name)
        for made in reversed(self._ledger.lists.values()):
            mine = made.legs[0].account is account
            if mine and wanted in {None, "", str(made.id)} and client_id in {None, "", made.client_id}:
                return made
        raise missing_one

    def cancel(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve orderList.cancel."""
        made = self._list(account, p, "listClientOrderId", Error(-2011, "Unknown order list sent."))
        resting = next((leg for leg in made.legs if leg.rests), None)
        if resting is None:
            raise Error(-2011, "Unknown order list sent.")
        self._api.take_off(resting, p.get("newClientOrderId"))
        return forms.order_list(made, reports=True, cancel_ids=self._api.cancel_ids)

    def query(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve orderList.status."""
        return forms.order_list(self._list(account, p, "origClientOrderId", Error(-2018, "Order list does not exist.")))

    def open_lists(self, account: Account, _: Parameters) -> list[dict[str, Any]]:
        """Serve openOrderLists.status."""
        return [forms.order_list(made) for made in self._of(account) if made.rests]

    def all_lists(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve allOrderLists, newest last."""
        return [forms.order_list(made) for made in self._of(account)][-int(p.get("limit", 500)) :]

    def _of(self, account: Account) -> list[PaperList]:
        return [made for made in self._ledger.lists.values() if made.legs[0].account is account]
