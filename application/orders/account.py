"""An account: one broker on its exchange."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from application.orders.hearing import Hearing
from application.orders.movements import Movements
from application.orders.turns import Turns
from application.ports.errors import NotAccepted
from application.ports.exchange import ExchangeClient
from application.ports.market_data import Ticker
from application.ports.statements import Credentials, ExchangeId, OrderName, OrderReport, OrderRoom
from domain.market import Market, Markets
from domain.orders.order import Order
from domain.people.broker import Broker

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


class Log(Protocol):
    """The log of what a lane does."""

    def info(self, event: str, **values: Any) -> Any:
        """Log an ordinary step."""

    def warning(self, event: str, **values: Any) -> Any:
        """Log something that needs attention."""


class Account:
    """One broker on its exchange: client, keys, markets and clock, and what the exchange allows and tells.

    `broker` and `credentials` may be renewed between two errands, `markets` are renewed in place. `rules_doubted` has
    the market rules loaded anew.
    """

    def __init__(
        self,
        broker: Broker,
        exchange: ExchangeClient,
        credentials: Credentials,
        markets: Markets,
        clock: Callable[[], datetime],
        log: Log,
        rules_doubted: Callable[[], None],
    ) -> None:
        self.broker = broker
        self.exchange = exchange
        self.credentials = credentials
        self.markets = markets
        self.clock = clock
        self.log = log
        self.turns = Turns(self.order_room)
        self.movements = Movements(clock)
        self.hearing = Hearing(clock)
        self.halted = False
        """True while a halt of its owner waits to be recorded: the log does not know it yet."""
        self.told_prices: dict[str, Ticker] = {}
        """The last prices of what is held, by symbol, asked for once for all brokers of the exchange and passed on."""
        self._rules_doubted = rules_doubted

    def order_room(self) -> OrderRoom:
        """Return the number of new orders that the account may send now."""
        return self.exchange.order_room(self.credentials)

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
            self._rules_doubted()

    def valid_until(self, now: datetime) -> datetime:
        """Return the time until which the exchange may act on a request sent at `now`."""
        return now + timedelta(seconds=self.exchange.valid_for)


def name_of(order: Order) -> OrderName:
    """Return the id that names an order to its exchange: the exchange's own once known, as that never changes.

    A client id changes with every amendment, ours or one made outside, and an external order has no client id of ours.
    """
    known = order.exchange_order_id
    return order.client_order_id if known is None else ExchangeId(known)
