"""The paper Bitget in simulated time: the real client, without sockets. Its requests take time all the same."""

from __future__ import annotations

import asyncio

import msgspec
from multidict import CIMultiDict

from adapters.exchanges.bitget import streams
from adapters.exchanges.bitget.client import Bitget
from adapters.exchanges.bitget.limits import PER_MINUTE, Seconds
from adapters.exchanges.http import Answer, Fuse, Http, Pace
from adapters.paper.bitget.rest import Asked, BitgetRest, Cut
from adapters.paper.bitget.topics import order_push, plan_push
from application.ports.errors import NoAnswer
from tests.laws.simulated_exchange import WAY


class SimulatedHttp(Http):
    """The HTTP of one venue, with the paper exchange at its other end."""

    way = WAY

    def __init__(self, paper):
        super().__init__("", Pace(PER_MINUTE, clock=self._time))
        self._paper, self._rest = paper, BitgetRest(paper)
        self.fuse = Fuse(clock=self._time)

    def _time(self):
        return self._paper.now() / 1000

    async def _send(self, method, path, headers, body):
        sent_at = self._time()
        await asyncio.sleep(self.way)
        operation = self._rest.operation(method, path.partition("?")[0])
        try:
            told, status = await self._rest.serve(operation, Asked(method, path, headers, body, "here"))
        except Cut:
            raise NoAnswer("the connection was closed", code="no_answer") from None
        finally:
            await asyncio.sleep(self.way)
        self.fuse.worked()
        return Answer(status, msgspec.json.encode(told), CIMultiDict(), sent_at, self._time())


class SimulatedBitget(Bitget):
    """One Bitget account, reached through the exchange port without any real time passing."""

    def __init__(self, paper, account, loop):
        super().__init__("", "", "")
        self.paper, self.account = paper, account
        self._http, self._seconds = SimulatedHttp(paper), Seconds(loop.time)
        self._loop = loop
        self._told = asyncio.Queue()
        paper.ledger.listeners.append(self._happened)
        paper.plans.listeners.append(self._planned)

    def _now(self):
        return self.paper.now()

    async def reports(self, credentials):
        yield None
        while True:
            due, channel, row = await self._told.get()
            await asyncio.sleep(max(due - self._loop.time(), 0))
            yield await self._meaning(credentials, channel, row)

    def _happened(self, _, order, trade):
        if order.account is self.account:
            self._tell(streams.ORDERS, order_push(order, trade))

    def _planned(self, _, plan):
        if plan.account is self.account:
            self._tell(streams.PLANS, plan_push(plan))

    def _tell(self, channel, row):
        self._told.put_nowait((self._loop.time() + WAY, channel, msgspec.json.encode(row)))
