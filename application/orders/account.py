"""An account: one broker on its exchange, shared by all parts of its lane."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from application.orders.doubts import Doubts
from application.orders.fees import FeeValues
from application.orders.hearing import Hearing
from application.orders.movements import Movements
from application.orders.recording import Recording
from application.orders.turns import Turns
from application.ports.errors import ExchangeError, NotAccepted
from application.ports.exchange import ExchangeClient
from application.ports.market_data import Ticker
from application.ports.statements import Credentials, ExchangeId, OrderName, OrderReport, Scrap
from application.ports.stores import AccountSnapshots, Store
from domain.broker import Broker
from domain.market import Market
from domain.order import Order, Status

OF_RULES = frozenset(
    {
        "filter_failed", "precision_refused", "symbol_unknown", "market_closed", "notional_refused", "price_too_far",
        "market_lot_exceeded", "too_many_resting", "order_type_refused",
    }
)  # fmt: skip
"""Codes of refusals that name a rule of the market."""
NO_PLACE = "too_many_resting"
"""Code of a refusal for too many resting orders.

A call that replaces an order may meet it: the exchange counts the new order beside the old one and has no place for
both.
"""
BUSY = 0.78
"""The fraction of a minute's budget from which questions that are not urgent are refused.

It lies just below the share that they may use.
"""
TOLD_RECENTLY = timedelta(seconds=2)
"""Time for which a price that was passed on replaces asking for one."""
MOST_NAMES = 20_000
"""The most order ids kept in memory; those of live orders are never dropped.

A report about an order that ended long before is matched by reconciliation.
"""


class Log(Protocol):
    """The log of what a lane does."""

    def info(self, event: str, **values: Any) -> Any:
        """Log an ordinary step."""

    def warning(self, event: str, **values: Any) -> Any:
        """Log something that needs attention."""


class Account:
    """One broker, its orders in the log, and the ids by which the exchange knows them.

    `broker`, `credentials` and `markets` may be renewed between two errands.
    """

    def __init__(
        self,
        broker: Broker,
        exchange: ExchangeClient,
        credentials: Credentials,
        markets: dict[str, Market],
        store: Store,
        snapshots: AccountSnapshots,
        sender: UUID,
        clock: Callable[[], datetime],
        log: Log,
    ) -> None:
        self.broker = broker
        self.exchange = exchange
        self.credentials = credentials
        self.markets = markets
        self.store = store
        self.snapshots = snapshots
        self.sender = sender
        self.clock = clock
        self.log = log
        self.doubts = Doubts()
        self.turns = Turns(lambda: self.exchange.order_room(self.credentials))
        self.movements = Movements(clock)
        self.hearing = Hearing(clock)
        self.told_prices: dict[str, Ticker] = {}
        """The last prices of what is held, by symbol, asked for once for all brokers of the exchange and passed on."""
        self.rules_doubted: Callable[[], None] = lambda: None
        """The callback that has the market rules loaded anew, when the exchange refuses what they allow."""
        self._names: OrderedDict[str | tuple[str, str], UUID] = OrderedDict()
        self.recording = Recording(
            exchange, lambda: self.credentials, markets, store, self.doubts, self.turns, self.movements, self.know,
            self.hearing.learn, FeeValues(exchange, markets, self.price, clock, log),
        )  # fmt: skip

    def know(self, order: Order) -> None:
        """Index an order under every id that a report may name; exchange ids are unique within one market only."""
        amended = [order.amendment.client_order_id] if order.amendment is not None else []
        names: list[str | tuple[str, str]] = [*order.client_order_ids, *amended]
        market = self.markets.get(order.wish.symbol)
        if market is not None:
            names += [(market.native, exchange_id) for exchange_id in order.exchange_order_ids]
        self._names.update(dict.fromkeys(names, order.id))
        for _ in range(len(self._names) - MOST_NAMES):
            name, order_id = self._names.popitem(last=False)
            if order_id in self.recording.live:
                self._names[name] = order_id

    def order_of(self, said: OrderReport | Scrap) -> UUID | None:
        """Return the id of the order that a report is about, None for one that this process has not met."""
        by_exchange = self._names.get((said.native_symbol, said.exchange_order_id))
        return self._names.get(said.client_order_id) or by_exchange

    async def hear(self, report: OrderReport) -> Order | None:
        """Take a report into the history of its order and return the order, None for a stranger's report."""
        order_id = self.order_of(report)
        return None if order_id is None else (await self.recording.take(order_id, report)).order

    async def ask(self, order: Order, market: Market) -> OrderReport:
        """Return the exchange's report of an order now. Raises as `ExchangeClient.query`."""
        return await self.exchange.query(self.credentials, market, name_of(order))

    async def price(self, market: Market, *, urgent: bool = False) -> Ticker:
        """Return the newest price: the one passed on a moment ago, or else the exchange's answer now.

        Raises as `asked_price`.
        """
        told = self.told_prices.get(market.symbol)
        if told is not None and self.clock() - told.time < TOLD_RECENTLY:
            return told
        return await self.asked_price(market, urgent=urgent)

    async def asked_price(self, market: Market, *, urgent: bool = False) -> Ticker:
        """Return the price from the exchange now: nothing is sold at a price passed on a moment ago.

        Raises as `check_question` and `ExchangeClient.tickers`.
        """
        self.check_question(urgent=urgent)
        return (await self.exchange.tickers([market], urgent=urgent))[market.symbol]

    def check_question(self, *, urgent: bool) -> None:
        """Raise `NotAccepted` when a question that is not `urgent` would have to wait for the next minute's budget.

        The lane does one thing at a time: no exit and no stop may wait for a question that serves an entry.
        """
        if not urgent and self.exchange.busy >= BUSY:
            raise NotAccepted("the exchange's budget is kept for what is urgent", code="rate_limited")

    def doubt_rules(self, code: str) -> None:
        """Have the market rules loaded anew when a refusal names one: those we know are no longer the exchange's."""
        if code in OF_RULES:
            self.rules_doubted()

    def valid_until(self, now: datetime) -> datetime:
        """Return the time until which the exchange may act on a request sent at `now`."""
        return now + timedelta(seconds=self.exchange.valid_for)

    async def doubted(self, order: Order, silence: ExchangeError) -> None:
        """Record that an order is in doubt, as the exchange has not answered.

        Silence is not a rejection: until the truth is known, sizing counts the worst cost. The private stream may have
        reported the order before its answer was lost; then there is no doubt.
        """

        def doubt(known: Order) -> None:
            if known.status is Status.SUBMITTED:
                known.doubt(silence.code, str(silence))

        order = await self.recording.say(order.id, doubt)
        if order.status is Status.UNKNOWN:
            self.doubts.begin(order)


def name_of(order: Order) -> OrderName:
    """Return the id that names an order to its exchange: the exchange's own once known, as that never changes.

    A client id changes with every amendment, ours or one made outside, and an external order has no client id of ours.
    """
    known = order.exchange_order_id
    return order.client_order_id if known is None else ExchangeId(known)
