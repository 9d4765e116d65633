"""Answers that look like Binance's but lack what counts: none is taken for a fact, nor for an empty result."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from adapters.exchanges import http
from application.ports.errors import NoAnswer
from domain.market import Market
from tests.exchanges.binance.test_binance_garbage import (
    AMOUNTS,
    ANSWERS,
    BTC,
    FILL,
    KEYS,
    ORDER,
    SYMBOL,
    WISH,
    changed,
    encoded,
    told,
)

ETH = Market("binance", "ETH/USDT", "ETHUSDT", "ETH", "USDT", True, BTC.price_tick, BTC.quantity_step)
DEEP = b"[" * 100_000 + b"]" * 100_000
NO_NUMBERS = ["NaN", "Infinity", "-Infinity"]


async def no_answer(asked) -> NoAnswer:
    """Await a request that must raise `NoAnswer`, and return the error."""
    with pytest.raises(NoAnswer) as doubt:
        await asked
    return doubt.value


@pytest.mark.parametrize("lacking", AMOUNTS)
@pytest.mark.parametrize("asked", ["place", "cancel", "query"])
async def test_an_order_without_one_of_its_amounts_is_no_answer(asked, lacking):
    """A missing amount is not zero: a filled order would be taken for an unfilled one."""
    async with told(encoded(changed({**ORDER, **AMOUNTS, "time": 1}, (lacking,)))) as client:
        await no_answer(ANSWERS[asked][0](client))


@pytest.mark.parametrize("time", [{}, {"transactTime": None}, {"transactTime": 0}, {"time": 0}])
async def test_fills_without_a_time_are_no_answer(time):
    """Such fills would be recorded as of 1970. Without fills no time is needed."""
    async with told(encoded({**ORDER, **AMOUNTS, "fills": [FILL], **time})) as client:
        await no_answer(client.place(KEYS, WISH))
    async with told(encoded({**ORDER, **AMOUNTS, "fills": [], **time})) as client:
        assert (await client.place(KEYS, WISH)).fills == []


@pytest.mark.parametrize("word", NO_NUMBERS)
async def test_an_amount_that_is_no_number_is_refused_wherever_it_is_said(word):
    """The amount is in the answer to a placement, among balances or prices, or in a bar."""
    prices = {"symbol": "BTCUSDT", "price": "1", "bidPrice": "1", "askPrice": word}
    answers = {
        "place": {**ORDER, **AMOUNTS, "executedQty": word},
        "balances": {"balances": [{"asset": "BTC", "free": word, "locked": "0"}]},
        "tickers": [prices],
        "bars": [[60000, "1", "1", "1", word, "1", 2, 0, 3]],
    }
    for asked, answer in answers.items():
        async with told(encoded(answer)) as client:
            await no_answer(ANSWERS[asked][0](client))


@pytest.mark.parametrize("time", [10**20, -(10**17), 1e30, 1.5, "1772443800000", True, None, [], {}, [1]])
async def test_a_time_that_is_none_is_no_answer_and_moves_no_clock(time):
    """The clock offset stays at zero, so requests are signed as before."""
    async with told(encoded({"serverTime": time})) as client:
        await no_answer(client.server_time())
        assert client.clock_offset == timedelta(0)


@pytest.mark.parametrize("asked", [asked for asked in ANSWERS if asked not in {"place", "cancel"}])
async def test_json_deeper_than_anybody_reads_is_no_answer(asked):
    """The body is 100,000 nested lists, alone or inside an object."""
    for body in (DEEP, b'{"symbols": ' + DEEP + b"}", b'{"balances": ' + DEEP + b"}"):
        async with told(body) as client:
            await no_answer(ANSWERS[asked][0](client))


@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize(
    "body",
    [
        b'{"code": -2013, "msg": "\xff\xfe"}',
        b'{"code": "\xff", "msg": "x"}',
        pytest.param(b'{"code": -2013, "msg": "x", "data": ' + DEEP + b"}", id="deep"),
    ],
)
async def test_an_error_that_cannot_be_read_is_no_answer(monkeypatch, status, body):
    """An error that cannot be decoded says nothing about the request."""
    monkeypatch.setattr(http, "_READ_PAUSES", ())
    async with told(body, status) as client:
        await no_answer(client.query(KEYS, BTC, "mine"))


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ("tickers", b"[]"),
        ("tickers", b"{}"),
        ("tickers", b'[{"symbol": "ETHUSDT", "price": "1", "bidPrice": "1", "askPrice": "1"}]'),
        ("bars", b"{}"),
        ("balances", b'{"balances": {}}'),
        ("balances", b'{"balances": null}'),
    ],
)
async def test_something_empty_of_another_shape_is_not_nothing(asked, body):
    """A requested price must be in the answer, and an object is not an empty list."""
    async with told(body) as client:
        await no_answer(ANSWERS[asked][0](client))


@pytest.mark.parametrize(
    "odd",
    [
        {"filters": None},
        {"filters": [{"filterType": "LOT_SIZE", "stepSize": "NaN"}]},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "small"}]},
        {"filters": [{}]},
        {"quoteAssetPrecision": None},
        {"status": None},
    ],
)
async def test_a_market_whose_rules_cannot_be_read_is_closed_and_closes_no_other(odd):
    """The market is still known by its names, because orders that rest there must be found."""
    information = {"symbols": [{**SYMBOL, **odd}, {**SYMBOL, "symbol": "ETHUSDT", "baseAsset": "ETH"}]}
    async with told(msgspec.json.encode(information)) as client:
        markets = await client.markets()
        assert [(one.symbol, one.native, one.active) for one in markets] == [
            ("BTC/USDT", "BTCUSDT", False), ("ETH/USDT", "ETHUSDT", True),
        ]  # fmt: skip


async def test_an_answer_about_some_of_the_markets_asked_for_is_none():
    """The caller would find no price where it looks for one, so a partial answer raises `NoAnswer`."""
    async with told(b'[{"symbol": "BTCUSDT", "price": "1", "bidPrice": "1", "askPrice": "2"}]') as client:
        assert [*await client.tickers([BTC])] == ["BTC/USDT"]
        await no_answer(client.tickers([BTC, ETH]))
