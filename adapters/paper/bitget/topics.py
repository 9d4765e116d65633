"""The channels of the paper Bitget's sockets, and the messages about each."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.paper.bitget import NAME, forms
from adapters.paper.bitget.market import BitgetMarket, timeframe_of, trade
from adapters.paper.ledger import pair_of_native
from adapters.paper.orders import Account, PaperOrder, PaperTrade
from adapters.paper.pairs import Pair
from adapters.paper.plans import Plan
from domain.amounts import ZERO

BOOKS = {"books": 150, "books1": 1, "books5": 5, "books15": 15}
PRIVATE = frozenset({"orders", "fill", "orders-algo", "account"})
DEFAULT = "default"
Levels = list[list[str]]
_CHECKED = 25
"""The levels of each side that a checksum is made of."""
_FIRST_CANDLES = 100
SNAPSHOT, UPDATE = "snapshot", "update"


class Topic(NamedTuple):
    """A channel that a socket follows, and the market (`instId`) or coin that it is about, or `default` for all."""

    channel: str
    about: str

    def arg(self) -> dict[str, str]:
        """Return it as messages name it. The account's channel is about coins."""
        name = "coin" if self.channel == "account" else "instId"
        return {"instType": "SPOT", "channel": self.channel, name: self.about}

    def is_about(self, pair: Pair) -> bool:
        """Return True when it is about a market, or about all."""
        return self.about in {DEFAULT, forms.native(pair)}


class Push(NamedTuple):
    """One message: `snapshot` or `update`, and its rows."""

    action: str
    data: Sequence[Any]


class PublicTopics:
    """The messages about markets."""

    def __init__(self, market: BitgetMarket) -> None:
        self._market = market
        self._paper = market.paper

    def knows(self, topic: Topic) -> bool:
        """Return True when the channel and the market exist."""
        known = topic.channel in {"ticker", "trade", *BOOKS} or timeframe_of(topic.channel) is not None
        return known and self.pair_of(topic) is not None

    def pair_of(self, topic: Topic) -> Pair | None:
        """Return the market of a topic, None when it is not listed."""
        pair = pair_of_native(topic.about)
        return pair if pair is not None and self._paper.markets.listed(NAME, pair) else None

    def first(self, topic: Topic, pair: Pair) -> Push:
        """Return what a new subscriber is told at once."""
        if (timeframe := timeframe_of(topic.channel)) is not None:
            rows = self._market.recent(pair, timeframe, _FIRST_CANDLES)
            return Push(SNAPSHOT, rows if self._paper.market_faults.candles else [])
        if topic.channel == "trade":
            return Push(SNAPSHOT, [trade(one) for one in reversed(self._market.tapes.newest(pair.symbol, 50))])
        return self._state(topic, pair)

    def moved(self, topic: Topic, pair: Pair) -> Push | None:
        """Return what is told when the price of a market has moved, None for nothing."""
        if topic.channel == "trade":
            return self._trade(pair)
        if timeframe_of(topic.channel) is not None:
            return self.candle(topic, pair, self._paper.prices.now)
        return self._difference(pair) if topic.channel == "books" else self._state(topic, pair)

    def _trade(self, pair: Pair) -> Push | None:
        faults = self._paper.market_faults
        if faults.loses(pair.symbol):
            return None
        [newest] = self._market.tapes.newest(pair.symbol, 1)
        wrong = faults.wrong_time.get(pair.symbol, 0)
        return Push(UPDATE, [{**trade(newest), "ts": str(newest.at + wrong)}])

    def candle(self, topic: Topic, pair: Pair, at: int) -> Push | None:
        """Return the bar that holds a moment. Nothing says whether it has ended."""
        timeframe = timeframe_of(topic.channel)
        row = self._market.running(pair, timeframe, at) if timeframe and self._paper.market_faults.candles else []
        return Push(UPDATE, [row]) if row else None

    def _state(self, topic: Topic, pair: Pair) -> Push:
        if topic.channel in BOOKS:
            bids, asks = self._market.levels(pair, BOOKS[topic.channel])
            return Push(SNAPSHOT, [self._book(pair, bids, asks, checksum(bids, asks))])
        return Push(SNAPSHOT, [_ticker(self._market.ticker(pair))])

    def _book(self, pair: Pair, bids: Levels, asks: Levels, check: int) -> dict[str, Any]:
        number = self._market.tapes.of(pair.symbol).book_id
        return {"asks": asks, "bids": bids, "checksum": check, "seq": number, "ts": str(self._paper.now())}

    def _difference(self, pair: Pair) -> Push | None:
        """Return the change of the whole book: removed levels have the size zero. None when it has not changed."""
        tape = self._market.tapes.of(pair.symbol)
        before, after = (self._market.levels(pair, BOOKS["books"], last) for last in (tape.price_before, tape.price))
        if before == after:
            return None
        bids, asks = (_changes(*sides) for sides in zip(before, after, strict=True))
        return Push(UPDATE, [self._book(pair, bids, asks, checksum(*after))])


def _changes(before: Levels, after: Levels) -> Levels:
    there = {price for price, _ in after}
    return [*([price, "0"] for price, _ in before if price not in there), *(one for one in after if one not in before)]


def checksum(bids: Levels, asks: Levels) -> int:
    """Return the checksum of a book: a signed CRC32 of its best 25 levels, bid and ask in turn, as they are written."""
    best = [
        level
        for place in range(_CHECKED)
        for side in (bids, asks)
        for level in side[place : place + 1]
    ]  # fmt: skip
    number = zlib.crc32(":".join(text for level in best for text in level).encode())
    return number - 2**32 if number >= 2**31 else number


def _ticker(told: dict[str, Any]) -> dict[str, Any]:
    """Return a ticker under the names that the sockets use."""
    renamed = {"symbol": "instId", "open": "open24h"}
    return {renamed.get(name, name): value for name, value in told.items() if name != "usdtVolume"}


# --- private channels ------------------------------------------------------------------------------------------------


def order_push(order: PaperOrder, last: PaperTrade | None) -> dict[str, Any]:
    """Return a row of the channel `orders`. `baseVolume` is that of the last fill alone, `newSize` the true size."""
    fees: dict[str, Any] = {}
    for one in order.trades:
        fees[one.fee_currency] = fees.get(one.fee_currency, ZERO) + one.fee
    row: dict[str, Any] = {
        "instId": forms.native(order.pair), "orderId": forms.order_id(order.id), "clientOid": order.client_order_id,
        "size": forms.size(order), "newSize": forms.size(order), "orderType": order.type,
        "force": forms.FORCES[order.time_in_force], "side": order.side, "accBaseVolume": forms.amount(order.filled),
        "priceAvg": forms.average(order),
        "status": forms.status(order), "cTime": str(order.at), "uTime": str(order.updated), "stpMode": "none",
        "feeDetail": [{"feeCoin": coin, "fee": forms.amount(-fee)} for coin, fee in fees.items()],
        "enterPointSource": "API",
    }  # fmt: skip
    if order.price is not None:
        row["price"] = forms.amount(order.price)
    if last is not None:
        row |= {
            "fillPrice": forms.amount(last.price), "tradeId": forms.order_id(last.id),
            "baseVolume": forms.amount(last.quantity), "fillTime": str(last.at), "fillFee": forms.amount(-last.fee),
            "fillFeeCoin": last.fee_currency, "tradeScope": "M" if last.maker else "T",
        }  # fmt: skip
    if row["status"] == "cancelled":
        row["cancelReason"] = forms.cancel_reason(order)
    return row


def fill_push(one: PaperTrade) -> dict[str, Any]:
    """Return a row of the channel `fill`. The fee is a list here."""
    row = forms.fill(one)
    detail = {**row["feeDetail"], "totalDeductionFee": "0"}
    return {**row, "feeDetail": [detail]}


def plan_push(plan: Plan) -> dict[str, Any]:
    """Return a row of the channel `orders-algo`."""
    told = forms.plan(plan)
    return {
        **{name: value for name, value in told.items() if name != "symbol"}, "instId": told["symbol"],
        "price": told["executePrice"], "stpMode": "none",
        "actualSize": "0" if plan.order is None else forms.amount(plan.order.filled),
    }  # fmt: skip


def account_push(account: Account, coins: Sequence[str], now: int) -> list[dict[str, Any]]:
    """Return rows of the channel `account`."""
    return [forms.asset(account, coin, now) for coin in coins]
