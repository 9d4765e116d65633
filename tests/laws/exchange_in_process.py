"""The paper exchange without a wire, and a log in memory: fast enough for thousands of random histories.

The ledger, Binance's messages and our reading of them are real; only HTTP and PostgreSQL are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from adapters.exchanges.binance import messages, parameters, rules
from adapters.exchanges.binance.client import CAPABILITIES
from adapters.exchanges.binance.errors import error_of
from adapters.paper.binance import forms
from adapters.paper.binance.api import BinanceApi, Error
from adapters.paper.binance.market import BinanceMarket
from adapters.paper.exchange import Paper
from application.ports.errors import NoAnswer
from domain.orders.order import Order
from domain.orders.order_status import ENDED
from domain.refusals import Conflict, NotFound


class AccountSnapshots:
    """The last snapshot of each account, in memory."""

    def __init__(self):
        self._kept = {}

    def last(self, broker):
        return self._kept.get(broker)

    def record(self, broker, snapshot):
        self._kept[broker] = snapshot


class Books:
    """The log of one platform, in memory. A loaded aggregate is replayed each time, as from the real log."""

    def __init__(self):
        self.streams = defaultdict(list)

    def get(self, kind, aggregate_id):
        found = self.find(kind, aggregate_id)
        if found is None:
            raise NotFound(f"there is no such {kind.__name__}")
        return found

    def find(self, kind, aggregate_id):
        found = None
        for event in self.streams.get(aggregate_id, ()):
            found = event.mutate(found)
        return found

    def get_all(self, kind, ids):
        return [self.get(kind, aggregate_id) for aggregate_id in ids]

    def versions(self, ids: Sequence[UUID]) -> list[int]:
        """Return the newest version of each stream."""
        return [len(self.streams.get(one, ())) for one in ids]

    def save(self, *aggregates, **_):
        events = [event for aggregate in aggregates for event in aggregate.collect_events()]
        for event in events:
            if event.originator_version != len(self.streams.get(event.originator_id, ())) + 1:
                raise Conflict("another process was faster")
            self.streams[event.originator_id].append(event)
        return []

    def orders(self):
        """Return all orders in their current state."""
        found = [self.find(Order, stream) for stream in [*self.streams]]
        return [order for order in found if isinstance(order, Order)]

    def orders_not_ended(self):
        return [order.id for order in self.orders() if order.status not in ENDED]

    def order_named(self, broker: int, client_order_id: str) -> UUID | None:
        named = (o for o in self.orders() if o.broker == broker and client_order_id in o.client_order_ids)
        return next((order.id for order in named if not order.is_external), None)

    def order_numbered(self, broker: int, symbol: str, exchange_order_id: str) -> UUID | None:
        known = (o for o in self.orders() if (o.broker, o.wish.symbol) == (broker, symbol))
        return next((order.id for order in known if exchange_order_id in order.exchange_order_ids), None)

    def position_newest(self, user, broker, symbol, owner):
        wanted = (user, broker, symbol, owner)
        firsts = [(stream, events[0]) for stream, events in self.streams.items() if events]
        opened = [(stream, one) for stream, one in firsts if type(one).__qualname__ == "Position.Opened"]
        mine = [stream for stream, one in opened if (one.user, one.broker, one.symbol, one.owner) == wanted]
        return mine[-1] if mine else None  # streams are in the order in which they began

    def positions_open(self):
        return []


class SlowClock(Paper):
    """A paper exchange whose clock the test sets."""

    def __init__(self, clock):
        self.clock = clock
        super().__init__()

    def now(self):
        return int(self.clock().timestamp() * 1000)


class InProcess:
    """One account, reached through the port. `silence` counts down to a request that gets no answer.

    `meanwhile` runs between the moment for which a list of open orders is true and the moment at which it is returned.
    """

    valid_for, capabilities, busy, clock_offset = 5.0, CAPABILITIES, 0.0, timedelta(0)

    def __init__(self, paper, account):
        self.paper, self.account, self.api = paper, account, BinanceApi(paper)
        self.said = defaultdict(list)
        self.silence, self.meanwhile = None, None

    def markets(self):
        told = BinanceMarket(self.paper).exchange_info({})
        return {m.symbol: m for m in rules.information_of(msgspec.json.encode(told)).markets}

    def _ask(self, operation, meaning, **named):
        if self.silence is not None:
            self.silence -= 1
            if self.silence < 0:
                self.silence = None
                raise NoAnswer("silence")
        try:
            told = operation(self.account, {name: str(value) for name, value in named.items()})
        except Error as error:
            raise error_of(error.status, msgspec.json.encode(error.told)) from error
        return meaning(msgspec.json.encode(told))

    def _heard(self, reports):
        for report in reports:
            self.said[report.exchange_order_id].append((self.paper.clock(), report.state))
        return reports

    async def query(self, _, market, name):
        return self._heard(
            [self._ask(self.api.query, messages.report_of, symbol=market.native, **parameters.of_name(name))]
        )[0]

    async def open_orders(self, _, market=None, *, urgent=False):
        named = {"symbol": market.native} if market else {}
        found = self._heard(self._ask(self.api.open_orders, messages.reports_of, **named))
        if (happens := self.meanwhile) is not None:
            self.meanwhile = None
            await happens()
        return found

    async def orders_since(self, _, market, since, *, urgent=False):
        named = {"symbol": market.native, "startTime": int(since.timestamp() * 1000), "limit": 1000}
        return self._heard(self._ask(self.api.all_orders, messages.reports_of, **named))

    async def fills_of(self, _, market, exchange_order_id):
        return self._ask(self.api.my_trades, messages.fills_of, symbol=market.native, orderId=exchange_order_id)

    async def balances(self, _, *, urgent=False):
        return self._ask(self.api.account, messages.balances_of, omitZeroBalances="true")

    def stream(self, tell):
        """Pass each report of the private stream on as soon as it happens, to be read when it is heard."""

        def hear(what, order, trade):
            if order.account is self.account:
                cancel_id = self.api.cancel_ids.get(order.id, "a-cancel")
                told = msgspec.json.encode(forms.execution(what, order, trade, cancel_id, self.paper.now()))

                async def report():
                    return messages.report_of_execution(told)

                tell(report)

        self.paper.ledger.listeners.append(hear)
