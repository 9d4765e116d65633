"""Changes at Binance: orders sent, cancelled, amended and replaced, and the room for new ones of each account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from adapters.exchanges.binance import messages, parameters
from adapters.exchanges.binance.entry import OrderEntry
from adapters.exchanges.binance.errors import HalfDone, error_of
from adapters.exchanges.binance.native import NativeReplacement
from adapters.exchanges.counts import OrderCounts
from adapters.exchanges.decoding import understood
from adapters.exchanges.http import Connection, Http
from application.ports.errors import ExchangeError, NoAnswer
from application.ports.statements import (
    Credentials,
    ListRequest,
    Only,
    OrderName,
    OrderReport,
    OrderRequest,
    OrderRoom,
    Replacement,
)
from domain.market import Market

RECEIVE_WINDOW = timedelta(seconds=5)
ORDER_LIMITS = {10: 100, 86_400: 200_000}
"""The most new orders by length of a window in seconds, until `exchangeInfo` has told the actual limits."""
RESTRICTIONS = {Only.UNFILLED: "ONLY_NEW", Only.PARTLY_FILLED: "ONLY_PARTIALLY_FILLED"}
_SUCCESS = "SUCCESS"

_replacement_decoder = msgspec.json.Decoder(NativeReplacement)


class Trading(Connection):
    """The changes at one venue."""

    def __init__(self, ws_api: str, http: Http) -> None:
        super().__init__(http)
        self._entry = OrderEntry(ws_api, http, int(RECEIVE_WINDOW.total_seconds() * 1000), self._now)
        self._limits = dict(ORDER_LIMITS)
        self._counts: dict[str, OrderCounts] = {}

    def limit_orders(self, limits: Mapping[int, int]) -> None:
        """Take over the limits on new orders, by length of a window in seconds."""
        if limits:
            self._limits.clear()
            self._limits.update(limits)

    def order_room(self, credentials: Credentials) -> OrderRoom:
        """Return how many new orders the account may send now, by our count or by Binance's where it has told one."""
        room = self._counts_of(credentials).room
        wait = self._http.pace.wait_for_change()
        return OrderRoom(0, room.most or 1, max(wait, room.seconds if room.left == 0 else 0.0)) if wait else room

    def take_counts(self, credentials: Credentials, told: Mapping[int, int], asked_at: float) -> None:
        """Take over Binance's own counts by length of a window in seconds.

        They were asked for at `asked_at`, by Binance's clock in seconds.
        """
        for seconds, used in told.items():
            self._counts_of(credentials).told(seconds, used, asked_at)

    def _counts_of(self, credentials: Credentials) -> OrderCounts:
        counts = self._counts.get(credentials.key)
        if counts is None:
            counts = self._counts[credentials.key] = OrderCounts(self._limits, lambda: self._now() / 1000)
        return counts

    async def place(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one order and ask for its fills in the answer."""
        counts = self._counts_of(credentials)
        raw = await self._entry.send("order.place", parameters.of_order(request), credentials, counts, orders=1)
        return understood(raw, messages.report_of)

    async def cancel(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Take one order off the book."""
        named = {"symbol": market.native, **parameters.of_name(name)}
        return understood(await self._entry.send("order.cancel", named, credentials), messages.report_of)

    async def place_list(self, credentials: Credentials, request: ListRequest) -> list[OrderReport]:
        """Send an OCO: the stop and the target, each on its side of the market. The stop's report comes first."""
        counts = self._counts_of(credentials)
        raw = await self._entry.send("orderList.place.oco", parameters.of_list(request), credentials, counts, orders=2)
        reports = understood(raw, messages.reports_of_list)
        return sorted(reports, key=lambda report: report.client_order_id != request.stop.client_order_id)

    async def cancel_list(self, credentials: Credentials, market: Market, list_id: str) -> list[OrderReport]:
        """Take both legs off the book."""
        named = {"symbol": market.native, "listClientOrderId": list_id}
        return understood(await self._entry.send("orderList.cancel", named, credentials), messages.reports_of_list)

    async def amend(self, credentials: Credentials, name: OrderName, request: OrderRequest) -> OrderReport:
        """Reduce an order's quantity, which is all that can be amended; its place in the queue is kept."""
        named = {
            "symbol": request.market.native, **parameters.of_name(name), "newClientOrderId": request.client_order_id,
            "newQty": f"{request.quantity:f}",
        }  # fmt: skip
        raw = await self._entry.send("order.amend.keepPriority", named, credentials)
        return understood(raw, messages.report_of_amendment)

    async def replace(
        self, credentials: Credentials, market: Market, old: OrderName, request: OrderRequest, *, only: Only
    ) -> Replacement:
        """Send `order.cancelReplace`, which stops when the cancel fails and does nothing beyond the order limit.

        Its error code says little: -2022 means that nothing changed, -2021 that one half was carried out. The results
        of both halves tell which (Binance's REST API, "Cancel an Existing Order and Send a New Order").
        """
        named = {
            **parameters.of_order(request), **parameters.of_replaced(old), "cancelReplaceMode": "STOP_ON_FAILURE",
            "cancelRestrictions": RESTRICTIONS[only], "orderRateLimitExceededMode": "DO_NOTHING",
        }  # fmt: skip
        counts = self._counts_of(credentials)
        try:
            raw = await self._entry.send("order.cancelReplace", named, credentials, counts, orders=1)
        except HalfDone as half:
            return _outcome(half.halves)
        return understood(raw, lambda told: _outcome(_replacement_decoder.decode(told)))


def _outcome(halves: NativeReplacement) -> Replacement:
    """Read both halves. Raises the cancel's own error when nothing was changed, `NoAnswer` when one cannot be read."""
    if halves.cancelResult != _SUCCESS:
        raise _error_in(halves.cancelResponse)
    taken_off = understood(bytes(halves.cancelResponse), messages.reports_of_cancel)
    if halves.newOrderResult == _SUCCESS:
        return Replacement(taken_off, placed=understood(bytes(halves.newOrderResponse), messages.report_of))
    return Replacement(taken_off, refused=_error_in(halves.newOrderResponse))


def _error_in(response: msgspec.Raw) -> ExchangeError:
    raw = bytes(response)
    if not raw:
        return NoAnswer("a cancel-replace that says nothing of its halves", code="no_answer")
    return error_of(400, raw)
