"""The paper Binance's account data beyond orders and trades, and the operations that it always refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from adapters.paper.binance import forms
from adapters.paper.binance.market import NAME
from adapters.paper.binance.parameters import (
    Error,
    Parameters,
    bad_combination,
    limit_in,
    missing,
    pair_in,
    range_in,
    whole_in,
)
from adapters.paper.orders import Account

if TYPE_CHECKING:
    from adapters.paper.binance.api import BinanceApi


class BinanceHistory:
    """The queries for amendments, filters, prevented matches and allocations."""

    def __init__(self, api: BinanceApi) -> None:
        self._api = api

    def amendments(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Return the amendments of one order, oldest first."""
        if "orderId" not in p:
            raise missing("orderId")
        order = self._api.order(account, p, Error(-2013, "Order does not exist."))
        first = whole_in(p, "fromExecutionId") or 0
        rows = [row for row in self._api.amendments.get(order.id, []) if row["executionId"] >= first]
        return rows[: limit_in(p)]

    def filters(self, _: Account, p: Parameters) -> dict[str, Any]:
        """Return the filters that limit the number of an account's orders in this market."""
        rules = self._api.paper.markets.rules(NAME, pair_in(p))
        counting = [row for row in forms.filters(rules) if row["filterType"].startswith("MAX_NUM_")]
        return {"exchangeFilters": [], "symbolFilters": counting, "assetFilters": []}

    def prevented_matches(self, _: Account, p: Parameters) -> list[dict[str, Any]]:
        """Return an empty list: orders never match each other here, so none can match one of its own account."""
        pair_in(p)
        limit_in(p)
        by_match, by_order = whole_in(p, "preventedMatchId"), whole_in(p, "orderId")
        whole_in(p, "fromPreventedMatchId")
        if (by_match is None) == (by_order is None):
            raise bad_combination()
        return []

    def allocations(self, _: Account, p: Parameters) -> list[dict[str, Any]]:
        """Return an empty list: there is no smart order routing here."""
        pair_in(p)
        range_in(p)
        limit_in(p)
        whole_in(p, "fromAllocationId")
        whole_in(p, "orderId")
        return []

    def unsupported(self, _: Account, p: Parameters) -> NoReturn:
        """Refuse the operations that exchangeInfo does not allow: OTO, OTOCO, OPO and SOR."""
        # The code that Binance gives for a symbol without them is not verified.
        pair_in(p)
        raise Error(-1020, "This operation is not supported.")
