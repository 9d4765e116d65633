"""The 1,247 pairs of Bitget: read by our client, stored, and told step by step while they are stored.

The list is served over loopback in Bitget's own form. Storing uses the database and the bus of a platform as a user
starts it; each step is counted as the console sees it. Beside it, in the same run: a bare COPY of the same rows.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import psycopg
from aiohttp import web
from shared.figures import keep
from shared.running import Running, free_ports, running

from adapters.exchanges.bitget.client import Bitget
from adapters.log.eventstore import open_pool
from adapters.tables.reference import MarketTable
from domain.market import Market

PAIRS, TARGET, LEAST_STEPS = 1247, 2.0, 10


def _symbol(number: int) -> dict[str, Any]:
    return {
        "symbol": f"COIN{number}USDT", "baseCoin": f"COIN{number}", "quoteCoin": "USDT", "minTradeAmount": "0",
        "maxTradeAmount": "900000000000000000000", "takerFeeRate": "0.001", "makerFeeRate": "0.001",
        "pricePrecision": "4", "quantityPrecision": "2", "quotePrecision": "6", "status": "online",
        "minTradeUSDT": "1", "buyLimitPriceRatio": "0.05", "sellLimitPriceRatio": "0.05", "areaSymbol": "no",
        "orderQuantity": "200", "openTime": "1532454360000", "offTime": "",
    }  # fmt: skip


async def read() -> list[Market]:
    """Return the markets as our client reads them from a server on loopback."""
    body = json.dumps({"code": "00000", "msg": "success", "data": [_symbol(number) for number in range(PAIRS)]})

    async def symbols(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    application, port = web.Application(), free_ports(1)
    application.router.add_get("/api/v2/spot/public/symbols", symbols)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    client = Bitget(f"http://127.0.0.1:{port}", "ws://127.0.0.1:1", "ws://127.0.0.1:1")
    try:
        return await client.markets()
    finally:
        await client.close()
        await runner.cleanup()


def copied(url: str) -> float:
    """Return the seconds of a bare COPY of the stored rows into a table without an index."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT * FROM service.markets WHERE exchange = 'bitget'").fetchall()
        connection.execute("CREATE TEMP TABLE bare (LIKE service.markets)")
        began = time.perf_counter()
        with connection.cursor().copy("COPY bare FROM STDIN") as copy:
            for row in rows:
                copy.write_row([json.dumps(value) if isinstance(value, dict) else value for value in row])
        connection.commit()
        return time.perf_counter() - began


def measure(platform: Running) -> tuple[dict[str, float], list[int]]:
    """Return the seconds of each part, and the numbers of pairs that were told on the way."""
    house, steps = platform.house(), list[int]()

    def told(done: int, total: int) -> None:
        house.bus.tell_loading("bitget", "live", done, total)
        if (step := house.bus.loading("bitget", "live")) is not None:
            steps.append(step[0])

    began = time.perf_counter()
    markets = asyncio.run(read())
    reading = time.perf_counter() - began
    with open_pool(platform.url("aristobot_writer"), 1) as pool:
        began, table = time.perf_counter(), MarketTable(pool)
        table.replace("bitget", "live", markets, told)
        storing = time.perf_counter() - began
        assert len(table.of("bitget", "live")) == PAIRS
    return {"reading": reading, "storing": storing, "copy": copied(platform.owner)}, steps


def main() -> int:
    """Return 0 when the target is met."""
    with running() as platform:
        figures, steps = measure(platform)
    whole = figures["reading"] + figures["storing"]
    met = whole < TARGET and len(steps) >= LEAST_STEPS
    each = ", ".join(f"{name} {seconds:.3f}" for name, seconds in figures.items())
    print(
        f"{PAIRS} pairs in {whole:.2f} s (< {TARGET}), told in {len(steps)} steps; {each} s;"
        f" storing / COPY {figures['storing'] / figures['copy']:.1f}; {'met' if met else 'missed'}"
    )
    keep("pairs", whole=whole, steps=steps, **figures, met=met)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
