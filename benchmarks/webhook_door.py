"""POST -> 200 at the webhook door, against a bare ASGI application that does one raw INSERT and commit.

Both run on uvicorn with the same loop and a real embedded PostgreSQL. They take turns under one open-loop load, and
latency counts from the scheduled moment. Target: our p50 at most twice that of the bare one, our p99 below 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from typing import Any

import aiohttp
import psycopg
import uvicorn
from psycopg_pool import AsyncConnectionPool
from shared.door import alert, free_port, open_door
from shared.figures import keep

RATIO_TARGET, P99_TARGET_MS = 2.0, 50.0
TURNS, WARM_UP = 4, 40
HTTP_OK = 200


class Bare:
    """The minimum that a durable door has to do."""

    def __init__(self, url: str) -> None:
        self._pool = AsyncConnectionPool(url, min_size=4, max_size=4, open=False, kwargs={"autocommit": True})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    await self._pool.open(wait=True)
                else:
                    await self._pool.close()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        body = (await receive()).get("body", b"")
        async with self._pool.connection() as connection:
            await connection.execute("INSERT INTO bare (body) VALUES (%b)", (body,), prepare=True)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def _serve_bare(url: str, port: int) -> None:
    uvicorn.run(Bare(url), host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False)


async def _load(session: aiohttp.ClientSession, url: str, first: int, count: int, rate: float) -> list[float]:
    """Send on schedule, whatever the answers do, and return the seconds from each scheduled moment to its answer."""
    begin, took = time.perf_counter() + 0.05, list[float]()

    async def post(number: int) -> None:
        scheduled = begin + number / rate
        await asyncio.sleep(max(scheduled - time.perf_counter(), 0))
        async with session.post(url, data=alert(first + number)) as answer:
            await answer.read()
            assert answer.status == HTTP_OK, answer.status
        took.append(time.perf_counter() - scheduled)

    await asyncio.gather(*(post(number) for number in range(count)))
    return took


async def _measure(urls: dict[str, str], seconds: float, rate: float) -> dict[str, dict[str, float]]:
    took = {name: list[float]() for name in urls}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        for url in urls.values():
            for _ in range(600):
                try:
                    async with session.get(url):
                        break
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.05)
            await _load(session, url, -WARM_UP, WARM_UP, rate)
        count = round(seconds * rate / TURNS)
        for turn in range(TURNS):
            for name, url in urls.items():
                took[name] += await _load(session, url, turn * count, count, rate)
    return {name: _percentiles(sorted(values)) for name, values in took.items()}


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{p}_ms": round(values[min(len(values) * p // 100, len(values) - 1)] * 1000, 2) for p in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long each of the two is under load")
    parser.add_argument("--rate", type=float, default=300, help="deliveries per second")
    given = parser.parse_args()
    with open_door() as door:
        with psycopg.connect(door.database, autocommit=True) as connection:
            connection.execute("CREATE TABLE bare (number bigserial PRIMARY KEY, body bytea)")
        bare_port = free_port()
        bare = multiprocessing.get_context("spawn").Process(target=_serve_bare, args=(door.database, bare_port))
        bare.start()
        try:
            urls = {"ours": door.url, "bare": f"http://127.0.0.1:{bare_port}/"}
            figures = asyncio.run(_measure(urls, given.seconds, given.rate))
        finally:
            bare.terminate()
            bare.join(20)
    ratio = round(figures["ours"]["p50_ms"] / figures["bare"]["p50_ms"], 2)
    met = ratio <= RATIO_TARGET and figures["ours"]["p99_ms"] < P99_TARGET_MS
    each = ", ".join(f"{n} {f['p50_ms']}/{f['p95_ms']}/{f['p99_ms']}" for n, f in figures.items())
    print(
        f"webhook door at {given.rate:.0f}/s: p50/p95/p99 in ms: {each}; p50 ours / bare {ratio} (target"
        f" {RATIO_TARGET}), p99 target {P99_TARGET_MS:.0f}; {'met' if met else 'missed'}"
    )
    target = {"p50_ratio": RATIO_TARGET, "p99_ms": P99_TARGET_MS}
    keep("webhook_door", figures=figures, ratio=ratio, rate=given.rate, target=target, met=met)


if __name__ == "__main__":
    main()
