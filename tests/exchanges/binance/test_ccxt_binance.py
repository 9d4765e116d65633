"""An independent client trades on the paper exchange: the unmodified ccxt package, with only its addresses changed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import ccxt
import ccxt.pro
import pytest


@asynccontextmanager
async def independent(paper, secret=None, **balances):
    """Yield a ccxt client with its own account and default options; only its addresses are changed."""
    keys = await asyncio.to_thread(lambda: paper.account(**(balances or {"USDT": "10000"})))
    client = ccxt.pro.binance({"apiKey": keys["key"], "secret": secret or keys["secret"]})
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


async def test_it_loads_markets_with_their_rules(paper):
    """Pairs, ticks, steps and minimums arrive as ccxt expects them."""
    async with independent(paper) as client:
        market = client.market("BTC/USDT")
        ticker = await client.fetch_ticker("BTC/USDT")
        bars = await client.fetch_ohlcv("BTC/USDT", "1m", limit=5)
    assert {"BTC/USDT", "ETH/USDT", "ETH/BTC"} <= set(client.symbols)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    assert market["limits"]["cost"]["min"] == 5
    assert ticker["last"] == 50000
    assert len(bars) == 5


async def test_it_trades_at_the_market_by_quantity_and_by_cost(paper):
    """Fills and fees change the balances exactly."""
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


async def test_it_places_finds_and_cancels_limit_orders(paper):
    """An order is found by its id and its client id, among the open orders and among all orders."""
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


@pytest.mark.parametrize("word", ["IOC", "FOK"])
async def test_what_cannot_fill_at_once_expires(paper, word):
    """IOC and FOK below the market leave nothing on the book."""
    async with independent(paper) as client:
        placed = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000, {"timeInForce": word})
        assert (placed["status"], placed["filled"]) == ("expired", 0)
        assert await client.fetch_open_orders("BTC/USDT") == []


async def test_post_only_rests_or_is_refused(paper):
    """A post-only order never takes liquidity."""
    async with independent(paper) as client:
        rests = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000, {"postOnly": True})
        assert (await client.fetch_order(rests["id"], "BTC/USDT"))["status"] == "open"
        with pytest.raises(ccxt.InvalidOrder):
            await client.create_order("BTC/USDT", "limit", "buy", 0.01, 60000, {"postOnly": True})


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda c: c.create_order("BTC/USDT", "market", "buy", 1), ccxt.InsufficientFunds),
        (lambda c: c.create_order("BTC/USDT", "limit", "buy", 0.00001, 40000), ccxt.BadRequest),
        (lambda c: c.public_get_ticker_price({"symbol": "NOPE"}), ccxt.BadSymbol),
    ],
)
async def test_a_no_is_the_no_that_it_knows(paper, ask, error):
    """Refusals for funds, filters and symbols raise ccxt's own exceptions."""
    async with independent(paper) as client:
        with pytest.raises(error):
            await ask(client)


async def test_a_wrong_secret_is_an_authentication_error(paper):
    """The signature is really checked: loading the markets also requests the account's coins, which is signed."""
    with pytest.raises(ccxt.AuthenticationError):
        async with independent(paper, secret="wrong"):
            pytest.fail("it was let in")


async def test_it_follows_orders_trades_and_prices_over_the_sockets(paper):
    """The package opens the private stream (by signature) and the market stream as it usually does."""
    async with independent(paper) as client:
        price = await asyncio.wait_for(client.watch_ticker("ETH/USDT"), 30)
        bars = await asyncio.wait_for(client.watch_ohlcv("ETH/USDT", "1m"), 30)
        orders = asyncio.ensure_future(client.watch_orders("BTC/USDT"))
        trades = asyncio.ensure_future(client.watch_my_trades("BTC/USDT"))
        while not orders.done():  # nothing is pushed before the subscription is active
            tried = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000)
            await asyncio.wait([orders], timeout=0.5)
            await client.cancel_order(tried["id"], "BTC/USDT")  # this may be the first pushed update
        assert (await orders)[-1]["status"] in {"open", "canceled"}
        placed = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000)
        await asyncio.to_thread(paper.hold, "BTC/USDT", "39000")
        [trade] = await asyncio.wait_for(trades, 30)
        assert (trade["order"], trade["amount"], trade["price"]) == (placed["id"], 0.01, 40000)
        assert price["last"] > 0
        assert bars


async def test_it_learns_coins_fees_and_that_all_is_well(paper):
    """The wallet answers as ccxt expects. There is neither margin nor futures trading."""
    # given
    async with independent(paper, USDT="10000", BTC="1") as client:
        # when
        fees = await client.fetch_trading_fees()
        fee = await client.fetch_trading_fee("BTC/USDT")
        status = await client.fetch_status()
    # then
    assert {"BTC", "USDT", "BNB"} <= set(client.currencies)
    assert {market["type"] for market in client.markets.values()} == {"spot"}
    assert not client.market("BTC/USDT")["margin"]
    assert fees["BTC/USDT"]["taker"] == fee["taker"] == 0.001
    assert status["status"] == "ok"


@pytest.mark.parametrize("timeframe", ["6h", "8h", "12h", "3d", "1w", "1M"])
async def test_it_reads_long_bars(paper, timeframe):
    """Every ccxt time frame for Binance except one second is available; these are the long ones."""
    # given
    async with independent(paper) as client:
        # when
        bars = await client.fetch_ohlcv("BTC/USDT", timeframe)
    # then
    assert bars[-1][4] == 50000


async def test_it_reads_a_book_as_deep_as_it_asks(paper):
    """The book has five levels on each side of the last price."""
    # given
    async with independent(paper) as client:
        # when
        book = await client.fetch_order_book("BTC/USDT", 5)
    # then
    assert (len(book["bids"]), len(book["asks"])) == (5, 5)
    assert book["bids"][0][0] < 50000 < book["asks"][0][0]


async def test_it_keeps_a_book_from_its_changes(paper):
    """The package joins a snapshot and the stream of changes by their numbers; a gap would end the stream."""
    # given
    async with independent(paper) as client:
        # when
        books = [await asyncio.wait_for(client.watch_order_book("ETH/USDT"), 30) for _ in range(4)]
        prices = [(book["bids"][0][0], book["asks"][0][0]) for book in books]
    # then
    assert all(bid < ask for bid, ask in prices)
    assert len(books[-1]["bids"]) >= 20


async def test_it_follows_trades_with_ids_that_have_no_gaps(paper):
    # given
    async with independent(paper) as client:
        seen = {}
        # when
        while len(seen) < 4:
            trades = await asyncio.wait_for(client.watch_trades("ETH/USDT"), 30)
            seen |= {int(trade["id"]): trade["price"] for trade in trades}
    # then
    assert sorted(seen) == [*range(min(seen), min(seen) + len(seen))]
