"""Binance's public streams as our client reads them: from the paper exchange, on its bad days, and garbage."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from decimal import Decimal

import pytest

from adapters.exchanges.binance.depth_stream import depth_event_of
from adapters.exchanges.binance.market_stream import event_of, events
from application.ports.errors import NoAnswer
from application.ports.market_data import Ending, Malformed, SeenCandle, SeenTrade
from domain.candles.bar import Bar, MarketTrade, Proof

TRADE = {"e": "trade", "E": 1772443800123, "s": "BTCUSDT", "t": 7, "p": "50000.00", "q": "0.5", "T": 1772443800100}
KLINE = {
    "t": 1772443740000, "o": "1.0", "h": "2.0", "l": "0.5", "c": "1.5", "v": "9.0", "n": 3, "x": True, "f": 5, "L": 7,
}  # fmt: skip


def framed(data: object) -> str:
    return json.dumps({"stream": "btcusdt@trade", "data": data})


def test_a_trade_and_a_closed_candle_are_read():
    trade = SeenTrade("BTCUSDT", MarketTrade(7, Decimal("50000.00"), Decimal("0.5"), TRADE["T"]), TRADE["E"])
    assert event_of(framed(TRADE)) == trade
    prices = map(Decimal, ("1.0", "2.0", "0.5", "1.5", "9.0"))
    candle = {"e": "kline", "E": 1772443800001, "s": "BTCUSDT", "k": KLINE}
    assert event_of(framed(candle)) == SeenCandle(
        "BTCUSDT", Bar(KLINE["t"], 1, *prices, 3, 5, 7, Proof.CONFIRMED), 1772443800001
    )
    assert event_of(framed({**candle, "k": {**KLINE, "x": False}})) is None
    quiet = event_of(framed({**candle, "k": {**KLINE, "f": -1, "L": -1, "n": 0, "v": "0"}}))
    assert (quiet.candle.first_id, quiet.candle.last_id, quiet.candle.trades) == (None, None, 0)


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "Infinity", "1e", "", None, [], {}])
@pytest.mark.parametrize("name", ["p", "q"])
def test_an_amount_that_no_market_has_makes_a_trade_unbelievable(name, number):
    assert isinstance(event_of(framed({**TRADE, name: number})), Malformed)


@pytest.mark.parametrize(
    "changed",
    [{"o": "3.0"}, {"c": "0.4"}, {"h": "1.2"}, {"l": "0"}, {"l": "NaN"}, {"v": "-1"}, {"n": -1}, {"t": 1772443740001}],
)
def test_a_candle_whose_prices_contradict_each_other_is_not_believed(changed):
    candle = {"e": "kline", "E": 1, "s": "BTCUSDT", "k": {**KLINE, **changed}}
    assert isinstance(event_of(framed(candle)), Malformed)


def test_a_price_of_a_trillionth_is_a_price():
    assert event_of(framed({**TRADE, "p": "0.000000000001"})).trade.price == Decimal("1e-12")


@pytest.mark.parametrize("text", ["", "<html>", "null", "7", "[]", "{}", '{"data": 7}', '{"data": {"e": "trade"}}'])
def test_what_is_no_message_is_malformed(text):
    assert isinstance(event_of(text), Malformed)


async def heard(url: str, enough) -> list:
    """Return the events of a new connection until `enough` says so of them."""
    found: list = []
    async with asyncio.timeout(90), aclosing(events(url, ["SOLUSDT", "ETHUSDT"])) as stream:
        async for event, _ in stream:
            found.append(event)
            if enough(found):
                break
    return found


async def test_trades_of_several_markets_come_with_consecutive_ids(paper):
    found = await heard(
        paper.binance_url.replace("http", "ws"), lambda seen: len([e for e in seen if isinstance(e, SeenTrade)]) > 20
    )
    for native in ("SOLUSDT", "ETHUSDT"):
        ids = [event.trade.id for event in found if isinstance(event, SeenTrade) and event.native == native]
        assert ids == [*range(ids[0], ids[0] + len(ids))]


@pytest.mark.parametrize("announced", [True, False])
async def test_an_end_is_announced_or_sudden(paper, announced):
    """Either way it ends with `NoAnswer`, never in silence."""
    found: list = []

    async def hear() -> None:
        async for event, _ in events(paper.binance_url.replace("http", "ws"), ["BTCUSDT"]):
            if not found:
                await asyncio.to_thread(paper.control, "DELETE", "market-streams", {"announced": announced})
            found.append(event)

    with pytest.raises(NoAnswer):
        await asyncio.wait_for(hear(), 30)
    assert any(isinstance(event, Ending) for event in found) == announced


async def test_an_exchange_that_is_away_is_told():
    with pytest.raises(NoAnswer):
        async for _ in events("ws://127.0.0.1:1", ["BTCUSDT"]):
            pass


# --- depth -----------------------------------------------------------------------------------------------------------

LEVELS = {"lastUpdateId": 1, "bids": [["99.0", "1"], ["98.0", "2"]], "asks": [["101.0", "1"]]}


def levelled(data: object) -> str:
    return json.dumps({"stream": "btcusdt@depth20@100ms", "data": data})


def test_levels_and_trades_are_read_and_nothing_else():
    seen = depth_event_of(levelled(LEVELS), "BTCUSDT")
    assert (seen.native, seen.depth.bids[1], seen.depth.asks[0]) == (
        "BTCUSDT", (Decimal("98.0"), 2), (Decimal("101.0"), 1)
    )  # fmt: skip
    assert isinstance(depth_event_of(framed(TRADE), "BTCUSDT"), SeenTrade)
    assert depth_event_of(framed({"e": "serverShutdown", "E": 1}), "BTCUSDT") is None


@pytest.mark.parametrize(
    "data",
    [
        {}, [], None, {**LEVELS, "bids": None}, {**LEVELS, "bids": [["99"]]}, {**LEVELS, "bids": [["NaN", "1"]]},
        {**LEVELS, "asks": [["101", "-1"]]}, {**LEVELS, "asks": [["99.0", "1"]]}, {**LEVELS, "bids": [["1e999", "1"]]},
        {**LEVELS, "bids": [["98", "1"], ["99", "1"]]}, {**LEVELS, "asks": "101"},
    ],
)  # fmt: skip
def test_levels_that_no_book_has_are_no_levels(data):
    assert isinstance(depth_event_of(levelled(data), "BTCUSDT"), Malformed)
