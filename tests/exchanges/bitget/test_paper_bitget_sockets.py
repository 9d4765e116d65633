"""The sockets of the paper Bitget: keep-alive, login in every form, and what is pushed."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from zlib import crc32

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from adapters.paper.bitget import sockets
from tests.exchanges.bitget.raw import Bitget, send, signed

SPOT = {"instType": "SPOT"}
ORDERS, FILLS = {**SPOT, "channel": "orders", "instId": "default"}, {**SPOT, "channel": "fill", "instId": "default"}
PLANS, MONEY = (
    {**SPOT, "channel": "orders-algo", "instId": "default"},
    {**SPOT, "channel": "account", "coin": "default"},
)


class Socket:
    """A connection: what is sent and what comes, as JSON."""

    def __init__(self, raw) -> None:
        self.raw = raw

    async def ask(self, operation, *args):
        await self.raw.send(json.dumps({"op": operation, "args": list(args)}))
        return await self.told()

    async def told(self):
        return json.loads(await asyncio.wait_for(self.raw.recv(), 10))

    async def until(self, channel):
        """Return the next push of a channel."""
        while (told := await self.told()).get("arg", {}).get("channel") != channel or "data" not in told:
            pass
        return told


@asynccontextmanager
async def opened(paper, kind):
    address = paper.bitget_url.replace("http", "ws", 1)
    async with connect(f"{address}/v2/ws/{kind}", compression=None) as raw:
        yield Socket(raw)


@pytest.fixture
def somebody(paper):
    """Return an account whose requests are not counted."""
    paper.control("PUT", "limits", {"exchange": "bitget", "enabled": False})
    return Bitget(paper)


def login(somebody, timestamp, **changed):
    sign = signed(somebody.keys["secret"], f"{timestamp}GET/user/verify")
    said = {"apiKey": somebody.keys["key"], "passphrase": somebody.keys["passphrase"]}
    return {**said, "timestamp": timestamp, "sign": sign, **changed}


@asynccontextmanager
async def following(paper, somebody, *topics):
    """Yield a socket that is logged in and follows these topics."""
    async with opened(paper, "private") as socket:
        assert (await socket.ask("login", login(somebody, int(time.time()))))["event"] == "login"
        for topic in topics:
            assert await socket.ask("subscribe", topic) == {"event": "subscribe", "arg": topic}
            if topic is MONEY:
                await socket.until("account")
        yield socket


@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("kind", [int, str])
async def test_a_login_is_taken_in_seconds_and_milliseconds_as_number_and_text(paper, somebody, unit, kind):
    async with opened(paper, "private") as socket:
        told = await socket.ask("login", login(somebody, kind(int(time.time() * unit))))
    assert (told["event"], int(told["code"])) == ("login", 0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"apiKey": "nobody"}, "30011"), ({"passphrase": "another"}, "30012"), ({"sign": "bm8="}, "30015")],
)
async def test_a_wrong_login_ends_the_connection(paper, somebody, changed, code):
    async with opened(paper, "private") as socket:
        assert (await socket.ask("login", login(somebody, int(time.time()), **changed)))["code"] == code
        with pytest.raises(ConnectionClosed):
            await socket.told()


async def test_an_old_login_is_refused(paper, somebody):
    async with opened(paper, "private") as socket:
        assert (await socket.ask("login", login(somebody, int(time.time()) - 60)))["code"] == "30014"


async def test_what_cannot_be_followed_is_refused_by_name_and_the_connection_goes_on(paper):
    async with opened(paper, "private") as private, opened(paper, "public") as public:
        assert (await private.ask("subscribe", ORDERS))["code"] == "30004"
        nothing = {**SPOT, "channel": "nothing", "instId": "BTCUSDT"}
        assert (await public.ask("subscribe", nothing)) | {"msg": ""} == {
            "event": "error", "arg": nothing, "code": "30001", "msg": "",
        }  # fmt: skip
        assert (await public.ask("subscribe", {**SPOT, "channel": "trade", "instId": "NOPEUSDT"}))["code"] == "30001"
        future = {"instType": "USDT-FUTURES", "channel": "trade", "instId": "BTCUSDT"}
        assert (await public.ask("subscribe", future))["code"] == "30016"
        assert (await public.ask("dance", SPOT))["code"] == "30003"
        await public.raw.send("no json")
        assert (await public.told())["code"] == "30002"
        await public.raw.send("ping")
        assert await public.raw.recv() == "pong"


async def test_a_market_is_told_trade_by_trade(paper):
    """Candles have their last two volumes in the other order than REST; the first push is a snapshot."""
    topics = [
        {**SPOT, "channel": channel, "instId": "BTCUSDT"} for channel in ("trade", "candle1m", "books5", "ticker")
    ]
    async with opened(paper, "public") as socket:
        first = {}
        for topic in topics:
            assert (await socket.ask("subscribe", topic))["event"] == "subscribe"
            first[topic["channel"]] = await socket.until(topic["channel"])
        await asyncio.to_thread(paper.hold, "BTC/USDT", "50100")
        trade = await socket.until("trade")
        assert await socket.ask("unsubscribe", topics[0]) is not None
    assert {name: told["action"] for name, told in first.items()} == dict.fromkeys(first, "snapshot")
    assert (trade["action"], trade["data"][0]["price"], trade["arg"]) == ("update", "50100", topics[0])
    candle = first["candle1m"]["data"][-1]
    assert (len(candle), float(candle[6])) == (8, pytest.approx(float(candle[5]) * float(candle[4])))
    assert first["ticker"]["data"][0]["instId"] == "BTCUSDT"
    assert len(first["books5"]["data"][0]["bids"]) == 5


async def test_an_order_is_told_from_its_birth_to_its_end(paper, somebody):
    """`baseVolume` is that of the last fill, `newSize` the size; fees are negative, and a list."""
    async with following(paper, somebody, ORDERS, FILLS, MONEY) as socket:
        placed = await asyncio.to_thread(lambda: somebody.place(clientOid="mine", price="51000"))
        born, traded = await socket.until("orders"), await socket.until("orders")
        fill, money = await socket.until("fill"), await socket.until("account")
    [row] = born["data"]
    assert (row["orderId"], row["clientOid"], row["status"]) == (placed.data["orderId"], "mine", "live")
    [row] = traded["data"]
    assert (row["status"], row["accBaseVolume"], row["baseVolume"], row["newSize"]) == (
        "filled",
        "0.01",
        "0.01",
        "0.01",
    )
    assert (row["fillPrice"], row["fillFee"], row["feeDetail"], row["tradeScope"]) == (
        "50000", "-0.00001", [{"feeCoin": "BTC", "fee": "-0.00001"}], "T",
    )  # fmt: skip
    assert fill["data"][0]["feeDetail"][0]["totalFee"] == "-0.00001"
    assert money["arg"] == MONEY


async def test_a_plan_is_told_apart_from_the_order_that_it_becomes(paper, somebody):
    async with following(paper, somebody, ORDERS, PLANS) as socket:
        planned = await asyncio.to_thread(somebody.plan)
        waits = await socket.until("orders-algo")
        await asyncio.to_thread(paper.hold, "BTC/USDT", "47000")
        order, done = await socket.until("orders"), await socket.until("orders-algo")
    assert [told["data"][0]["status"] for told in (waits, done)] == ["live", "executed"]
    assert done["data"][0]["orderId"] == planned.data["orderId"] != order["data"][0]["orderId"]


async def test_a_private_stream_has_its_bad_days(paper, somebody):
    """A fill that is told twice, a stream that is deaf for a while, one that is cut."""
    async with following(paper, somebody, ORDERS) as socket:
        await asyncio.to_thread(somebody.place)
        await socket.until("orders")
        await asyncio.to_thread(lambda: paper.fault("stream", "deaf_stream", exchange="bitget", seconds=60))
        await asyncio.to_thread(somebody.place)
        await asyncio.to_thread(paper.control, "DELETE", "faults")
        third = await asyncio.to_thread(lambda: somebody.place(clientOid="heard"))
        assert (await socket.until("orders"))["data"][0]["orderId"] == third.data["orderId"]
        await asyncio.to_thread(lambda: paper.fault("stream", "drop_stream", exchange="bitget"))
        await asyncio.to_thread(somebody.place)
        with pytest.raises(ConnectionClosed):
            await socket.until("orders")


async def test_long_bars_begin_in_beijing_unless_their_word_says_utc(paper):
    """They are told as shorter ones are: the newest before the first change, and with every price."""
    hours = {}
    for channel in ("candle1D", "candle1Dutc", "candle1M", "candle1Mutc", "candle4H", "candle6H"):
        topic = {**SPOT, "channel": channel, "instId": "BTCUSDT"}
        async with opened(paper, "public") as socket:
            assert (await socket.ask("subscribe", topic))["event"] == "subscribe"
            before = (await socket.until(channel))["data"][-1]
            await asyncio.to_thread(paper.hold, "BTC/USDT", "200000")
            after = before
            while after[4] != "200000":  # a push of the price before may be under way
                after = (await socket.until(channel))["data"][-1]
        await asyncio.to_thread(paper.hold, "BTC/USDT", "50000")
        assert (before[0], after[2], after[4]) == (after[0], "200000", "200000")
        hours[channel] = int(after[0]) // 3_600_000 % 24
    assert hours | {"candle4H": 0, "candle6H": 0} == {
        "candle1D": 16, "candle1Dutc": 0, "candle1M": 16, "candle1Mutc": 0, "candle4H": 0, "candle6H": 0,
    }  # fmt: skip
    assert (hours["candle4H"] % 4, (hours["candle6H"] + 8) % 6) == (0, 0)


async def test_the_whole_book_is_told_by_its_changes_with_a_checksum(paper):
    """The books that follow one another have all levels that REST has, and the checksum of the text of their levels."""
    topic = {**SPOT, "channel": "books", "instId": "BTCUSDT"}
    async with opened(paper, "public") as socket:
        assert (await socket.ask("subscribe", topic))["event"] == "subscribe"
        first = await socket.until("books")
        await asyncio.to_thread(paper.hold, "BTC/USDT", "50010")
        change = await socket.until("books")
    book = {side: dict(first["data"][0][side]) for side in ("bids", "asks")}
    for side, levels in book.items():
        levels.update(change["data"][0][side])
        book[side] = {price: size for price, size in levels.items() if size != "0"}
    bids, asks = (
        sorted(book[side].items(), key=lambda level: Decimal(level[0]), reverse=side == "bids")
        for side in ("bids", "asks")
    )
    now = send(paper, "GET", "/api/v2/spot/market/orderbook?symbol=BTCUSDT").data
    assert (first["action"], change["action"]) == ("snapshot", "update")
    assert ([*map(list, bids)], [*map(list, asks)]) == (now["bids"], now["asks"])
    texts = [text for bid, ask in zip(bids[:25], asks[:25], strict=True) for text in (*bid, *ask)]
    assert change["data"][0]["checksum"] % 2**32 == crc32(":".join(texts).encode())


async def test_an_order_that_has_bought_nothing_has_no_average_price(paper, somebody):
    async with following(paper, somebody, ORDERS) as socket:
        placed = await asyncio.to_thread(somebody.place)
        born = await socket.until("orders")
        await asyncio.to_thread(lambda: somebody.post("spot/trade/cancel-order", symbol="BTCUSDT", **placed.data))
        gone = await socket.until("orders")
    assert (born["data"][0]["priceAvg"], gone["data"][0]["cancelReason"]) == ("0", "normal_cancel")


async def test_only_the_text_ping_keeps_a_connection_open(paper, monkeypatch):
    """The pings of the protocol do not count: a library that sends them alone is cut off."""
    monkeypatch.setattr(sockets, "SILENT_SECONDS", 1.5)
    async with opened(paper, "public") as kept, opened(paper, "public") as silent:
        for _ in range(8):
            await kept.raw.send("ping")
            assert await asyncio.wait_for(kept.raw.recv(), 10) == "pong"
            with suppress(ConnectionClosed):
                await silent.raw.ping()
            await asyncio.sleep(0.3)
        with pytest.raises(ConnectionClosed):
            await silent.told()
