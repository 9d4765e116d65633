"""Every exchange client against its face of the paper exchange, by parameter: the same tests, the same words."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from adapters.exchanges.binance.client import Binance, paper_hosts
from adapters.exchanges.bitget.client import Bitget
from application.ports.statements import Credentials, OrderRequest
from domain.market import Market
from domain.orders.order_status import Status
from domain.orders.wish import Side, TimeInForce, Type
from tests.exchanges.conftest import PaperInThread


def binance_of(paper: PaperInThread) -> Binance:
    hosts = paper_hosts(paper.binance_url)
    return Binance(hosts.rest, hosts.orders, hosts.streams)


def bitget_of(paper: PaperInThread) -> Bitget:
    sockets = paper.bitget_url.replace("http", "ws", 1)
    return Bitget(paper.bitget_url, f"{sockets}/v2/ws/private", f"{sockets}/v2/ws/public")


CLIENTS = {"binance": binance_of, "bitget": bitget_of}
MISSES = {"binance": Status.EXPIRED, "bitget": Status.CANCELLED}
"""The state in which an order ends that may not rest and finds nobody: only Binance has a word for it."""


@dataclass
class Desk:
    """One account at one exchange: its client, its keys and the market BTC/USDT, which costs 50,000."""

    exchange: str
    paper: PaperInThread
    client: Any
    keys: Credentials
    market: Market

    async def place(self, name: str, **changed: Any) -> Any:
        """Place a limit buy of 0.01 at 40,000, unless it is changed."""
        return await self.client.place(self.keys, self.wish(name, **changed))

    def wish(self, name: str, **changed: Any) -> OrderRequest:
        """Return a request. A market order has no price and no time in force."""
        given = {"side": Side.BUY, "type": Type.LIMIT, "quantity": Decimal("0.01"), **changed}
        if given["type"] is Type.LIMIT:
            given = {"price": Decimal(40000), "time_in_force": TimeInForce.GTC, **given}
        return OrderRequest(name, self.market, **given)

    async def buy(self, name: str, cost: str = "500") -> Any:
        """Buy at the market for an amount of the quote currency."""
        return await self.place(name, type=Type.MARKET, quantity=None, cost=Decimal(cost))

    async def hold(self, price: str) -> None:
        """Set the price and hold it."""
        await asyncio.to_thread(self.paper.hold, "BTC/USDT", price)

    async def fault(self, when: str, kind: str, **more: Any) -> None:
        """Add a fault of this exchange to the script."""
        await asyncio.to_thread(lambda: self.paper.fault(when, kind, exchange=self.exchange, **more))

    async def rules(self, **rules: Any) -> None:
        """Change the rules of the market at this exchange."""
        body = {"exchange": self.exchange, "symbol": "BTC/USDT", **rules}
        await asyncio.to_thread(self.paper.control, "PUT", "markets", body)


@pytest.fixture(params=CLIENTS)
def exchange(request: pytest.FixtureRequest) -> str:
    """Return each exchange in turn."""
    return str(request.param)


@pytest.fixture
def desk(exchange: str, paper: PaperInThread) -> Any:
    """Return a function that opens an account with these balances: `async with desk(USDT="1000") as one`."""

    @asynccontextmanager
    async def opened(**balances: str) -> Any:
        held = balances or {"USDT": "10000", "BTC": "1"}
        told = await asyncio.to_thread(lambda: paper.account(exchange, **held))
        client = CLIENTS[exchange](paper)
        try:
            market = next(one for one in await client.markets() if one.symbol == "BTC/USDT")
            keys = Credentials(told["key"], told["secret"], told.get("passphrase"))
            yield Desk(exchange, paper, client, keys, market)
        finally:
            await client.close()

    return opened
