"""Our Binance client against the paper exchange: the life of an order, and the error that each fault becomes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.exchanges.binance.client import Binance
from adapters.paper.binance.api import BinanceApi
from application.ports.errors import NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange
from application.ports.statements import Credentials, OrderRequest
from domain.orders.order_status import Status
from domain.orders.wish import Side, TimeInForce, Type


@asynccontextmanager
async def trading(paper, **balances):
    """Yield a client, the keys of a new account and the market BTC/USDT."""
    keys = await asyncio.to_thread(lambda: paper.account(**(balances or {"USDT": "10000"})))
    sockets = paper.binance_url.replace("http", "ws", 1)
    client = Binance(paper.binance_url, f"{sockets}/ws-api/v3", sockets)
    try:
        market = next(m for m in await client.markets() if m.symbol == "BTC/USDT")
        yield client, Credentials(keys["key"], keys["secret"]), market
    finally:
        await client.close()


def limit(market, client_order_id="limit-1", price="40000", time_in_force=TimeInForce.GTC):
    """Return a limit buy of 0.01 BTC."""
    return OrderRequest(
        client_order_id, market, Side.BUY, Type.LIMIT,
        quantity=Decimal("0.01"), price=Decimal(price), time_in_force=time_in_force,
    )  # fmt: skip


async def test_a_market_order_by_cost_fills_with_its_fee(paper):
    """The answer holds the fill and its fee, which a buy pays in the base currency."""
    async with trading(paper) as (client, keys, market):
        report = await client.place(keys, OrderRequest("m1", market, Side.BUY, Type.MARKET, cost=Decimal(500)))
        balances = await client.balances(keys)
        asked = await client.query(keys, market, "m1")
        fills = await client.fills_of(keys, market, report.exchange_order_id)
    assert report.state is asked.state is Status.CLOSED
    [fill] = report.fills
    assert (fill.quantity, fill.price, fill.fee, fill.fee_currency) == (
        Decimal("0.01"), Decimal(50000), Decimal("0.00001"), "BTC",
    )  # fmt: skip
    assert balances["BTC"].free == Decimal("0.00999")
    assert balances["USDT"].free == Decimal(9500)
    assert [(f.trade_id, f.quantity, f.fee) for f in fills] == [(fill.trade_id, fill.quantity, fill.fee)]


async def test_a_limit_order_rests_locks_and_is_cancelled(paper):
    """The cost is locked while the order rests. The cancelled order is reported under our own client id."""
    async with trading(paper) as (client, keys, market):
        placed = await client.place(keys, limit(market))
        locked = (await client.balances(keys))["USDT"].locked
        resting = await client.open_orders(keys, market)
        cancelled = await client.cancel(keys, market, "limit-1")
        since = await client.orders_since(keys, market, datetime.now(UTC) - timedelta(days=3))
        with pytest.raises(OrderNotFound):
            await client.cancel(keys, market, "limit-1")
    assert placed.state is Status.OPEN
    assert locked == Decimal(400)
    assert [o.client_order_id for o in resting] == ["limit-1"]
    assert (cancelled.state, cancelled.client_order_id) == (Status.CANCELLED, "limit-1")
    assert [o.state for o in since] == [Status.CANCELLED]


@pytest.fixture(params=[2, 1000])
def short_pages(request, monkeypatch):
    """Make the exchange return at most this many orders at once, whatever limit is asked for. Must precede `paper`."""
    ask = BinanceApi.all_orders
    monkeypatch.setattr(BinanceApi, "all_orders", lambda *asked: ask(*asked)[: request.param])


async def test_a_list_is_read_to_its_end_however_short_its_pages_are(short_pages, paper):
    """Orders left out by a short page would otherwise count as absent."""
    async with trading(paper) as (client, keys, market):
        for number in range(7):
            await client.place(keys, limit(market, f"limit-{number}"))
        orders = paper.orders()
        for ago, order in enumerate(reversed(orders)):
            order.at -= ago * 9 * 3_600_000
        since = await client.orders_since(keys, market, datetime.now(UTC) - timedelta(days=3))
    assert [o.client_order_id for o in since] == [o.client_order_id for o in orders]


async def test_each_time_in_force_is_what_it_says(paper):
    """IOC and FOK below the market expire unfilled; post-only at the market is refused."""
    async with trading(paper) as (client, keys, market):
        for word in (TimeInForce.IOC, TimeInForce.FOK):
            report = await client.place(keys, limit(market, f"x-{word}", "40000", word))
            assert (report.state, report.filled) == (Status.EXPIRED, 0)
        rests = await client.place(keys, limit(market, "po-rests", "40000", TimeInForce.PO))
        assert rests.state is Status.OPEN
        with pytest.raises(RefusedByExchange) as refused:
            await client.place(keys, limit(market, "po-takes", "60000", TimeInForce.PO))
        assert refused.value.code == "would_take"


async def test_the_private_stream_reports_what_happens(paper):
    """An order rests and fills when the price reaches it. The signature subscription reports both."""
    async with trading(paper) as (client, keys, market):
        stream = client.reports(keys)
        assert await anext(stream) is None  # subscribed: nothing is missed from here on
        await client.place(keys, limit(market, "limit-s"))
        await asyncio.to_thread(paper.hold, "BTC/USDT", "39000")
        heard = [await anext(stream)]
        while heard[-1].state is not Status.CLOSED:
            heard.append(await asyncio.wait_for(anext(stream), 20))
        await stream.aclose()
    assert [(f.quantity, f.price) for f in heard[-1].fills] == [(Decimal("0.01"), Decimal(40000))]
    assert heard[-1].fills[0].maker


async def test_the_exchange_tells_whose_private_stream_is_listened_to(paper):
    """The account is listed from its subscription until the stream ends or is cut."""
    async with trading(paper) as (client, keys, market):
        followed = [{"exchange": "binance", "account": keys.key}]
        for cut in (False, True):
            assert await asyncio.to_thread(paper.control, "GET", "streams") == []
            stream = client.reports(keys)
            assert await anext(stream) is None
            assert await asyncio.to_thread(paper.control, "GET", "streams") == followed
            if cut:
                await asyncio.to_thread(paper.fault, "stream", "drop_stream")
                await client.place(keys, limit(market))
            else:
                await stream.aclose()
        assert await asyncio.to_thread(paper.control, "GET", "streams") == []


@pytest.mark.parametrize(
    ("kind", "expected", "exists"),
    [
        ("lose_answer", NoAnswer, True),
        ("lose_request", NoAnswer, False),
        ("garbage", NoAnswer, True),
        ("status_500", NoAnswer, False),
        ("status_429", NotAccepted, False),
    ],
)
def test_silence_is_never_taken_for_a_no(paper, kind, expected, exists):
    """Only a proof that nothing was done allows a repeat. Everything else leaves a doubt to be looked up."""

    async def story():
        async with trading(paper) as (client, keys, market):
            await asyncio.to_thread(paper.fault, "place_order", kind)
            with pytest.raises(expected):
                await client.place(keys, limit(market))

    asyncio.run(story())
    assert bool(paper.control("GET", "orders")) is exists


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"quantity": Decimal(1)}, "insufficient_funds"),
        ({"quantity": Decimal("0.000015")}, "filter_failed"),
        ({"cost": Decimal(1)}, "notional_refused"),
    ],
)
async def test_a_no_of_the_exchange_has_its_reason(paper, request_, code):
    """Refusals for funds, steps and minimums have different codes."""
    async with trading(paper) as (client, keys, market):
        with pytest.raises(RefusedByExchange) as refused:
            await client.place(keys, OrderRequest("r", market, Side.BUY, Type.MARKET, **request_))
        assert refused.value.code == code


async def test_a_live_client_id_is_not_taken_twice(paper):
    """Binance refuses a repeated client id among open orders only."""
    async with trading(paper) as (client, keys, market):
        await client.place(keys, limit(market))
        with pytest.raises(RefusedByExchange) as refused:
            await client.place(keys, limit(market))
        assert refused.value.code == "client_order_id_taken"
        await client.cancel(keys, market, "limit-1")
        assert (await client.place(keys, limit(market))).state is Status.OPEN


async def test_nobody_there_proves_that_nothing_was_sent():
    """A refused connection raises `NotAccepted`, so the request may be sent again."""
    client = Binance("http://127.0.0.1:9", "ws://127.0.0.1:9", "ws://127.0.0.1:9")
    with pytest.raises(NotAccepted):
        await client.server_time()
    await client.close()


def test_an_order_may_be_hidden_from_queries_for_a_while(paper, eventually):
    """An order that is not found may still exist: the same query finds the order a moment later."""

    async def story():
        async with trading(paper) as (client, keys, market):
            await client.place(keys, limit(market))
            await asyncio.to_thread(paper.fault, "query", "hide_order", seconds=0.5)
            with pytest.raises(OrderNotFound):
                await client.query(keys, market, "limit-1")
            assert await client.open_orders(keys, market) == []
            loop = asyncio.get_running_loop()

            def shown():
                return asyncio.run_coroutine_threadsafe(client.open_orders(keys, market), loop).result(10)

            return await asyncio.to_thread(eventually, shown)

    assert [order.client_order_id for order in asyncio.run(story())] == ["limit-1"]
