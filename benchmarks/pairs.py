"""The 1,247 pairs of an exchange: from connecting the first account there until the console tells them all.

The whole platform runs as a user starts it, with a Bitget of the paper exchange that lists so many pairs. The clock
starts when the keys are sent, and stops when the live topic `brokers` tells the number of pairs. The steps that the
console was told on the way are counted. Beside it, in the same run: the reading of the list by our client, the storing
of its markets, and a bare COPY of the same rows.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import httpx
import psycopg
from shared.figures import keep
from shared.running import Running, running
from websockets.sync.client import connect

from adapters.exchanges.bitget.client import Bitget, paper_hosts
from domain.market import Market

PAIRS, TARGET, LEAST_STEPS = 1247, 2.0, 3


def list_pairs(control: httpx.Client) -> None:
    """List pairs at the paper exchange's Bitget until it has 1,247."""
    there = sum(one["exchange"] == "bitget" for one in control.get("/paper/markets").raise_for_status().json())
    for number in range(PAIRS - there):
        new = {"base": f"COIN{number}", "quote": "USDT", "price": "1", "tick": "0.0001", "step": "0.01"}
        control.put("/paper/markets", json={"exchange": "bitget", "list": new}).raise_for_status()


def sign_in(client: httpx.Client, told: dict[str, Any]) -> dict[str, Any]:
    """Sign in as the platform's first user, and return the options of a live socket."""
    client.base_url = httpx.URL(told["console"])
    person = {"username": told["user"], "password": told["password"]}
    client.headers["X-CSRF-Token"] = client.post("/api/session", json=person).raise_for_status().json()["csrf"]
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return {"additional_headers": {"Cookie": cookies}, "origin": told["console"].rstrip("/"), "max_size": None}


def load(platform: Running, control: httpx.Client, client: httpx.Client) -> tuple[float, list[int]]:
    """Connect an account; return the seconds until its pairs are told, and the numbers told on the way."""
    options = sign_in(client, platform.told)
    body = {"exchange": "bitget", "balances": {"USDT": "1000"}, "passphrase": "a phrase"}
    account = control.post("/paper/accounts", json=body).raise_for_status().json()
    keys = {"key": account["key"], "secret": account["secret"], "passphrase": "a phrase"}
    broker = {"exchange": "bitget", "venue": "paper", "name": "Many", "keys": keys}
    steps: list[int] = []
    with connect(platform.told["console"].replace("http", "ws", 1).rstrip("/") + "/api/live", **options) as socket:
        socket.send(json.dumps({"follow": ["brokers"]}))
        socket.recv(10)
        began = time.perf_counter()
        client.post("/api/brokers", json=broker, timeout=30).raise_for_status()
        while True:
            message = json.loads(socket.recv(30))
            mine = [one for one in message.get("items", []) if one["name"] == "Many"]
            if mine and mine[-1]["loading"] is not None:
                steps.append(mine[-1]["loading"]["done"])
            elif mine and mine[-1]["pairs"] == PAIRS:
                return time.perf_counter() - began, steps


def parts(platform: Running) -> dict[str, float]:
    """Return the seconds of reading the list, of storing its markets, and of a bare COPY of the same rows."""
    began = time.perf_counter()
    markets = asyncio.run(_read(platform.told["paper"]))
    read = time.perf_counter() - began
    house = platform.house()
    with house.pool:
        began = time.perf_counter()
        house.markets.replace("bitget", "paper", markets)
        stored = time.perf_counter() - began
    return {"read_s": read, "stored_s": stored, "copy_s": _copied(platform.owner)}


async def _read(paper: str) -> list[Market]:
    host, _, port = paper.rpartition(":")
    hosts = paper_hosts(f"{host}:{int(port) + 2}")
    client = Bitget(hosts.rest, hosts.orders, hosts.streams)
    try:
        return await client.markets()
    finally:
        await client.close()


def _copied(url: str) -> float:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT * FROM service.markets WHERE exchange = 'bitget'").fetchall()
        connection.execute("CREATE TEMP TABLE bare (LIKE service.markets)")
        began = time.perf_counter()
        with connection.cursor().copy("COPY bare FROM STDIN") as copy:
            for row in rows:
                copy.write_row([json.dumps(value) if isinstance(value, dict) else value for value in row])
        connection.commit()
        return time.perf_counter() - began


def main() -> int:
    """Return 0 when the target is met."""
    with running() as platform, httpx.Client(base_url=platform.told["paper"]) as control, httpx.Client() as client:
        list_pairs(control)
        seconds, steps = load(platform, control, client)
        figures = parts(platform)
    met = seconds < TARGET and len(steps) >= LEAST_STEPS
    told = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
    print(
        f"{PAIRS} pairs: told after {seconds:.2f} s (< {TARGET}) in {len(steps)} steps {steps}; {told};"
        f" stored / COPY {figures['stored_s'] / figures['copy_s']:.1f}; {'met' if met else 'missed'}"
    )
    keep("pairs", seconds=seconds, steps=steps, **figures, met=met)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
