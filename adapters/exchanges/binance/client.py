"""The Binance spot client: one instance per venue, credentials with every call."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from adapters.exchanges.binance import messages, streams
from adapters.exchanges.binance.errors import error_of
from adapters.exchanges.binance.signing import query_string, signed_query
from adapters.exchanges.http import Answer, Http, Pace
from application.exchange import (
    Balance,
    Candle,
    Credentials,
    Fill,
    NoAnswer,
    OrderReport,
    OrderRequest,
    RefusedByExchange,
    Ticker,
)
from domain.market import Market
from domain.wish import TimeInForce, Type

WEIGHT_PER_MINUTE = 6000
RECEIVE_WINDOW = timedelta(seconds=5)
_PAGE = 1000
_DAY = timedelta(hours=24)
_OK = 200


class Binance:
    """Binance spot at one venue."""

    def __init__(self, rest: str, ws_api: str, ws_streams: str) -> None:
        self._http = Http(rest, Pace(WEIGHT_PER_MINUTE))
        self._ws_api = ws_api
        self._ws_streams = ws_streams
        self.clock_offset = timedelta(0)
        """The exchange's clock minus ours, as last measured."""
        self.valid_for = RECEIVE_WINDOW.total_seconds()

    # --- public ------------------------------------------------------------------------------------------------

    async def server_time(self) -> datetime:
        """The exchange's clock; the offset to ours is kept and used for every signature."""
        asked = datetime.now(UTC)
        told = await self._read("/api/v3/time", {}, weight=1)
        answered = datetime.now(UTC)
        there = messages.moment(msgspec.json.decode(told)["serverTime"])
        self.clock_offset = there - (asked + (answered - asked) / 2)
        return there

    async def markets(self) -> list[Market]:
        """Every spot pair with all its filters."""
        told = msgspec.json.decode(await self._read("/api/v3/exchangeInfo", {}, weight=20))
        for limit in told.get("rateLimits", ()):
            if limit["rateLimitType"] == "REQUEST_WEIGHT" and limit["interval"] == "MINUTE":
                self._http.pace.limit = int(limit["limit"])
        return [messages.market_of(s) for s in told["symbols"] if s.get("isSpotTradingAllowed", True)]

    async def tickers(self, markets: Sequence[Market]) -> dict[str, Ticker]:
        """Last, bid and ask by symbol."""
        names = {market.native: market.symbol for market in markets}
        chosen = {"symbols": msgspec.json.encode(sorted(names)).decode()} if names else {}
        books = msgspec.json.decode(await self._read("/api/v3/ticker/bookTicker", chosen, weight=4))
        lasts = msgspec.json.decode(await self._read("/api/v3/ticker/price", chosen, weight=4))
        sides = {book["symbol"]: book for book in books}
        now = datetime.now(UTC)
        return {
            names.get(t["symbol"], t["symbol"]): Ticker(
                names.get(t["symbol"], t["symbol"]),
                Decimal(t["price"]),
                Decimal(sides[t["symbol"]]["bidPrice"]) if t["symbol"] in sides else None,
                Decimal(sides[t["symbol"]]["askPrice"]) if t["symbol"] in sides else None,
                now,
            )
            for t in lasts
        }

    async def candles(self, market: Market, timeframe: str, since: datetime | None = None) -> list[Candle]:
        """Up to 1000 bars, oldest first; `timeframe` is one of Binance's own words (1m, 15m, 1h, 1d)."""
        parameters: dict[str, object] = {"symbol": market.native, "interval": timeframe, "limit": _PAGE}
        if since is not None:
            parameters["startTime"] = _milliseconds(since)
        rows = msgspec.json.decode(await self._read("/api/v3/klines", parameters, weight=2))
        now = datetime.now(UTC) + self.clock_offset
        return [messages.candle_of(row, now) for row in rows]

    def candle_stream(self, native_symbols: Sequence[str], timeframe: str) -> AsyncIterator[tuple[str, Candle]]:
        """Bars as they change; a bar is final when `closed`."""
        return streams.candles(self._http.session, self._ws_streams, native_symbols, timeframe)

    # --- the account -------------------------------------------------------------------------------------------

    async def balances(self, credentials: Credentials) -> dict[str, Balance]:
        """What the account holds; currencies of which it has nothing are left out."""
        told = msgspec.json.decode(await self._signed("/api/v3/account", {"omitZeroBalances": "true"}, credentials, 20))
        return {b["asset"]: Balance(b["asset"], Decimal(b["free"]), Decimal(b["locked"])) for b in told["balances"]}

    async def query(self, credentials: Credentials, market: Market, client_order_id: str) -> OrderReport:
        """One order by our id."""
        parameters = {"symbol": market.native, "origClientOrderId": client_order_id}
        raw = await self._signed("/api/v3/order", parameters, credentials, 4)
        return messages.report_of(messages.order_decoder.decode(raw), raw)

    async def open_orders(self, credentials: Credentials, market: Market | None = None) -> list[OrderReport]:
        """Everything that rests, of one market or of all."""
        parameters = {"symbol": market.native} if market else {}
        return messages.reports_of(
            await self._signed("/api/v3/openOrders", parameters, credentials, 6 if market else 80)
        )

    async def orders_since(self, credentials: Credentials, market: Market, since: datetime) -> list[OrderReport]:
        """All orders created since, asked day by day (Binance's longest range) and page by page."""
        found: dict[str, OrderReport] = {}
        start, now = since, datetime.now(UTC) + self.clock_offset
        while start <= now:
            end = min(start + _DAY, now + timedelta(seconds=1))
            parameters: dict[str, object] = {
                "symbol": market.native, "limit": _PAGE,
                "startTime": _milliseconds(start), "endTime": _milliseconds(end),
            }  # fmt: skip
            page = messages.reports_of(await self._signed("/api/v3/allOrders", parameters, credentials, 20))
            found.update((report.exchange_order_id, report) for report in page)
            if len(page) < _PAGE:
                start = end + timedelta(milliseconds=1)
            else:
                newest = max(report.created_at for report in page if report.created_at is not None)
                start = max(newest, start + timedelta(milliseconds=1))
        return list(found.values())

    async def fills_of(self, credentials: Credentials, market: Market, exchange_order_id: str) -> list[Fill]:
        """All executions of one order with their fees."""
        found: list[Fill] = []
        parameters: dict[str, object] = {"symbol": market.native, "orderId": exchange_order_id, "limit": _PAGE}
        while True:
            page = messages.fills_of(await self._signed("/api/v3/myTrades", parameters, credentials, 5))
            found += page
            if len(page) < _PAGE:
                return found
            parameters["fromId"] = int(page[-1].trade_id) + 1

    def reports(self, credentials: Credentials) -> AsyncIterator[OrderReport]:
        """The private stream of one account."""
        return streams.reports(self._http.session, self._ws_api, credentials, self._now)

    # --- changes -----------------------------------------------------------------------------------------------

    async def place(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one order and ask for its fills in the answer."""
        raw = await self._change("POST", "/api/v3/order", _order_parameters(request), credentials)
        try:
            return messages.report_of(messages.order_decoder.decode(raw), raw)
        except (msgspec.MsgspecError, ValueError) as error:
            raise NoAnswer(f"an answer that says nothing: {raw[:200]!r}", code="no_answer") from error

    async def cancel(self, credentials: Credentials, market: Market, client_order_id: str) -> OrderReport:
        """Take one order off the book."""
        parameters = {"symbol": market.native, "origClientOrderId": client_order_id}
        raw = await self._change("DELETE", "/api/v3/order", parameters, credentials)
        try:
            return messages.report_of(messages.order_decoder.decode(raw), raw)
        except (msgspec.MsgspecError, ValueError) as error:
            raise NoAnswer(f"an answer that says nothing: {raw[:200]!r}", code="no_answer") from error

    async def close(self) -> None:
        """End all connections."""
        await self._http.close()

    # --- the wire ----------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(time.time() * 1000 + self.clock_offset.total_seconds() * 1000)

    def _stamped(self, parameters: Mapping[str, object]) -> dict[str, object]:
        return {**parameters, "recvWindow": int(RECEIVE_WINDOW.total_seconds() * 1000), "timestamp": self._now()}

    async def _read(self, path: str, parameters: Mapping[str, object], *, weight: int) -> bytes:
        query = f"{path}?{query_string(parameters)}" if parameters else path
        return self._checked(await self._http.read(lambda: query, weight=weight, headers={}), sent=False)

    async def _signed(
        self, path: str, parameters: Mapping[str, object], credentials: Credentials, weight: int
    ) -> bytes:
        def make() -> str:
            return f"{path}?{signed_query(self._stamped(parameters), credentials.secret)}"

        headers = {"X-MBX-APIKEY": credentials.key}
        return self._checked(await self._http.read(make, weight=weight, headers=headers), sent=False)

    async def _change(
        self, method: str, path: str, parameters: Mapping[str, object], credentials: Credentials
    ) -> bytes:
        query = f"{path}?{signed_query(self._stamped(parameters), credentials.secret)}"
        answer = await self._http.change(method, query, weight=1, headers={"X-MBX-APIKEY": credentials.key})
        return self._checked(answer, sent=True)

    def _checked(self, answer: Answer, *, sent: bool) -> bytes:
        if used := answer.headers.get("X-MBX-USED-WEIGHT-1M"):
            self._http.pace.told(int(used))
        if answer.status == _OK:
            return answer.body
        if pause := answer.headers.get("Retry-After"):
            self._http.pace.close_for(float(pause))
        raise error_of(answer.status, answer.body, sent=sent)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _order_parameters(request: OrderRequest) -> dict[str, object]:
    """One unified order in Binance's words. Raises `RefusedByExchange` for what Binance cannot express."""
    parameters: dict[str, object] = {
        "symbol": request.market.native,
        "side": request.side.upper(),
        "newClientOrderId": request.client_order_id,
        "newOrderRespType": "FULL",
    }
    if request.type is Type.MARKET:
        size = {"quantity": request.quantity} if request.cost is None else {"quoteOrderQty": request.cost}
        return {**parameters, "type": "MARKET", **{name: f"{value:f}" for name, value in size.items()}}
    if request.quantity is None or request.price is None:
        raise RefusedByExchange("Binance takes a limit order by quantity and price", code="size_ambiguous")
    parameters |= {"quantity": f"{request.quantity:f}", "price": f"{request.price:f}"}
    if request.time_in_force is TimeInForce.PO:
        return {**parameters, "type": "LIMIT_MAKER"}
    return {**parameters, "type": "LIMIT", "timeInForce": (request.time_in_force or TimeInForce.GTC).value}
