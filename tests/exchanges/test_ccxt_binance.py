"""An independent client: the unmodified ccxt package trades on the paper exchange, pointed at it by address alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import ccxt
import ccxt.pro
import pytest


@asynccontextmanager
async def independent(paper, secret=None, **balances):
    """ccxt with an account of its own; only addresses and switches for what is not spot are set."""
    keys = await asyncio.to_thread(lambda: paper.account(**(balances or {"USDT": "10000"})))
    client = ccxt.pro.binance(
        {
            "apiKey": keys["key"],
            "secret": secret or keys["secret"],
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "defaultType": "spot"},
        }
    )
    client.has["fetchCurrencies"] = False
    sockets = paper.binance_url.replace("http", "ws", 1)
    for name, url in client.urls["api"].items():
        if isinstance(url, str):
            client.urls["api"][name] = paper.binance_url + "/" + url.split("/", 3)[3]
    client.urls["api"]["ws"]["spot"] = f"{sockets}/ws"
    client.urls["api"]["ws"]["ws-api"]["spot"] = f"{sockets}/ws-api/v3"
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


def test_it_loads_markets_with_their_rules(paper):
    """Pairs, ticks, steps and minimums arrive as ccxt expects them."""

    async def story():
        async with independent(paper) as client:
            market = client.market("BTC/USDT")
            ticker = await client.fetch_ticker("BTC/USDT")
            bars = await client.fetch_ohlcv("BTC/USDT", "1m", limit=5)
        assert {"BTC/USDT", "ETH/USDT", "ETH/BTC"} <= set(client.symbols)
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
        assert market["limits"]["cost"]["min"] == 5
        assert ticker["last"] == 50000
        assert len(bars) == 5

    asyncio.run(story())


def test_it_trades_at_the_market_by_quantity_and_by_cost(paper):
    """Fills and fees are exact in the balances."""

    async def story():
        async with independent(paper) as client:
            bought = await client.create_order("BTC/USDT", "market", "buy", 0.01)
            by_cost = await client.create_market_buy_order_with_cost("BTC/USDT", 500)
            sold = await client.create_order("BTC/USDT", "market", "sell", 0.01)
            balance = await client.fetch_balance()
            trades = await client.fetch_my_trades("BTC/USDT")
        assert [o["status"] for o in (bought, by_cost, sold)] == ["closed"] * 3
        assert by_cost["filled"] == 0.01
        assert balance["BTC"]["free"] == pytest.approx(0.00998)
        assert balance["USDT"]["free"] == pytest.approx(10000 - 500 - 500 + 500 * 0.999)
        assert [t["order"] for t in trades] == [bought["id"], by_cost["id"], sold["id"]]
        assert trades[0]["fee"] == {"currency": "BTC", "cost": 0.00001}

    asyncio.run(story())


def test_it_places_finds_and_cancels_limit_orders(paper):
    """By id and by client id, among the open ones and among all."""

    async def story():
        async with independent(paper) as client:
            placed = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000, {"newClientOrderId": "mine"})
            locked = (await client.fetch_balance())["USDT"]["used"]
            by_id = await client.fetch_order(placed["id"], "BTC/USDT")
            by_client_id = await client.fetch_order(None, "BTC/USDT", {"origClientOrderId": "mine"})
            resting = await client.fetch_open_orders("BTC/USDT")
            with pytest.raises(ccxt.InvalidOrder):
                await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000, {"newClientOrderId": "mine"})
            cancelled = await client.cancel_order(placed["id"], "BTC/USDT")
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(placed["id"], "BTC/USDT")
            every = await client.fetch_orders("BTC/USDT")
        assert placed["status"] == by_id["status"] == by_client_id["status"] == "open"
        assert locked == 400
        assert [o["clientOrderId"] for o in resting] == ["mine"]
        assert cancelled["status"] == "canceled"
        assert [o["status"] for o in every] == ["canceled"]

    asyncio.run(story())


@pytest.mark.parametrize("word", ["IOC", "FOK"])
def test_what_cannot_fill_at_once_expires(paper, word):
    """IOC and FOK below the market leave nothing on the book."""

    async def story():
        async with independent(paper) as client:
            placed = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000, {"timeInForce": word})
            assert (placed["status"], placed["filled"]) == ("expired", 0)
            assert await client.fetch_open_orders("BTC/USDT") == []

    asyncio.run(story())


def test_post_only_rests_or_is_refused(paper):
    """It never takes."""

    async def story():
        async with independent(paper) as client:
            rests = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000, {"postOnly": True})
            assert (await client.fetch_order(rests["id"], "BTC/USDT"))["status"] == "open"
            with pytest.raises(ccxt.InvalidOrder):
                await client.create_order("BTC/USDT", "limit", "buy", 0.01, 60000, {"postOnly": True})

    asyncio.run(story())


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda c: c.create_order("BTC/USDT", "market", "buy", 1), ccxt.InsufficientFunds),
        (lambda c: c.create_order("BTC/USDT", "limit", "buy", 0.00001, 40000), ccxt.BadRequest),
        (lambda c: c.public_get_ticker_price({"symbol": "NOPE"}), ccxt.BadSymbol),
    ],
)
def test_a_no_is_the_no_that_it_knows(paper, ask, error):
    """Funds, filters and symbols raise ccxt's own exceptions."""

    async def story():
        async with independent(paper) as client:
            with pytest.raises(error):
                await ask(client)

    asyncio.run(story())


def test_a_wrong_secret_is_an_authentication_error(paper):
    """The signature is really checked."""

    async def story():
        async with independent(paper, secret="wrong") as client:
            with pytest.raises(ccxt.AuthenticationError):
                await client.fetch_balance()

    asyncio.run(story())


def test_it_follows_orders_trades_and_prices_over_the_sockets(paper):
    """The private stream by signature and the market stream, both as the package opens them."""

    async def story():
        async with independent(paper) as client:
            price = await asyncio.wait_for(client.watch_ticker("ETH/USDT"), 30)
            bars = await asyncio.wait_for(client.watch_ohlcv("ETH/USDT", "1m"), 30)
            orders = asyncio.ensure_future(client.watch_orders("BTC/USDT"))
            trades = asyncio.ensure_future(client.watch_my_trades("BTC/USDT"))
            while not orders.done():  # until the subscription stands nothing is pushed
                tried = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000)
                await asyncio.wait([orders], timeout=0.5)
                await client.cancel_order(tried["id"], "BTC/USDT")  # which may be the first that is pushed
            assert (await orders)[-1]["status"] in {"open", "canceled"}
            placed = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000)
            await asyncio.to_thread(paper.hold, "BTC/USDT", "39000")
            [trade] = await asyncio.wait_for(trades, 30)
            assert (trade["order"], trade["amount"], trade["price"]) == (placed["id"], 0.01, 40000)
            assert price["last"] > 0
            assert bars

    asyncio.run(story())
