"""The parameters that each operation reads. Binance refuses a request that sends others."""

from __future__ import annotations

from adapters.paper.binance.parameters import Error, Parameters

_ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode"
)
_CANCEL = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
_SPAN = "startTime endTime limit"
_LEG = "Type Price StopPrice TrailingDelta TimeInForce ClientOrderId IcebergQty StrategyId StrategyType"
_LEGS = " ".join(prefix + name for prefix in ("above", "below") for name in _LEG.split())
_KLINES = f"symbol interval timeZone {_SPAN}"
_TICKERS = "symbol symbols symbolStatus"

_READ = {
    "ping": "",
    "time": "",
    "exchangeInfo": "symbol symbols permissions symbolStatus showPermissionSets",
    "ticker.price": _TICKERS,
    "ticker.book": _TICKERS,
    "ticker.24hr": f"{_TICKERS} type",
    "ticker": f"{_TICKERS} type windowSize",
    "ticker.tradingDay": f"{_TICKERS} type timeZone",
    "avgPrice": "symbol",
    "klines": _KLINES,
    "uiKlines": _KLINES,
    "depth": "symbol limit symbolStatus",
    "trades.recent": "symbol limit",
    "trades.historical": "symbol limit fromId",
    "trades.aggregate": f"symbol fromId {_SPAN}",
    "order.place": _ORDER,
    "order.test": f"{_ORDER} computeCommissionRates",
    "order.cancelReplace": (
        f"{_ORDER} cancelReplaceMode cancelOrderId cancelOrigClientOrderId cancelNewClientOrderId cancelRestrictions "
        "orderRateLimitExceededMode"
    ),
    "order.amend.keepPriority": "symbol orderId origClientOrderId newClientOrderId newQty",
    "order.amendments": "symbol orderId fromExecutionId limit",
    "orderList.place.oco": (f"symbol listClientOrderId side quantity newOrderRespType selfTradePreventionMode {_LEGS}"),
    "orderList.place": (
        "symbol listClientOrderId side quantity limitClientOrderId price limitStrategyId limitStrategyType "
        "trailingDelta stopClientOrderId stopPrice stopStrategyId stopStrategyType stopLimitPrice stopLimitTimeInForce "
        "newOrderRespType selfTradePreventionMode"
    ),
    "orderList.cancel": "symbol orderListId listClientOrderId newClientOrderId",
    "orderList.status": "orderListId origClientOrderId",
    "openOrderLists.status": "",
    "allOrderLists": f"fromId {_SPAN}",
    "order.cancel": _CANCEL,
    "openOrders.cancelAll": "symbol",
    "order.status": "symbol orderId origClientOrderId",
    "openOrders.status": "symbol",
    "allOrders": f"symbol orderId {_SPAN}",
    "myTrades": f"symbol orderId fromId {_SPAN}",
    "myFilters": "symbol",
    "myPreventedMatches": "symbol preventedMatchId orderId fromPreventedMatchId limit",
    "myAllocations": f"symbol fromAllocationId orderId {_SPAN}",
    "account.status": "omitZeroBalances",
    "account.commission": "symbol",
    "account.rateLimits.orders": "",
}
"""The parameters by operation. Operations missing here (the wallet API, and those refused anyway) are not checked."""

_ALWAYS = frozenset({"apiKey", "timestamp", "recvWindow", "signature", "returnRateLimits"})
_NAMES = {operation: frozenset(names.split()) | _ALWAYS for operation, names in _READ.items()}


def check_names(operation: str, p: Parameters) -> None:
    """Raise `Error` for a request with parameters that the operation does not read."""
    if operation not in _NAMES or not (unread := p.keys() - _NAMES[operation]):
        return
    if not _READ[operation]:
        raise Error(-1101, f"Too many parameters; expected '0' and received '{len(unread)}'.")
    read = len(p) - len(unread)
    raise Error(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(p)}'.")
