"""The paper Binance's market streams: books, windows, numbers without gaps, and the answers to control messages."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.exchanges.test_paper_api_signatures import raw

MINUTE = 60_000


class Stream:
    """One connection to the market streams."""

    def __init__(self, paper, socket):
        self._paper, self._socket = paper, socket

    async def next(self, seconds=10):
        """Return the next message of any kind."""
        return json.loads(await self._socket.receive_str(timeout=seconds))

    async def ask(self, message):
        """Send a control message and return its answer, skipping the stream messages that come before it."""
        await self._socket.send_str(message if isinstance(message, str) else json.dumps(message))
        while True:
            told = await self.next()
            if "result" in told or "code" in told:
                return told

    async def silence(self):
        """Check that no message arrives for 0.3 seconds."""
        with pytest.raises(TimeoutError):
            await self.next(0.3)

    async def hold(self, *prices, symbol="BTC/USDT"):
        """Move the price through each of these in turn."""
        for price in prices:
            await asyncio.to_thread(self._paper.hold, symbol, price)


@asynccontextmanager
async def joined(paper, path):
    """Yield a connection to a path of the streams."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{paper.binance_url}{path}") as socket:
        yield Stream(paper, socket)


def book_of(paper):
    """Return the book's last update number and its two sides, as REST reports them."""
    told = raw(paper, "GET", "/api/v3/depth", "symbol=BTCUSDT&limit=1000")[2]
    return told["lastUpdateId"], dict(told["bids"]), dict(told["asks"])


async def test_a_book_kept_from_its_changes_is_the_book(paper):
    """The book is kept as Binance documents it.

    The changes after a snapshot lead to the next one, and no number is left out.
    """
    # given
    async with joined(paper, "/ws/btcusdt@depth@100ms") as stream:
        number, bids, asks = await asyncio.to_thread(book_of, paper)
        # when
        await stream.hold("50000.05", "49999", "49999", "51000", "51000.01")
        changes = [await stream.next() for _ in range(4)]
        expected = await asyncio.to_thread(book_of, paper)
    # then
    for change in changes:
        assert (change["e"], change["s"], change["U"]) == ("depthUpdate", "BTCUSDT", number + 1)
        number = change["u"]
        for side, levels in ((bids, change["b"]), (asks, change["a"])):
            side.update(levels)
            for price in [price for price, quantity in side.items() if float(quantity) == 0]:
                del side[price]
    assert (number, bids, asks) == expected


@pytest.mark.parametrize("levels", [5, 10, 20])
@pytest.mark.parametrize("speed", ["", "@100ms", "@1000ms"])
async def test_a_part_of_a_book_is_told_whole(paper, levels, speed):
    """The part is sent at once and with each change, with as many levels as the stream's name says."""
    # given
    async with joined(paper, f"/stream?streams=btcusdt@depth{levels}{speed}") as stream:
        first = await stream.next()
        # when
        await stream.hold("51000")
        second = await stream.next()
    # then
    assert first["stream"] == second["stream"] == f"btcusdt@depth{levels}{speed}"
    assert set(second["data"]) == {"lastUpdateId", "bids", "asks"}
    assert (len(second["data"]["bids"]), len(second["data"]["asks"])) == (levels, levels)
    assert second["data"]["bids"][0][0] == "50999.99000000"
    assert second["data"]["lastUpdateId"] == first["data"]["lastUpdateId"] + 1


@pytest.mark.parametrize(("kind", "name"), [("trade", "t"), ("aggTrade", "a")])
async def test_trades_have_one_number_after_the_other(paper, kind, name):
    """All connections receive the same numbers. When the price falls, the seller is the taker."""
    # given
    async with joined(paper, f"/ws/btcusdt@{kind}") as one, joined(paper, f"/ws/btcusdt@{kind}") as other:
        # when
        await one.hold("50001", "50000", "50000")
        trades = [await one.next() for _ in range(3)]
        others = [await other.next() for _ in range(3)]
    # then
    assert [t[name] for t in trades] == [t[name] for t in others] == [trades[0][name] + n for n in range(3)]
    assert [t["p"] for t in trades] == ["50001.00000000", "50000.00000000", "50000.00000000"]
    assert [t["m"] for t in trades] == [False, True, False]


async def test_a_bar_is_told_once_more_when_it_has_ended(paper):
    """The last message of a bar has `x` set and precedes the first one of the next bar."""
    # given
    async with joined(paper, "/ws/btcusdt@kline_1m") as stream:
        await stream.hold("50100")
        # when
        await asyncio.to_thread(paper.fault, "query", "skew_clock", seconds=60)
        await stream.hold("50200")
        bars = {}
        while len(bars) < 2 or not [*bars.values()][-2]["x"]:
            k = (await stream.next())["k"]
            bars[k["t"]] = k
    # then
    ended, running = [*bars.values()][-2:]
    assert (ended["x"], ended["c"], running["x"], running["c"]) == (True, "50100.00000000", False, "50200.00000000")
    assert running["t"] == ended["T"] + 1


async def test_a_bar_may_open_by_another_time_zone(paper):
    """A day in Shanghai begins at 16:00 UTC."""
    # given
    async with joined(paper, "/ws/btcusdt@kline_1d@+08:00") as stream:
        # when
        told = await stream.next()
    # then
    assert told["k"]["t"] % (1440 * MINUTE) == 960 * MINUTE


async def test_all_markets_are_told_in_one_message(paper):
    """The message holds the markets that moved."""
    # given
    async with joined(paper, "/ws/!miniTicker@arr") as stream:
        # when
        told = await stream.next()
    # then
    assert len(told) > 1
    assert {row["e"] for row in told} == {"24hrMiniTicker"}
    assert "ETHUSDT" in {row["s"] for row in told}


@pytest.mark.parametrize(
    ("kind", "event", "field"),
    [
        ("avgPrice", "avgPrice", "w"),
        ("ticker_1h", "1hTicker", "c"),
        ("ticker_4h", "4hTicker", "c"),
        ("ticker_1d", "1dTicker", "c"),
    ],
)
async def test_averages_and_rolling_windows_are_told(paper, kind, event, field):
    """A message is sent at once and whenever the price moves."""
    # given
    async with joined(paper, f"/ws/btcusdt@{kind}") as stream:
        first = await stream.next()
        # when
        await stream.hold("51000")
        second = await stream.next()
    # then
    assert first["e"] == second["e"] == event
    assert (first["s"], first[field], second[field]) == ("BTCUSDT", "50000.00000000", "51000.00000000")


async def test_a_window_of_all_markets_is_told(paper):
    """The stream is `!ticker_1h@arr`; `!ticker@arr` ended in March 2026 and stays silent."""
    # given
    async with joined(paper, "/stream?streams=!ticker@arr/!ticker_1h@arr") as stream:
        # when
        told = [await stream.next() for _ in range(2)]
    # then
    assert {message["stream"] for message in told} == {"!ticker_1h@arr"}
    assert told[0]["data"][0]["e"] == "1hTicker"


async def test_a_connection_tells_what_it_follows(paper):
    """Unknown names are accepted silently and listed too. An unsubscribed stream is no longer listed."""
    # given
    async with joined(paper, "/ws/btcusdt@trade") as stream:
        # when
        taken = await stream.ask({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker", "no@such"], "id": "a-1"})
        listed = await stream.ask({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        left = await stream.ask({"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": None})
        rest = await stream.ask({"method": "LIST_SUBSCRIPTIONS", "id": 3})
    # then
    assert (taken, left) == ({"result": None, "id": "a-1"}, {"result": None, "id": None})
    assert listed == {"result": ["btcusdt@bookTicker", "btcusdt@trade", "no@such"], "id": 2}
    assert rest == {"result": ["btcusdt@trade", "no@such"], "id": 3}


async def test_a_connection_can_change_its_form(paper):
    """The connection changes from raw messages to messages that name their stream."""
    # given
    async with joined(paper, "/ws/btcusdt@trade") as stream:
        before = await stream.ask({"method": "GET_PROPERTY", "params": ["combined"], "id": 1})
        # when
        changed = await stream.ask({"method": "SET_PROPERTY", "params": ["combined", True], "id": 2})
        await stream.hold("51000")
        told = await stream.next()
    # then
    assert (before, changed) == ({"result": False, "id": 1}, {"result": None, "id": 2})
    assert told["stream"] == "btcusdt@trade"


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ("not json", 3, "Invalid JSON"),
        ("[" * 100_000, 3, "Invalid JSON"),
        ([], 2, "Invalid request"),
        ({"id": 1}, 2, "Invalid request: missing field `method`"),
        ({"method": "JOIN", "id": 1}, 2, "Invalid request: unknown variant `JOIN`"),
        ({"method": ["SUBSCRIBE"], "id": 1}, 2, "Invalid request: unknown variant"),
        ({"method": "SUBSCRIBE", "params": ["btcusdt@trade"]}, 2, "Invalid request: request ID"),
        ({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1.5}, 2, "Invalid request: request ID"),
        ({"method": "SUBSCRIBE", "params": "btcusdt@trade", "id": 1}, 2, "Invalid request"),
        ({"method": "SUBSCRIBE", "params": [1], "id": 1}, 2, "Invalid request"),
        ({"method": "SUBSCRIBE", "id": 1}, 2, "Invalid request"),
        ({"method": "LIST_SUBSCRIPTIONS", "params": ["a"], "id": 1}, 2, "Invalid request: too many parameters"),
        ({"method": "SET_PROPERTY", "params": [1, True], "id": 1}, 2, "Invalid request: property name"),
        ({"method": "SET_PROPERTY", "params": ["other", True], "id": 1}, 0, "Unknown property"),
        ({"method": "GET_PROPERTY", "params": ["other"], "id": 1}, 0, "Unknown property"),
        ({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1}, 1, "Invalid value type: expected Boolean"),
    ],
)
async def test_a_control_message_that_is_wrong_is_told_so_and_the_connection_lives(paper, message, code, words):
    """A refused message subscribes to nothing."""
    # given
    async with joined(paper, "/ws") as stream:
        # when
        refused = await stream.ask(message)
        listed = await stream.ask({"method": "LIST_SUBSCRIPTIONS", "id": 7})
    # then
    assert refused["code"] == code
    assert refused["msg"].startswith(words)
    assert listed == {"result": [], "id": 7}


async def test_what_happens_is_not_told_before_it_happens(paper):
    """A new subscriber is sent no trade and no book change before one happens."""
    # given
    async with joined(paper, "/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@depth") as stream:
        # when / then
        await stream.silence()
