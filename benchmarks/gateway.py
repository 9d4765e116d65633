"""One placed and parsed limit order: our Binance client, `ccxt.async_support`, and a bare signed POST as HTTP's floor.

All three take turns in one process against the paper exchange in another, whose limits are off, each on its own
account. The figures are this process's CPU time and the median wall time per order. Target: ours needs at most 0.45 of
ccxt's CPU time and at most 0.50 of its wall time. The floor is the least that any client needs over aiohttp's HTTP;
ours sends over the WebSocket API and may stay below it.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from statistics import median
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support as ccxt
import msgspec
import uvloop
from shared.figures import keep

from adapters.exchanges.binance.client import Binance
from application.ports.statements import Credentials, OrderRequest
from domain.orders.wish import Side, TimeInForce, Type

BLOCK = 25
WARM_UP = 20
CPU_TARGET, WALL_TARGET = 0.45, 0.50
HTTP_OK = 200
Place = Callable[[str], Awaitable[None]]


def _free_port() -> int:
    """Return a free port whose neighbour is free too: the native API is on the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


async def _paper(session: aiohttp.ClientSession, control: str) -> list[dict[str, str]]:
    """Wait for the exchange, switch its limits off, let any number of orders rest, and return three new accounts."""
    for _ in range(200):
        try:
            async with session.put(f"{control}/paper/limits", json={"enabled": False}):
                break
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)
    many = {"symbol": "BTC/USDT", "filters": {"MAX_NUM_ORDERS": {"maxNumOrders": 1_000_000}}}
    async with session.put(f"{control}/paper/markets", json=many) as answer:
        assert answer.status == HTTP_OK, await answer.text()
    accounts = []
    for _ in range(3):
        body = {"exchange": "binance", "balances": {"USDT": "100000000"}}
        async with session.post(f"{control}/paper/accounts", json=body) as answer:
            accounts.append(await answer.json())
    return accounts


async def _ours(url: str, keys: dict[str, str]) -> tuple[Place, Callable[[], Awaitable[None]]]:
    client = Binance(url, url.replace("http", "ws", 1) + "/ws-api/v3", "")
    await client.server_time()
    market = next(m for m in await client.markets() if m.symbol == "BTC/USDT")
    credentials = Credentials(keys["key"], keys["secret"])

    async def place(name: str) -> None:
        report = await client.place(
            credentials,
            OrderRequest(
                name, market, Side.BUY, Type.LIMIT,
                quantity=Decimal("0.001"), price=Decimal(40000), time_in_force=TimeInForce.GTC,
            ),
        )  # fmt: skip
        assert report.client_order_id == name

    return place, client.close


async def _ccxt(url: str, keys: dict[str, str]) -> tuple[Place, Callable[[], Awaitable[None]]]:
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "defaultType": "spot"}
    client = ccxt.binance(
        {"apiKey": keys["key"], "secret": keys["secret"], "options": options, "enableRateLimit": False}
    )
    client.has["fetchCurrencies"] = False
    for name, there in client.urls["api"].items():
        if isinstance(there, str):
            client.urls["api"][name] = url + "/" + there.split("/", 3)[3]
    await client.load_markets()

    async def place(name: str) -> None:
        told = await client.create_order("BTC/USDT", "limit", "buy", 0.001, 40000, {"newClientOrderId": name})
        assert told["clientOrderId"] == name

    return place, client.close


async def _floor(url: str, keys: dict[str, str]) -> tuple[Place, Callable[[], Awaitable[None]]]:
    session = aiohttp.ClientSession()
    headers, secret = {"X-MBX-APIKEY": keys["key"]}, keys["secret"].encode()

    async def place(name: str) -> None:
        query = urlencode({
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001",
            "price": "40000", "newClientOrderId": name, "newOrderRespType": "FULL",
            "timestamp": int(time.time() * 1000),
        })  # fmt: skip
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        async with session.post(f"{url}/api/v3/order?{query}&signature={signature}", headers=headers) as answer:
            told = msgspec.json.decode(await answer.read())
            assert answer.status == HTTP_OK, told

    return place, session.close


async def _measure(port: int, count: int) -> dict[str, dict[str, float]]:
    url = f"http://127.0.0.1:{port + 1}"
    async with aiohttp.ClientSession() as session:
        accounts = await _paper(session, f"http://127.0.0.1:{port}")
    ways = {
        name: await make(url, keys)
        for (name, make), keys in zip({"ours": _ours, "ccxt": _ccxt, "floor": _floor}.items(), accounts, strict=True)
    }
    cpu, wall = dict.fromkeys(ways, 0.0), {name: list[float]() for name in ways}
    for name, (place, _) in ways.items():
        for number in range(WARM_UP):
            await place(f"warm-{name}-{number}")
    for start in range(0, count, BLOCK):
        for name, (place, _) in ways.items():
            began = time.process_time()
            for number in range(start, min(start + BLOCK, count)):
                asked = time.perf_counter()
                await place(f"{name}-{number}")
                wall[name].append(time.perf_counter() - asked)
            cpu[name] += time.process_time() - began
    for _, close in ways.values():
        await close()
    return {
        name: {"cpu_ms": round(cpu[name] / count * 1000, 3), "wall_p50_ms": round(median(wall[name]) * 1000, 3)}
        for name in ways
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="orders for each of the three")
    count, port = parser.parse_args().count, _free_port()
    paper = subprocess.Popen([sys.executable, "-m", "aristobot", "paper", "--port", str(port)])
    try:
        figures = uvloop.run(_measure(port, count))
    finally:
        paper.terminate()
        paper.wait(20)
    ratios, floor = (
        {kind: round(figures[way][kind] / figures["ccxt"][kind], 3) for kind in ("cpu_ms", "wall_p50_ms")}
        for way in ("ours", "floor")
    )
    met = ratios["cpu_ms"] <= CPU_TARGET and ratios["wall_p50_ms"] <= WALL_TARGET
    each = ", ".join(f"{n} {f['cpu_ms']:.2f}/{f['wall_p50_ms']:.2f}" for n, f in figures.items())
    print(
        f"gateway, {count} orders: CPU/wall p50 in ms: {each}; ours / ccxt: CPU {ratios['cpu_ms']} (target"
        f" {CPU_TARGET}), wall {ratios['wall_p50_ms']} (target {WALL_TARGET}); floor / ccxt: {floor['cpu_ms']},"
        f" {floor['wall_p50_ms']}; {'met' if met else 'missed'}"
    )
    target = {"cpu": CPU_TARGET, "wall": WALL_TARGET}
    keep("gateway", figures=figures, ratios=ratios, floor=floor, count=count, target=target, met=met)


if __name__ == "__main__":
    main()
