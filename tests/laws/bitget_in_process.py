"""Bitget in the process of the test: the real client, whose questions take no time and may stay unanswered."""

from __future__ import annotations

from collections import defaultdict
from itertools import count

import msgspec

from adapters.exchanges.bitget import rules, streams
from adapters.exchanges.bitget.client import Bitget
from adapters.exchanges.bitget.limits import Seconds
from adapters.paper.bitget.market import BitgetMarket
from adapters.paper.bitget.topics import order_push, plan_push
from application.ports.errors import NoAnswer
from tests.laws.simulated_bitget import SimulatedHttp


class QuietHttp(SimulatedHttp):
    """HTTP without a way and without second attempts. `silence` counts down to a request that gets no answer."""

    way, silence = 0.0, None

    async def read(self, make, **_):
        if self.silence is not None:
            self.silence -= 1
            if self.silence < 0:
                self.silence = None
                raise NoAnswer("silence")
        return await self._send("GET", *make(), "")


class BitgetInProcess(Bitget):
    """One account. `meanwhile` runs between the moment for which a list is true and its return."""

    def __init__(self, paper, account, credentials):
        super().__init__("", "", "")
        paper.budgets.limit("bitget", enabled=False)
        self.paper, self.account, self.keys = paper, account, credentials
        self._http = QuietHttp(paper)
        self._seconds = Seconds(count(step=2).__next__)  # every request is in a second of its own
        self.said = defaultdict(list)
        self.meanwhile = None

    @property
    def silence(self):
        return self._http.silence

    @silence.setter
    def silence(self, left):
        self._http.silence = left

    def _now(self):
        return self.paper.now()

    def markets(self):
        told = BitgetMarket(self.paper).symbols({})
        return {market.symbol: market for market in rules.markets_of(msgspec.json.encode(told))}

    def _heard(self, reports):
        for report in reports:
            self.said[report.exchange_order_id].append((self.paper.clock(), report.state))
        return reports

    async def query(self, credentials, market, name):
        return self._heard([await super().query(credentials, market, name)])[0]

    async def open_orders(self, credentials, market=None, *, urgent=False):
        found = self._heard(await super().open_orders(credentials, market, urgent=urgent))
        if (happens := self.meanwhile) is not None:
            self.meanwhile = None
            await happens()
        return found

    async def orders_since(self, credentials, market, since, *, urgent=False):
        return self._heard(await super().orders_since(credentials, market, since, urgent=urgent))

    def stream(self, tell):
        """Pass each report of the private stream on as soon as it happens, to be read when it is heard."""

        def said(account, channel, row):
            if account is self.account:
                text = msgspec.json.encode(row)
                tell(lambda: self._meaning(self.keys, channel, text))

        def happened(_, order, trade):
            said(order.account, streams.ORDERS, order_push(order, trade))

        def planned(_, plan):
            said(plan.account, streams.PLANS, plan_push(plan))

        self.paper.ledger.listeners.append(happened)
        self.paper.plans.listeners.append(planned)
