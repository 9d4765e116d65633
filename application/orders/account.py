"""An account: one broker on its exchange, and what all parts of its lane share."""

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
from application.ports.exchange import (
    Credentials,
    ExchangeClient,
    ExchangeId,
    NotAccepted,
    OrderName,
    OrderReport,
    Scrap,
    Ticker,
)
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
"""Refusals that name a rule of the market."""
NO_PLACE = "too_many_resting"
"""One call weighs an order beside the one that it replaces, and there is no place for both."""
BUSY = 0.78
"""Which part of a minute's budget leaves nothing for questions that are not urgent: shortly below what they may use."""
TOLD_RECENTLY = timedelta(seconds=2)
"""For how long a price that was told is worth a question."""
MOST_NAMES = 20_000
"""How many ids are kept at hand. What is said of an order that ended long before is matched by a comparison."""


class Log(Protocol):
    """Where the lane says what it does."""

    def info(self, event: str, **values: Any) -> Any:
        """An ordinary step."""

    def warning(self, event: str, **values: Any) -> Any:
        """Something that somebody should look at."""


class Account:
    """One broker, the log's side of its orders, and which of them the exchange knows by which id.

    `broker`, `credentials` and `markets` may be renewed between two pieces of work.
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
        """The last prices of what is held, told by whoever asks for all brokers of the exchange."""
        self.rules_doubted: Callable[[], None] = lambda: None
        """Ask for the rules of the markets anew: the exchange refuses what they allow."""
        self._names: OrderedDict[str | tuple[str, str], UUID] = OrderedDict()
        self.recording = Recording(
            exchange, lambda: self.credentials, markets, store, self.doubts, self.turns, self.movements, self.know,
            self.hearing.learn, FeeValues(exchange, markets, self.price, clock, log),
        )  # fmt: skip

    def know(self, order: Order) -> None:
        """The exchange speaks of it by these ids; its own are numbers of one market."""
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
        """The order that is spoken of, as far as this process has met it."""
        by_exchange = self._names.get((said.native_symbol, said.exchange_order_id))
        return self._names.get(said.client_order_id) or by_exchange

    async def hear(self, report: OrderReport) -> Order | None:
        """Take a report into the history of the order that it names; None for a stranger's."""
        order_id = self.order_of(report)
        return None if order_id is None else (await self.recording.take(order_id, report)).order

    async def ask(self, order: Order, market: Market) -> OrderReport:
        """What the exchange says of an order now. Raises as `ExchangeClient.query`."""
        return await self.exchange.query(self.credentials, market, name_of(order))

    async def price(self, market: Market, *, urgent: bool = False) -> Ticker:
        """Return the newest price: the one that was told a moment ago, or else the exchange's answer now.

        Raises as `ExchangeClient.tickers`.
        """
        told = self.told_prices.get(market.symbol)
        if told is not None and self.clock() - told.time < TOLD_RECENTLY:
            return told
        return await self.asked_price(market, urgent=urgent)

    async def asked_price(self, market: Market, *, urgent: bool = False) -> Ticker:
        """Ask the exchange now: what was told a moment ago sells nothing. Raises as `ExchangeClient.tickers`."""
        self.check_question(urgent=urgent)
        return (await self.exchange.tickers([market], urgent=urgent))[market.symbol]

    def check_question(self, *, urgent: bool) -> None:
        """Raise `NotAccepted` for a question that would have to wait for the next minute's budget.

        The lane does one thing at a time: no exit and no stop waits for what an entry would like to know.
        """
        if not urgent and self.exchange.busy >= BUSY:
            raise NotAccepted("the exchange's budget is kept for what is urgent", code="rate_limited")

    def doubt_rules(self, code: str) -> None:
        """A refusal with one of these codes says that the rules we know are no longer those of the exchange."""
        if code in OF_RULES:
            self.rules_doubted()

    def valid_until(self, now: datetime) -> datetime:
        """Until when the exchange may act on what is sent now."""
        return now + timedelta(seconds=self.exchange.valid_for)

    async def doubted(self, order: Order, reason: str) -> None:
        """Silence is no rejection: until the truth is known, sizing reckons with the worst cost.

        The private stream may have told of the order before its answer was lost: then there is no doubt.
        """

        def doubt(known: Order) -> None:
            if known.status is Status.SUBMITTED:
                known.doubt(reason)

        order = await self.recording.say(order.id, doubt)
        if order.status is Status.UNKNOWN:
            self.doubts.begin(order)


def name_of(order: Order) -> OrderName:
    """How an order is named to its exchange: by the exchange's own id as soon as it is known, which nobody changes.

    A client id changes with every amendment, ours or one made outside, and what was found there bears none of ours.
    """
    known = order.exchange_order_id
    return order.client_order_id if known is None else ExchangeId(known)
