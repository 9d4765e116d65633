"""The paper exchange's orders, trades and prices in Binance's words. Amounts are texts with eight places, as there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from adapters.paper.ledger import FEE_RATE
from adapters.paper.orders import Account, PaperList, PaperOrder, PaperTrade
from adapters.paper.prices import MINUTE, Bar, Pair, Prices
from domain.amounts import ZERO

STATUSES = {
    "new": "NEW",
    "partly": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "cancelled": "CANCELED",
    "expired": "EXPIRED",
}
EXECUTIONS = {
    "new": "NEW",
    "triggered": "NEW",
    "trade": "TRADE",
    "amended": "REPLACED",
    "cancelled": "CANCELED",
    "expired": "EXPIRED",
}
INTERVALS = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "1d": 1440}
WEIGHT_PER_MINUTE, ORDERS_PER_TEN_SECONDS, ORDERS_PER_DAY = 6000, 100, 200_000
RATE_LIMITS: list[dict[str, Any]] = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_PER_MINUTE},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_PER_TEN_SECONDS},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": ORDERS_PER_DAY},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300000},
]


def amount(value: Decimal) -> str:
    """Eight places, never an exponent."""
    return f"{value:.8f}"


def native(pair: Pair) -> str:
    """`BTCUSDT`."""
    return pair.base + pair.quote


def symbol(pair: Pair) -> dict[str, Any]:
    """One symbol of exchangeInfo with every filter that the engine enforces."""
    most = amount(pair.maximum_quantity)
    return {
        "symbol": native(pair),
        "status": "TRADING",
        "baseAsset": pair.base,
        "baseAssetPrecision": 8,
        "quoteAsset": pair.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
        ],
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": amount(pair.tick), "maxPrice": "10000000.00000000", "tickSize": amount(pair.tick)},
            {"filterType": "LOT_SIZE", "minQty": amount(pair.step), "maxQty": most, "stepSize": amount(pair.step)},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": most, "stepSize": "0.00000000"},
            {"filterType": "NOTIONAL", "minNotional": amount(pair.minimum_notional), "applyMinToMarket": True, "maxNotional": amount(pair.maximum_notional), "applyMaxToMarket": True, "avgPriceMins": 0},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000, "minTrailingBelowDelta": 10, "maxTrailingBelowDelta": 2000},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }  # fmt: skip


def _identity(order: PaperOrder) -> dict[str, Any]:
    return {
        "symbol": native(order.pair),
        "orderId": order.id,
        "orderListId": -1 if order.list_id is None else order.list_id,
        "clientOrderId": order.client_order_id,
    }


def native_type(order: PaperOrder) -> tuple[str, str]:
    """Binance's type and time in force."""
    if order.type == "limit" and order.time_in_force == "PO":
        return "LIMIT_MAKER", "GTC"
    return order.type.upper(), order.time_in_force


def _state(order: PaperOrder) -> dict[str, Any]:
    kind, time_in_force = native_type(order)
    return {
        "price": amount(order.price or ZERO),
        "origQty": amount(order.quantity),
        "executedQty": amount(order.filled),
        "origQuoteOrderQty": amount(order.quote_quantity),
        "cummulativeQuoteQty": amount(order.cost),
        "status": STATUSES[order.status],
        "timeInForce": time_in_force,
        "type": kind,
        "side": order.side.upper(),
        "workingTime": order.at if order.triggered else -1,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        **({"stopPrice": amount(order.stop_price)} if order.stop_price is not None else {}),
        **({"trailingDelta": order.trailing, "trailingTime": order.at} if order.trailing is not None else {}),
        **({"expiryReason": order.reason} if order.status == "expired" else {}),
    }


def placed(order: PaperOrder, kind: str) -> dict[str, Any]:
    """The answer to a placement: ACK, RESULT or FULL."""
    acknowledged = {**_identity(order), "transactTime": order.updated}
    if kind == "ACK":
        return acknowledged
    if kind == "RESULT":
        return {**acknowledged, **_state(order)}
    fills = [
        {"price": amount(t.price), "qty": amount(t.quantity), "commission": amount(t.fee), "commissionAsset": t.fee_currency, "tradeId": t.id}
        for t in order.trades
    ]  # fmt: skip
    return {**acknowledged, **_state(order), "fills": fills}


def queried(order: PaperOrder) -> dict[str, Any]:
    """The answer to a query: no fills, no fees."""
    more = {"icebergQty": amount(ZERO), "time": order.at, "updateTime": order.updated, "isWorking": order.triggered}
    return {**_identity(order), "stopPrice": amount(ZERO), **_state(order), **more}


def cancelled(order: PaperOrder, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: `clientOrderId` is the cancel's own, ours is the original one."""
    mine = {"origClientOrderId": order.client_order_id, "clientOrderId": cancel_id, "transactTime": order.updated}
    return {**_identity(order), **mine, **_state(order)}


def amended(order: PaperOrder, before: str) -> dict[str, Any]:
    """The answer to an amendment; `before` is the id under which the order was known."""
    kind, time_in_force = native_type(order)
    return {
        "transactTime": order.updated,
        "executionId": order.id * 10 + len(order.trades),
        "amendedOrder": {
            **_identity(order), "origClientOrderId": before, "price": amount(order.price or ZERO),
            "qty": amount(order.quantity), "executedQty": amount(order.filled), "preventedQty": amount(ZERO),
            "quoteOrderQty": amount(ZERO), "cumulativeQuoteQty": amount(order.cost), "status": STATUSES[order.status],
            "timeInForce": time_in_force, "type": kind, "side": order.side.upper(),
            "workingTime": order.at if order.triggered else -1, "selfTradePreventionMode": "EXPIRE_MAKER",
        },
    }  # fmt: skip


def order_list(made: PaperList, *, reports: bool = False, cancel_ids: dict[int, str] | None = None) -> dict[str, Any]:
    """A list with its legs; `reports` adds each leg's state as the answer to a change has it."""
    legs = made.legs
    told = {
        "orderListId": made.id,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED" if made.rests else "ALL_DONE",
        "listOrderStatus": "EXECUTING" if made.rests else "ALL_DONE",
        "listClientOrderId": made.client_id,
        "transactionTime": max(leg.updated for leg in legs),
        "symbol": native(legs[0].pair),
        "orders": [
            {"symbol": native(leg.pair), "orderId": leg.id, "clientOrderId": leg.client_order_id} for leg in legs
        ],
    }
    if reports and cancel_ids is not None:
        return told | {"orderReports": [cancelled(leg, cancel_ids.get(leg.id, "")) for leg in legs]}
    return told | ({"orderReports": [placed(leg, "RESULT") for leg in legs]} if reports else {})


def list_status(made: PaperList, now: int) -> dict[str, Any]:
    """A listStatus of the private stream."""
    legs = [{"s": native(leg.pair), "i": leg.id, "c": leg.client_order_id} for leg in made.legs]
    words = ("EXEC_STARTED", "EXECUTING") if made.rests else ("ALL_DONE", "ALL_DONE")
    return {
        "e": "listStatus", "E": now, "s": native(made.legs[0].pair), "g": made.id, "c": "OCO", "l": words[0],
        "L": words[1], "r": "NONE", "C": made.client_id, "T": now, "O": legs,
    }  # fmt: skip


def trade(t: PaperTrade) -> dict[str, Any]:
    """One row of myTrades."""
    return {
        "symbol": native(t.order.pair),
        "id": t.id,
        "orderId": t.order.id,
        "orderListId": -1 if t.order.list_id is None else t.order.list_id,
        "price": amount(t.price),
        "qty": amount(t.quantity),
        "quoteQty": amount(t.quantity * t.price),
        "commission": amount(t.fee),
        "commissionAsset": t.fee_currency,
        "time": t.at,
        "isBuyer": t.order.side == "buy",
        "isMaker": t.maker,
        "isBestMatch": True,
    }


def public_trade(t: PaperTrade) -> dict[str, Any]:
    """One row of trades."""
    return {
        "id": t.id, "price": amount(t.price), "qty": amount(t.quantity), "quoteQty": amount(t.quantity * t.price),
        "time": t.at, "isBuyerMaker": t.maker == (t.order.side == "buy"), "isBestMatch": True,
    }  # fmt: skip


def aggregate_trade(t: PaperTrade) -> dict[str, Any]:
    """One row of aggTrades."""
    return {
        "a": t.id, "p": amount(t.price), "q": amount(t.quantity), "f": t.id, "l": t.id, "T": t.at,
        "m": t.maker == (t.order.side == "buy"), "M": True,
    }  # fmt: skip


def commission(pair: Pair, suffix: str) -> dict[str, Any]:
    """The rates of account/commission (no suffix) or of a tested order (`ForOrder`)."""
    rates, nothing = (
        {"maker": amount(FEE_RATE), "taker": amount(FEE_RATE)},
        {"maker": amount(ZERO), "taker": amount(ZERO)},
    )
    sides = {} if suffix else {"buyer": amount(ZERO), "seller": amount(ZERO)}
    return {
        **({} if suffix else {"symbol": native(pair)}),
        f"standardCommission{suffix}": rates | sides,
        f"specialCommission{suffix}": nothing | sides,
        f"taxCommission{suffix}": nothing | sides,
        "discount": {
            "enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": "0.75000000",
        },
    }  # fmt: skip


def balances(account: Account, *, omit_zero: bool = False) -> list[dict[str, str]]:
    """What an account holds."""
    currencies = sorted(account.free.keys() | account.locked.keys())
    rows = [(c, account.free.get(c, ZERO), account.locked.get(c, ZERO)) for c in currencies]
    return [{"asset": c, "free": amount(f), "locked": amount(k)} for c, f, k in rows if f or k or not omit_zero]


def account(owner: Account, *, omit_zero: bool) -> dict[str, Any]:
    """The answer of /account."""
    rate = amount(FEE_RATE)
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": 0,
        "accountType": "SPOT",
        "balances": balances(owner, omit_zero=omit_zero),
        "permissions": ["SPOT"],
        "uid": owner.number,
    }


def execution(what: str, order: PaperOrder, t: PaperTrade | None, cancel_id: str, now: int) -> dict[str, Any]:
    """An executionReport of the private stream."""
    kind, time_in_force = native_type(order)
    cancelled_by_user = what == "cancelled"
    return {
        "e": "executionReport", "E": now, "s": native(order.pair),
        "c": cancel_id if cancelled_by_user else order.client_order_id,
        "S": order.side.upper(), "o": kind, "f": time_in_force, "q": amount(order.quantity),
        "p": amount(order.price or ZERO), "P": amount(order.stop_price or ZERO), "F": amount(ZERO),
        "g": -1 if order.list_id is None else order.list_id, "C": order.client_order_id if cancelled_by_user else "",
        "x": EXECUTIONS[what],
        "X": STATUSES[order.status], "r": "NONE", "i": order.id,
        "l": amount(t.quantity if t else ZERO), "z": amount(order.filled),
        "L": amount(t.price if t else ZERO), "n": amount(t.fee if t else ZERO),
        "N": t.fee_currency if t else None, "T": t.at if t else order.updated, "t": t.id if t else -1,
        "I": order.id * 10 + len(order.trades), "w": order.rests and order.triggered, "m": bool(t and t.maker), "M": False, "O": order.at,
        "Z": amount(order.cost), "Y": amount(t.quantity * t.price if t else ZERO),
        "Q": amount(order.quote_quantity), "W": order.at, "V": "EXPIRE_MAKER",
        **({"d": order.trailing} if order.trailing is not None else {}),
        **({"eR": order.reason} if what == "expired" else {}),
    }  # fmt: skip


def positions(owner: Account, pair: Pair, now: int) -> dict[str, Any]:
    """An outboundAccountPosition: only what may have changed."""
    rows = [b for b in balances(owner) if b["asset"] in {pair.base, pair.quote}]
    changed = [{"a": b["asset"], "f": b["free"], "l": b["locked"]} for b in rows]
    return {"e": "outboundAccountPosition", "E": now, "u": now, "B": changed}


def bars(minutes: list[Bar], interval: str) -> list[list[Any]]:
    """Minutes folded into bars, as /klines lists them."""
    length = INTERVALS[interval] * MINUTE
    folded: dict[int, Bar] = {}
    for bar in minutes:
        start = bar.opened_at // length * length
        kept = folded.setdefault(start, Bar(start, bar.open, bar.high, bar.low, bar.close))
        kept.high, kept.low, kept.close = max(kept.high, bar.high), min(kept.low, bar.low), bar.close
        kept.volume += bar.volume
    return [_row(bar, length) for bar in folded.values()]


def _row(bar: Bar, length: int) -> list[Any]:
    prices = [amount(p) for p in (bar.open, bar.high, bar.low, bar.close, bar.volume)]
    quote = amount(bar.volume * bar.close)
    return [bar.opened_at, *prices, bar.opened_at + length - 1, quote, 1, "0.00000000", "0.00000000", "0"]


def kline(pair: Pair, minutes: list[Bar], interval: str, now: int) -> dict[str, Any]:
    """The running bar as the market stream sends it."""
    row = bars(minutes[-INTERVALS[interval] - 1 :], interval)[-1]
    k = {
        "t": row[0], "T": row[6], "s": native(pair), "i": interval, "f": -1, "L": -1, "o": row[1], "h": row[2],
        "l": row[3], "c": row[4], "v": row[5], "n": row[8], "x": row[6] < now, "q": row[7], "V": row[9], "Q": row[10],
        "B": "0",
    }  # fmt: skip
    return {"e": "kline", "E": now, "s": native(pair), "k": k}


def day(pair: Pair, prices: Prices, now: int) -> dict[str, Any]:
    """The 24-hour ticker."""
    minutes, last = prices.bars[pair.symbol], prices.last[pair.symbol]
    first, volume = minutes[0].open, sum((b.volume for b in minutes), ZERO)
    return {
        "symbol": native(pair), "priceChange": amount(last - first),
        "priceChangePercent": f"{(last - first) / first * 100:.3f}", "weightedAvgPrice": amount(last),
        "prevClosePrice": amount(first), "lastPrice": amount(last), "lastQty": amount(pair.step),
        "bidPrice": amount(last - pair.tick), "bidQty": "1.00000000", "askPrice": amount(last + pair.tick),
        "askQty": "1.00000000", "openPrice": amount(first), "highPrice": amount(max(b.high for b in minutes)),
        "lowPrice": amount(min(b.low for b in minutes)), "volume": amount(volume), "quoteVolume": amount(volume * last),
        "openTime": minutes[0].opened_at, "closeTime": now, "firstId": 0, "lastId": 1, "count": 2,
    }  # fmt: skip
