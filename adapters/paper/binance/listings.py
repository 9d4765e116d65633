"""Order lists: the checks made before a list operation is carried out, and the older form of an OCO."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.paper.binance.parameters import (
    Error,
    Parameters,
    both_missing,
    check_extras,
    decimal_in,
    limit_in,
    missing,
    pair_in,
    range_in,
    response_in,
    whole_in,
)
from adapters.paper.faults import Fault
from adapters.paper.orders import Account

if TYPE_CHECKING:
    from adapters.paper.binance.api import BinanceApi
    from adapters.paper.binance.lists import BinanceLists


class ListChecks:
    """The checks by operation. Without them, a request that names no list would mean the newest one."""

    def __init__(self, api: BinanceApi) -> None:
        self._lists = api.paper.ledger.lists
        self.by_operation: dict[str, Callable[[Account, Parameters], None]] = {
            "orderList.status": self._queried,
            "orderList.cancel": self._cancelled,
            "orderList.place": self._placed_of_old,
            "orderList.place.oco": self._placed,
            "allOrderLists": self._listed,
        }

    @staticmethod
    def _queried(_: Account, p: Parameters) -> None:
        if whole_in(p, "orderListId") is None and not p.get("origClientOrderId"):
            raise both_missing("origClientOrderId", "orderListId")

    def _cancelled(self, account: Account, p: Parameters) -> None:
        pair, number, client_id = pair_in(p), whole_in(p, "orderListId"), p.get("listClientOrderId")
        if number is None and not client_id:
            raise both_missing("listClientOrderId", "orderListId")
        for made in reversed(self._lists.values()):
            leg = made.legs[0]
            named = number in {None, made.id} and client_id in {None, "", made.client_id}
            if named and leg.account is account:
                if leg.pair is not pair:
                    break
                return
        raise Error(-2011, "Unknown order list sent.")

    @staticmethod
    def _placed_of_old(_: Account, p: Parameters) -> None:
        check_extras(p)
        response_in(p, "RESULT")

    @classmethod
    def _placed(cls, account: Account, p: Parameters) -> None:
        cls._placed_of_old(account, p)
        for prefix in ("above", "below"):
            if f"{prefix}Type" not in p:
                raise missing(f"{prefix}Type")
            if f"{prefix}IcebergQty" in p:
                raise Error(-1013, "Iceberg orders are not supported for this symbol.")

    @staticmethod
    def _listed(_: Account, p: Parameters) -> None:
        whole_in(p, "fromId")
        range_in(p)
        limit_in(p)


def old_oco(lists: BinanceLists) -> Callable[..., dict[str, Any]]:
    """Return the operation of the deprecated POST order/oco: a limit order and a stop of the same quantity."""

    def place(account: Account, p: Parameters, fault: Fault | None = None) -> dict[str, Any]:
        pair_in(p)
        for name in ("side", "quantity", "price", "stopPrice"):
            if not p.get(name):
                raise missing(name)
        decimal_in(p, "price")
        limited = "stopLimitPrice" in p
        if limited and not p.get("stopLimitTimeInForce"):
            raise missing("stopLimitTimeInForce")
        target = {"Type": "LIMIT_MAKER", "Price": p["price"], "ClientOrderId": p.get("limitClientOrderId", "")}
        stop = {
            "Type": "STOP_LOSS_LIMIT" if limited else "STOP_LOSS",
            "StopPrice": p["stopPrice"],
            "ClientOrderId": p.get("stopClientOrderId", ""),
            **({"TrailingDelta": p["trailingDelta"]} if "trailingDelta" in p else {}),
            **({"Price": p["stopLimitPrice"], "TimeInForce": p["stopLimitTimeInForce"]} if limited else {}),
        }
        above, below = (target, stop) if p["side"] == "SELL" else (stop, target)
        kept = {name: p[name] for name in ("symbol", "side", "quantity", "listClientOrderId") if name in p}
        legs = {"above" + name: value for name, value in above.items()} | {
            "below" + name: value for name, value in below.items()
        }
        return lists.place(account, kept | legs, fault)

    return place
