"""The operations of the paper Binance, and those beyond orders and prices that third-party clients request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from adapters.paper.binance.accepted import check_names
from adapters.paper.binance.history import BinanceHistory
from adapters.paper.binance.listings import ListChecks, old_oco
from adapters.paper.binance.wallet import BinanceWallet

if TYPE_CHECKING:
    from adapters.paper.binance.api import BinanceApi
    from adapters.paper.binance.lists import BinanceLists
    from adapters.paper.binance.market import BinanceMarket


@dataclass(frozen=True)
class Operation:
    """One operation. `when` names the moment whose faults may strike it, None for public data."""

    answer: Callable[..., Any]
    weight: int
    when: str | None = None
    free_when_done: bool = False
    """True when success costs no request weight, as for changes since April 2026."""
    orders: int = 0
    """The number of new orders it makes. Such operations receive the fault, as some faults fill only in part."""


def completed(
    known: Mapping[str, Operation], api: BinanceApi, market: BinanceMarket, lists: BinanceLists
) -> dict[str, Operation]:
    """Return the known operations and the further ones, each of them refusing parameters that it does not read."""
    checks = ListChecks(api).by_operation
    every = {**known, **_further(api, market, lists)}
    return {name: replace(it, answer=_checked(name, it, checks.get(name))) for name, it in every.items()}


def _checked(name: str, operation: Operation, check: Callable[..., None] | None) -> Callable[..., Any]:
    def answer(*given: Any) -> Any:
        # Public operations take the parameters alone; all others take the account before them.
        check_names(name, given[0] if operation.when is None else given[1])
        if check is not None:
            check(*given[:2])
        return operation.answer(*given)

    return answer


def _further(api: BinanceApi, market: BinanceMarket, lists: BinanceLists) -> dict[str, Operation]:
    history, wallet = BinanceHistory(api), BinanceWallet(api.paper)
    return {
        "uiKlines": Operation(market.klines, 2),
        "ticker.24hr": Operation(market.days, 2),
        "ticker": Operation(market.rolling, 4),
        "ticker.tradingDay": Operation(market.trading_day, 4),
        "order.amendments": Operation(history.amendments, 4, "query"),
        "myFilters": Operation(history.filters, 40, "query"),
        "myPreventedMatches": Operation(history.prevented_matches, 20, "query"),
        "myAllocations": Operation(history.allocations, 20, "query"),
        "orderList.place": Operation(old_oco(lists), 1, "place_order", free_when_done=True, orders=2),
        "orderList.place.oto": Operation(history.unsupported, 1, "place_order"),
        "orderList.place.otoco": Operation(history.unsupported, 1, "place_order"),
        "orderList.place.opo": Operation(history.unsupported, 1, "place_order"),
        "orderList.place.opoco": Operation(history.unsupported, 1, "place_order"),
        "sor.order.place": Operation(history.unsupported, 1, "place_order"),
        "sor.order.test": Operation(history.unsupported, 1, "query"),
        "wallet.coins": Operation(wallet.coins, 10, "query"),
        "wallet.fees": Operation(wallet.fees, 1, "query"),
        "wallet.status": Operation(wallet.status, 1),
        "wallet.account": Operation(wallet.account_status, 1, "query"),
        "wallet.snapshot": Operation(wallet.snapshot, 2400, "query"),
        "other.markets": Operation(wallet.no_contracts, 1),
        "other.pairs": Operation(wallet.no_pairs, 1),
    }  # fmt: skip
