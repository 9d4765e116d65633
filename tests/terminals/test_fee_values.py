"""Fees paid in BNB count in the results, valued at the exchange's price at the fill and kept in its event.

A gateway on the paper exchange records the fills, the engine's policies count them, and the projector shows them.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from adapters.exchanges.binance.client import Binance
from application.policies import WHEN, World
from application.ports.errors import NoAnswer
from application.ports.statements import Credentials
from domain.aggregate import carrying
from domain.orders.wish import Side, Type
from projections.books.projector import Books
from tests.conftest import NOW
from tests.terminals.at_work import platform_for

QUANTITY, SHARE = Decimal("0.01"), Decimal("0.00075")
"""The traded quantity (base), and the value of a fee in BNB as a fraction of what is received."""
BOUGHT, SOLD = Decimal(50000), Decimal(51000)
FEES = SHARE * QUANTITY * (BOUGHT + SOLD)
"""The value of both fees in USDT."""


@pytest.fixture
def platform(database: Any, valkey: Any, tmp_path: Any, monkeypatch: Any) -> Any:
    return platform_for(database, valkey, tmp_path, monkeypatch)


async def trade(p: Any) -> None:
    """Buy and sell on an account that pays its fees in BNB."""
    held = {"USDT": Decimal(1000), "BNB": Decimal(1)}
    p.server.paper.prices.hold("BNB/USDT", Decimal(500))
    account = p.server.paper.ledger.open_account("binance", held, fees_in="BNB")
    broker = await p.connect(await p.user(), Credentials(account.key, account.secret))
    await p.until(lambda: p.loaded(broker))
    for side, price in ((Side.BUY, BOUGHT), (Side.SELL, SOLD)):
        p.server.paper.prices.hold("BTC/USDT", price)
        order = await p.wish(broker, side=side, type=Type.MARKET, quantity=QUANTITY)
        await p.until(lambda order=order: p.store.get(type(order), order.id).remaining == 0)
    await asyncio.to_thread(judge, p)


def judge(p: Any) -> None:
    """Apply the engine's policies to all fills and bring the books up to date."""
    for recorded in p.store.read(0, topics=["Order.Filled"]):
        with carrying(**{**recorded.event.metadata, "source": "engine"}):
            world = World(p.store, p.house.markets, NOW)
            p.store.save(*(one for policy in WHEN[recorded.topic] for one in policy(recorded.event, world)))
    books, store = Books(p.database.connect("aristobot_projector")), p.database.store("aristobot_projector")
    while books.step(store.read, 500)[0]:
        pass


def told(p: Any) -> tuple[list[Any], list[Any]]:
    """Return the fee values of the events, which the books have to show as well, and the results in the books."""
    values = [(r.event.fee_currency, r.event.fee_value) for r in p.store.read(0, topics=["Order.Filled"])]
    owner = p.database.connect()
    shown = owner.execute("SELECT fee_currency, fee_value FROM books.fills ORDER BY position").fetchall()
    assert shown == values
    return values, owner.execute("SELECT gross, net, fees_left_out FROM books.gains").fetchall()


async def test_a_fee_in_bnb_is_valued_at_the_fill_and_counts_in_the_net_result(platform: Any) -> None:
    """Each fee is worth 0.75 thousandths of what was bought or sold."""
    async with platform() as p:
        await trade(p)
        values, results = await asyncio.to_thread(told, p)
        assert values == [("BNB", SHARE * QUANTITY * BOUGHT), ("BNB", SHARE * QUANTITY * SOLD)]
        assert results == [(Decimal(10), Decimal(10) - FEES, False)]


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_a_price_that_cannot_be_had_costs_no_fill_and_is_told(platform: Any, monkeypatch: Any, how: str) -> None:
    """The fee's value is unknown, and the result says that it leaves such fees out."""
    asked = []

    async def tickers(_: Any, markets: Any, **__: Any) -> Any:
        if any(market.base == "BNB" for market in markets):
            asked.append(markets)
            if how == "hangs":
                await asyncio.sleep(3600)
            raise NoAnswer("HTTP 503")
        return await honest(_, markets, **__)

    honest = Binance.tickers
    monkeypatch.setattr(Binance, "tickers", tickers)

    async def story() -> None:
        async with platform() as p:
            await trade(p)
            values, results = await asyncio.to_thread(told, p)
            assert values == [("BNB", None), ("BNB", None)]
            assert results == [(Decimal(10), Decimal(10), True)]
            assert "fee_not_valued" in p.log.said

    asyncio.run(story())
    assert asked
