"""Meaningless answers of Binance with status 200: the request is in doubt, and no other error is raised."""

from __future__ import annotations

import asyncio
import copy
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from aiohttp import WSMsgType, web
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.exchanges import http
from adapters.exchanges.binance import messages, rules
from adapters.exchanges.binance.client import Binance
from adapters.exchanges.decoding import understood
from application.ports.errors import NoAnswer
from application.ports.statements import Credentials, OrderRequest
from domain.market import Market
from domain.orders.wish import Side, Type

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KEYS = Credentials("key", "secret")
BTC = Market("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", True, Decimal("0.01"), Decimal("0.00001"))
WISH = OrderRequest("mine", BTC, Side.BUY, Type.MARKET, quantity=Decimal(1))

FILL = {"price": "50000.00", "qty": "0.5", "commission": "0.0005", "commissionAsset": "BTC", "tradeId": 7}
ORDER = {"symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "mine", "side": "BUY", "status": "PARTIALLY_FILLED"}
AMOUNTS = {"price": "0.00", "origQty": "1.0", "executedQty": "0.5", "cummulativeQuoteQty": "25000.00"}
TRADE = {
    "id": 7, "price": "50000.00", "qty": "0.5", "commission": "0.0005", "commissionAsset": "BTC",
    "time": 1772443800000, "isMaker": False,
}  # fmt: skip
FILTER = {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}
SYMBOL = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": [FILTER]}
BAR = [1772443800000, "1.0", "2.0", "0.5", "1.5", "9.0", 1772443859999, 0, 3]
AMENDED = {**ORDER, "price": "0.00", "qty": "1.0", "executedQty": "0.5", "cumulativeQuoteQty": "25000.00"}
EXECUTION = {
    "e": "executionReport", "s": "BTCUSDT", "c": "mine", "S": "BUY", "q": "1.0", "p": "0.00", "C": "", "x": "TRADE",
    "X": "PARTIALLY_FILLED", "r": "NONE", "i": 1, "l": "0.5", "z": "0.5", "L": "50000.00", "n": "0.0005", "N": "BTC",
    "T": 1772443800000, "t": 7, "m": False, "O": 1772443800000, "Z": "25000.00",
}  # fmt: skip

NONSENSE = [b"<html>Bad gateway</html>", b"", b"null", b"7", b'"BTC"', b"true", b'{"orderId": 1, ', b"[[", b"\xff\xfe"]
NO_OBJECT = [b"[]", b"{}", b"[7]", b"[{}]"]
NO_LIST = [b"[7]", b"[{}]", b"[null]", b"[[]]"]
ANSWERS = {
    "server_time": (lambda c: c.server_time(), NO_OBJECT),
    "markets": (lambda c: c.markets(), NO_OBJECT),
    "balances": (lambda c: c.balances(KEYS), NO_OBJECT),
    "query": (lambda c: c.query(KEYS, BTC, "mine"), NO_OBJECT),
    "place": (lambda c: c.place(KEYS, WISH), NO_OBJECT),
    "cancel": (lambda c: c.cancel(KEYS, BTC, "mine"), NO_OBJECT),
    "tickers": (lambda c: c.tickers([BTC]), NO_LIST),
    "bars": (lambda c: c.bars(BTC, "1m", NOW), NO_LIST),
    "open_orders": (lambda c: c.open_orders(KEYS), [*NO_LIST, b"{}"]),
    "orders_since": (lambda c: c.orders_since(KEYS, BTC, datetime.now(UTC)), [*NO_LIST, b"{}"]),
    "fills_of": (lambda c: c.fills_of(KEYS, BTC, "1"), [*NO_LIST, b"{}"]),
}
MEANINGS = {
    "order": (messages.report_of, {**ORDER, **AMOUNTS, "transactTime": 1, "fills": [FILL]}),
    "orders": (messages.reports_of, [{**ORDER, **AMOUNTS}]),
    "execution": (messages.report_of_execution, EXECUTION),
    "trades": (messages.fills_of, [TRADE]),
    "market": (lambda raw: rules.market_of(msgspec.json.decode(raw)), SYMBOL),
    "markets": (rules.information_of, {"symbols": [], "rateLimits": []}),
    "time": (messages.server_time_of, {"serverTime": 1772443800000}),
    "balances": (messages.balances_of, {"balances": [{"asset": "BTC", "free": "1.0", "locked": "0.0"}]}),
    "best prices": (messages.best_prices_of, [{"symbol": "BTCUSDT", "bidPrice": "1.0", "askPrice": "2.0"}]),
    "last prices": (messages.last_prices_of, [{"symbol": "BTCUSDT", "price": "1.0"}]),
    "bars": (lambda raw: messages.bars_of(raw, 1), [BAR]),
    "list": (messages.reports_of_list, {"orderReports": [{**ORDER, **AMOUNTS}]}),
    "cancel": (messages.reports_of_cancel, {**ORDER, **AMOUNTS}),
    "counts": (rules.order_counts_of, [{"interval": "SECOND", "intervalNum": 10, "count": 3}]),
    "amendment": (messages.report_of_amendment, {"amendedOrder": AMENDED}),
}
OPTIONAL = {"fills", "rateLimits", "minQty", "maxQty", "stepSize", "e"}
"""Fields that may be absent.

An order may have no fills, a limit may be unset, and the request implies the kind of event.
"""


@asynccontextmanager
async def told(body: bytes, status: int = 200, **headers: str):
    """Yield a client of a Binance that gives one answer to everything.

    The answer comes over REST and inside the frames of the WebSocket API.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def say(request: web.Request) -> web.StreamResponse:
        if "Upgrade" not in request.headers:
            return web.Response(body=body, status=status, headers=named)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                number = msgspec.json.decode(message.data)["id"]
                frame = b'{"id": %d, "status": 200, "result": %s}' % (number, body)
                await socket.send_str(frame.decode(errors="replace"))
        return socket

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", say)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    client = Binance(f"http://{host}:{port}", f"ws://{host}:{port}/ws-api/v3", f"ws://{host}:{port}")
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


def encoded(meaning) -> bytes:
    """Return a message as it comes over the wire."""
    return msgspec.json.encode(meaning)


def paths(told, path=()):
    """Yield the path of each value of a message, containers included."""
    if path:
        yield path
    for key in told if isinstance(told, dict) else range(len(told)) if isinstance(told, list) else ():
        yield from paths(told[key], (*path, key))


def changed(told, path, *value):
    """Return a copy of the message with another value at a path, or without that path if no value is given."""
    told = copy.deepcopy(told)
    within = told
    for key in path[:-1]:
        within = within[key]
    if value:
        [within[path[-1]]] = value
    else:
        del within[path[-1]]
    return told


def amounts(told) -> list[tuple]:
    """Return the paths of the decimals, which are all texts with a point."""
    return [path for path in paths(told) if "." in str(_at(told, path)) and isinstance(_at(told, path), str)]


def _at(told, path):
    for key in path:
        told = told[key]
    return told


@pytest.mark.parametrize("asked", ANSWERS)
def test_an_answer_that_says_nothing_is_no_answer(asked):
    """The bodies are pages, nothing, other JSON, truncated JSON and messages of another kind."""
    ask, others = ANSWERS[asked]

    async def story(body: bytes):
        async with told(body) as client:
            with pytest.raises(NoAnswer) as doubt:
                await ask(client)
            assert doubt.value.code == "no_answer"

    for body in [*NONSENSE, *others]:
        asyncio.run(story(body))


@pytest.mark.parametrize("status", [302, 400, 404, 500, 502])
@pytest.mark.parametrize("body", [*NONSENSE, b"[]", b"{}", b'{"error": "upstream"}', b'{"code": "x", "msg": "y"}'])
async def test_a_word_of_somebody_else_is_no_answer_to_a_read(monkeypatch, status, body):
    """An error counts only in Binance's own form, whatever its status."""
    monkeypatch.setattr(http, "_READ_PAUSES", ())
    async with told(body, status) as client:
        for asked in ("query", "balances", "server_time"):
            with pytest.raises(NoAnswer):
                await ANSWERS[asked][0](client)


@pytest.mark.parametrize("asked", ["open_orders", "orders_since", "fills_of", "bars"])
async def test_an_empty_list_is_an_answer(asked):
    """An empty list means that there is nothing of the kind."""
    async with told(b"[]") as client:
        assert await ANSWERS[asked][0](client) == []


@pytest.mark.parametrize("kind", MEANINGS)
def test_a_whole_answer_is_understood(kind):
    """The complete messages are valid, so the tests below fail only because of the one field they remove or change."""
    meaning, whole = MEANINGS[kind]
    assert understood(encoded(whole), meaning)


@pytest.mark.parametrize("kind", MEANINGS)
def test_an_answer_that_lacks_something_is_no_answer(kind):
    """Each field that carries a meaning is removed in turn, at any depth."""
    meaning, whole = MEANINGS[kind]
    lacking = [path for path in paths(whole) if isinstance(path[-1], str) and path[-1] not in OPTIONAL]
    for path in lacking or [(0, 6)]:
        with pytest.raises(NoAnswer):
            understood(encoded(changed(whole, path)), meaning)


@pytest.mark.parametrize(
    "value",
    [
        "", "abc", "1,5", "0x10", "--1", None, [], {}, [1], "1e999999999999999999999",
        "NaN", "nan", "sNaN", "-NaN7", "Infinity", "-Infinity", "inf",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [kind for kind, (_, whole) in MEANINGS.items() if amounts(whole)])
def test_an_amount_that_is_no_number_is_no_answer(kind, value):
    """Each amount of each message is replaced in turn."""
    meaning, whole = MEANINGS[kind]
    for path in amounts(whole):
        with pytest.raises(NoAnswer):
            understood(encoded(changed(whole, path, value)), meaning)


NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-(2.0**53), 2.0**53)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


def meaning_or_no_answer(raw: bytes, meaning) -> None:
    """Read the bytes and accept `NoAnswer`; any other error fails the test."""
    with suppress(NoAnswer):
        understood(raw, meaning)


@pytest.mark.parametrize("kind", MEANINGS)
@settings(deadline=None)
@given(raw=st.binary(max_size=200) | VALUES.map(encoded))
def test_random_bytes_mean_something_or_nothing(kind, raw):
    """Any bytes and any JSON are either read or raise `NoAnswer`."""
    meaning_or_no_answer(raw, MEANINGS[kind][0])


@pytest.mark.parametrize("kind", MEANINGS)
@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_answer_means_something_or_nothing(kind, data):
    """In a genuine message, one value is replaced, or the message ends too early."""
    meaning, whole = MEANINGS[kind]
    damaged = encoded(changed(whole, data.draw(st.sampled_from([*paths(whole)])), data.draw(VALUES)))
    meaning_or_no_answer(damaged[: data.draw(st.none() | st.integers(0, len(damaged)))], meaning)
