"""An independent client trades on the paper Bitget: the unmodified ccxt package, with only its addresses changed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import ccxt
import ccxt.pro
import pytest


@asynccontextmanager
async def independent(paper, secret=None, passphrase=None, **balances):
    """Yield a ccxt client with its own account; only its addresses are changed."""
    keys = await asyncio.to_thread(lambda: paper.account("bitget", **(balances or {"USDT": "10000"})))
    client = ccxt.pro.bitget(
        {
            "apiKey": keys["key"],
            "secret": secret or keys["secret"],
            "password": passphrase or keys["passphrase"],
            # Classic accounts, spot alone: the paper exchange has no futures.
            "options": {"fetchMarkets": {"types": ["spot"]}, "uta": False},
        }
    )
    sockets = paper.bitget_url.replace("http", "ws", 1)
    for name in client.urls["api"]:
        if isinstance(client.urls["api"][name], str):
            client.urls["api"][name] = paper.bitget_url
    client.urls["api"]["ws"] |= {"public": f"{sockets}/v2/ws/public", "private": f"{sockets}/v2/ws/private"}
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
        tickers = await client.fetch_tickers(["BTC/USDT", "ETH/USDT"])
        bars = await client.fetch_ohlcv("BTC/USDT", "1m", limit=5)
        days = await client.fetch_ohlcv("BTC/USDT", "1d", limit=3)
        book = await client.fetch_order_book("BTC/USDT", 5)
        trades = await client.fetch_trades("BTC/USDT", limit=10)
        clock = await client.fetch_time()
    assert {"BTC/USDT", "ETH/USDT", "ETH/BTC"} <= set(client.symbols)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    assert market["limits"]["cost"]["min"] == 5
    assert ticker["last"] == tickers["BTC/USDT"]["last"] == 50000
    assert (len(bars), len(days)) == (5, 3)
    assert all(day[0] % 86_400_000 == 0 for day in days)
    assert book["bids"][0][0] < 50000 < book["asks"][0][0]
    assert (len(book["bids"]), len(trades)) == (5, 10)
    assert clock > 1_700_000_000_000


async def test_it_trades_at_the_market_by_quantity_and_by_cost(paper):
    """A market buy is sized in the quote currency. Fills and fees change the balances exactly."""
    async with independent(paper) as client:
        bought = await client.create_market_buy_order_with_cost("BTC/USDT", 500)
        found = await client.fetch_order(bought["id"], "BTC/USDT")
        sold = await client.create_order("BTC/USDT", "market", "sell", 0.005)
        balance = await client.fetch_balance()
        trades = await client.fetch_my_trades("BTC/USDT")
        ended = await client.fetch_closed_orders("BTC/USDT")
    assert (found["status"], found["filled"], found["cost"], found["average"]) == ("closed", 0.01, 500, 50000)
    assert found["fee"] == {"currency": "BTC", "cost": 0.00001}
    assert balance["BTC"]["free"] == pytest.approx(0.01 - 0.00001 - 0.005)
    assert balance["USDT"]["free"] == pytest.approx(10000 - 500 + 250 * 0.999)
    assert [trade["order"] for trade in trades] == [bought["id"], sold["id"]]
    assert [(trade["side"], trade["amount"], trade["takerOrMaker"]) for trade in trades] == [
        ("buy", 0.01, "taker"), ("sell", 0.005, "taker"),
    ]  # fmt: skip
    assert {order["id"] for order in ended} == {bought["id"], sold["id"]}


async def test_it_places_finds_and_cancels_limit_orders(paper):
    """An order is found by its id and its client id, among the open orders and among those that have ended."""
    async with independent(paper) as client:
        placed = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000, {"clientOid": "mine"})
        locked = (await client.fetch_balance())["USDT"]["used"]
        by_id = await client.fetch_order(placed["id"], "BTC/USDT")
        by_client_id = await client.fetch_order(None, "BTC/USDT", {"clientOid": "mine"})
        resting = await client.fetch_open_orders("BTC/USDT")
        with pytest.raises(ccxt.ExchangeError, match="43118"):
            await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000, {"clientOid": "mine"})
        moved = await client.edit_order(placed["id"], "BTC/USDT", "limit", "buy", 0.02, 41000)
        cancelled = await client.cancel_order(moved["id"], "BTC/USDT")
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order(placed["id"], "BTC/USDT")
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order("1", "BTC/USDT")
        every = await client.fetch_canceled_orders("BTC/USDT")
    assert by_id["status"] == by_client_id["status"] == "open"
    assert (by_id["price"], by_id["amount"], locked) == (40000, 0.01, 400)
    assert [order["clientOrderId"] for order in resting] == ["mine"]
    assert cancelled["id"] == moved["id"]
    assert {order["id"] for order in every} == {placed["id"], moved["id"]}


async def test_it_is_refused_as_bitget_refuses(paper):
    """Money, size, market, precision, signature and pass phrase: each by the error that ccxt knows."""
    async with independent(paper, USDT="100") as client:
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order("BTC/USDT", "limit", "buy", 0.01, 40000)
        with pytest.raises(ccxt.InvalidOrder):
            await client.create_order("BTC/USDT", "limit", "buy", 0.00001, 40000)
        client.markets["NOPE/USDT"] = {**client.market("BTC/USDT"), "id": "NOPEUSDT", "symbol": "NOPE/USDT"}
        with pytest.raises(ccxt.ExchangeError, match="40034"):
            await client.fetch_order_book("NOPE/USDT")
        with pytest.raises(ccxt.InvalidOrder, match="40808"):
            await client.private_spot_post_v2_spot_trade_place_order(
                {"symbol": "BTCUSDT", "side": "buy", "orderType": "limit", "force": "gtc", "price": "9.001", "size": 9}
            )
    async with independent(paper, secret="another secret") as client:
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()
    async with independent(paper, passphrase="another phrase") as client:
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()


async def test_what_does_not_rest_is_cancelled_and_not_refused(paper):
    """Bitget has no word for expired or rejected: IOC, FOK and post-only orders that miss are cancelled."""
    async with independent(paper) as client:
        missed = [
            await client.create_order("BTC/USDT", "limit", "buy", 0.01, 49000, {"timeInForce": "IOC"}),
            await client.create_order("BTC/USDT", "limit", "buy", 0.01, 49000, {"timeInForce": "FOK"}),
            await client.create_order("BTC/USDT", "limit", "buy", 0.01, 51000, {"postOnly": True}),
        ]
        found = [await client.fetch_order(order["id"], "BTC/USDT") for order in missed]
    assert [(order["status"], order["filled"]) for order in found] == [("canceled", 0)] * 3


async def test_a_plan_is_triggered_from_the_side_on_which_the_price_was(paper):
    """The order that it becomes has an id of its own; a plan that cannot be carried out has failed."""
    async with independent(paper, USDT="10000", BTC="0.01") as client:
        stop = await client.create_order("BTC/USDT", "market", "sell", 0.01, None, {"triggerPrice": 48000})
        take = await client.create_order("BTC/USDT", "limit", "sell", 0.01, 52500, {"triggerPrice": 52000})
        waiting = await client.fetch_open_orders("BTC/USDT", params={"trigger": True})
        free = (await client.fetch_balance())["BTC"]["free"]
        await asyncio.to_thread(paper.hold, "BTC/USDT", "47999")
        sold = await client.fetch_my_trades("BTC/USDT")
        await asyncio.to_thread(paper.hold, "BTC/USDT", "52100")
        past = await client.fetch_canceled_and_closed_orders("BTC/USDT", params={"trigger": True})
        path, named = "v2/spot/trade/plan-sub-order", {"planOrderId": stop["id"]}
        became = await client.request(path, ["private", "spot"], "GET", named)
    assert {order["id"] for order in waiting} == {stop["id"], take["id"]}
    assert free == 0.01, "a plan locks no coins"
    assert [(trade["price"], trade["amount"]) for trade in sold] == [(47999, 0.01)]
    assert [row["status"] for row in became["data"]] == ["success"]
    assert sold[0]["order"] == became["data"][0]["orderId"] != stop["id"]
    raw = {row["info"]["orderId"]: row["info"]["status"] for row in past}
    assert raw == {stop["id"]: "executed", take["id"]: "fail_execute"}


async def test_its_sockets_tell_the_market_and_the_account(paper):
    """Trades, tickers, candles and the book; orders, fills and balances after a login."""
    async with independent(paper) as client:
        ticker = asyncio.ensure_future(client.watch_ticker("ETH/USDT"))
        candles = asyncio.ensure_future(client.watch_ohlcv("ETH/USDT", "1m"))
        book = asyncio.ensure_future(client.watch_order_book("ETH/USDT", 5))
        trades = asyncio.ensure_future(client.watch_trades("ETH/USDT"))
        seen = await asyncio.wait_for(asyncio.gather(ticker, candles, book, trades), 20)
        orders = asyncio.ensure_future(client.watch_orders("BTC/USDT"))
        # The balances come at once, on the same socket: the orders are followed before.
        await asyncio.wait_for(client.watch_balance(), 20)
        bought = await client.create_market_buy_order_with_cost("BTC/USDT", 500)
        [order] = await asyncio.wait_for(orders, 20)
    assert seen[0]["last"] > 0
    assert seen[1][-1][0] % 60_000 == 0
    assert seen[2]["bids"][0][0] < seen[2]["asks"][0][0]
    assert seen[3][-1]["price"] > 0
    assert (order["id"], order["side"], order["symbol"]) == (bought["id"], "buy", "BTC/USDT")
