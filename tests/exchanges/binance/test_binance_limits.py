"""Budgets, pauses and the clock: odd headers, reads that wait, and refused timestamps."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web

from adapters.exchanges import http
from adapters.exchanges.binance.client import WEIGHT_PER_MINUTE, Binance
from adapters.exchanges.http import Pace
from application.ports.errors import NotAccepted, OrderNotFound
from tests.exchanges.binance.test_binance_client import trading
from tests.exchanges.binance.test_binance_garbage import BTC, KEYS, told
from tests.exchanges.test_http import change, read, served

HOUR = 3600.0
MOST_OF_AN_HOUR, MILLISECOND = timedelta(minutes=59), timedelta(milliseconds=1)
NOT_FOUND = b'{"code": -2013, "msg": "Order does not exist."}'
TOO_MUCH = b'{"code": -1003, "msg": "Too much request weight used."}'
SKEWED = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
SILENCES = ["Fri, 01 Jan 2100 00:00:00 GMT", "Friday, 01-Jan-2100 00:00:00 GMT", "inf", "nan", "soon", "1e999", "60"]
NO_SILENCE = ["Thu, 01 Jan 1970 00:00:00 GMT", "-5", "0"]
TOO_LONG = ["Fri, 01 Jan 10000000000000000000000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 +99999999999999"]


@pytest.mark.parametrize("said", [*SILENCES, *NO_SILENCE, *TOO_LONG])
async def test_whatever_retry_after_says_the_answer_itself_is_understood(said):
    """The header may be a number, a date, infinity or nonsense: the error that comes with it is read as always."""
    async with told(NOT_FOUND, 400, Retry_After=said) as client:
        with pytest.raises(OrderNotFound):
            await client.query(KEYS, BTC, "mine")
    async with told(TOO_MUCH, 429, Retry_After=said) as client:
        with pytest.raises(NotAccepted) as refused:
            await client.query(KEYS, BTC, "mine")
        assert refused.value.code == "rate_limited"


@pytest.mark.parametrize("said", SILENCES)
async def test_silence_that_was_asked_for_is_kept_and_ends(said):
    """Nothing is sent meanwhile, and after an hour at the latest the exchange is asked again."""
    async with told(TOO_MUCH, 429, Retry_After=said) as client:
        with pytest.raises(NotAccepted):
            await client.server_time()
        with pytest.raises(NotAccepted) as refused:
            await client.cancel(KEYS, BTC, "mine")
        assert "budget" in str(refused.value)
        assert 0 < client._http.pace.spend(1) <= HOUR


@pytest.mark.parametrize("said", ["many", "-1", "1.5", "NaN", "1e3", "6000, 6000", "²"])
async def test_a_count_of_weight_that_is_no_number_is_passed_over(said):
    """The answer is read, and our own count goes on."""
    async with told(b"[]", X_MBX_USED_WEIGHT_1M=said) as client:
        assert await client.open_orders(KEYS, BTC) == []
        assert 0 < client._http.pace.used < WEIGHT_PER_MINUTE


async def test_a_read_that_waited_spends_its_weight_when_it_leaves():
    """A delayed read uses the budget of the new minute, so the change after it is not sent."""
    times = iter([30.0, 59.999, *[60.0] * 9])
    async with served(pace=Pace(1, share=1, clock=lambda: next(times))) as (host, client):
        assert client.pace.spend(1) == 0
        await read(client)
        with pytest.raises(NotAccepted) as refused:
            await change(client)
        assert refused.value.code == "rate_limited"
        assert host.times("POST") == 0


class Leave(Pace):
    """A pace that first demands the given waits, and records when it lets a request go."""

    def __init__(self, *waits: float) -> None:
        super().__init__(WEIGHT_PER_MINUTE)
        self._waits = [*waits]
        self.given_at = 0.0

    def spend(self, weight: int, *, change: bool = False) -> float:
        if self._waits and (wait := self._waits.pop(0)):
            return wait
        self.given_at = time.time()
        return 0.0


@asynccontextmanager
async def clock(ahead: timedelta = timedelta(0), *first: int):
    """Yield a client of a Binance that refuses every timestamp, and the requests it received.

    Only the time can be read there. The statuses in `first` are answered before anything else.
    """
    asked, statuses = [], [*first]

    async def say(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        if statuses:
            return web.Response(status=statuses.pop(0))
        if request.path != "/api/v3/time":
            return web.json_response(SKEWED, status=400)
        return web.json_response({"serverTime": int((time.time() + ahead.total_seconds()) * 1000)})

    application = web.Application()
    application.router.add_get("/{path:.*}", say)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = Binance("http://{}:{}".format(*runner.addresses[0][:2]), "ws://127.0.0.1:9", "ws://127.0.0.1:9")
    try:
        yield client, asked
    finally:
        await client.close()
        await runner.cleanup()


@pytest.mark.parametrize(("waits", "first"), [([0.5], []), ([], [500])], ids=["the budget", "another try"])
async def test_the_clock_is_measured_without_what_was_waited_for(monkeypatch, waits, first):
    """Client and exchange share one clock here.

    The offset is at most half of the time between permission to send and answer.
    """
    monkeypatch.setattr(http, "_READ_PAUSES", (0.5,))
    async with clock(timedelta(0), *first) as (client, _):
        client._http.pace = leave = Leave(*waits)
        await client.server_time()
        longest = (time.time() - leave.given_at) / 2 + 0.001  # the exchange reports milliseconds
        assert abs(client.clock_offset.total_seconds()) <= longest


async def test_a_read_that_is_refused_for_its_timestamp_is_asked_once_more_on_the_exchanges_clock():
    """The read is repeated only once. This tells an exchange that refuses every time from a clock that was wrong."""
    async with clock(timedelta(hours=1)) as (client, asked):
        with pytest.raises(NotAccepted) as refused:
            await client.query(KEYS, BTC, "mine")
        assert refused.value.code == "clock_skewed"
        assert [request.path.rpartition("/")[2] for request in asked] == ["order", "time", "order"]
        ours, theirs = (int(asked[number].query["timestamp"]) for number in (0, 2))
        assert theirs - ours > MOST_OF_AN_HOUR / MILLISECOND


async def test_a_clock_that_went_astray_costs_no_answer(paper):
    """The exchange's clock jumps by an hour, and every request is still answered."""
    async with trading(paper) as (client, keys, market):
        assert (await client.balances(keys))["USDT"].free == 10000
        await asyncio.to_thread(paper.fault, "stream", "skew_clock", seconds=HOUR)
        assert (await client.balances(keys))["USDT"].free == 10000
        assert await client.open_orders(keys, market) == []
        assert client.clock_offset > MOST_OF_AN_HOUR
