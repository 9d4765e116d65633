"""From a webhook's delivery to its accepted order, and to the trade's row on the live socket, on `aristobot run`.

Ten paper brokers of one user take turns, the paper exchange's limits are off, alerts are sent on an open-loop
schedule. Latency counts from the scheduled moment: to `recorded_at` of `Order.Accepted` in the log, and to the first
message on `/api/live` that shows the row with the exchange's id. Target: p95 below 150 ms and below 250 ms, and
every alert arrives.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

import aiohttp
import psycopg
from shared.figures import keep
from shared.running import Running, running

from application.brokers import connect_broker
from application.exchange import Credentials
from aristobot.wiring import House
from domain.broker import Exchange, Venue
from domain.signal import Signal

ACCEPTED_TARGET_MS, SOCKET_TARGET_MS = 150.0, 250.0
BROKERS, SETTLE_SECONDS = 10, 5.0


async def _brokers(house: House, told: dict[str, Any], session: aiohttp.ClientSession) -> list[int]:
    """Ten accounts at the paper exchange without limits, connected as brokers of the demo user."""
    async with session.put(f"{told['paper']}/paper/limits", json={"enabled": False}) as answer:
        answer.raise_for_status()
    numbers = []
    for number in range(1, BROKERS + 1):
        body = {"exchange": "binance", "balances": {"USDT": "10000000"}}
        async with session.post(f"{told['paper']}/paper/accounts", json=body) as answer:
            keys = await answer.json()
        credentials, name = Credentials(keys["key"], keys["secret"]), f"Paper {number}"
        user = told["user_number"]
        broker = connect_broker(house.store, house.vault, user, Exchange.BINANCE, Venue.PAPER, name, credentials)
        numbers.append(broker.number)
    return numbers


def _alert(number: int, user: int, broker: int) -> bytes:
    return (
        '{"Symbol":"BTCUSDT","Exchange":"BINANCE","Currency":"USDT","BaseCurrency":"BTC","Interval":"5",'
        f'"BarTime":"2026-03-02T09:30:00Z","Action":"BuyMarket","Prix":NaN,"PrixSL":NaN,"PrixTP":NaN,"PourCent":0.1,'
        f'"UserID":{user},"IndicateurName":"number {number}","UserExchangeID":{broker}}}'
    ).encode()


async def _listen(session: aiohttp.ClientSession, told: dict[str, Any], seen: dict[str, float], count: int) -> None:
    """Log in, follow the socket, note when each of `count` trades is first shown as accepted (Unix time)."""
    body = {"username": told["user"], "password": told["password"]}
    async with session.post(f"{told['console']}/api/session", json=body) as answer:
        answer.raise_for_status()
        cookie = answer.cookies["aristobot_session"].value
    headers = {"Cookie": f"aristobot_session={cookie}"}
    async with session.ws_connect(f"{told['console']}/api/live", headers=headers, max_msg_size=0) as live:
        async for message in live:
            now, said = time.time(), json.loads(message.data)
            if said["topic"] == "trades":
                for item in said["items"]:
                    if item["webhook_id"] and item["exchange_order_id"]:
                        seen.setdefault(item["webhook_id"], now)
            if len(seen) == count:
                return


async def _measure(
    platform: Running, house: House, seconds: float, rate: float
) -> tuple[dict[str, float], dict[str, float]]:
    """When each webhook was scheduled, and when its trade was on the socket."""
    scheduled, seen, count = dict[str, float](), dict[str, float](), round(seconds * rate)
    told = platform.told
    async with aiohttp.ClientSession() as session:
        brokers = await _brokers(house, told, session)
        await asyncio.to_thread(platform.await_word, "gateway.log", "lane_open", BROKERS + 1)
        listening = asyncio.create_task(_listen(session, told, seen, count))
        await asyncio.sleep(2)
        begin = time.time() + 0.1

        async def post(number: int) -> None:
            user = told["user_number"]
            body, due = _alert(number, user, brokers[number % BROKERS]), begin + number / rate
            scheduled[str(Signal.parse(body).webhook_id(user, datetime.now(UTC)))] = due
            await asyncio.sleep(max(due - time.time(), 0))
            async with session.post(told["webhook_url"], data=body) as answer:
                answer.raise_for_status()

        await asyncio.gather(*(post(number) for number in range(count)))
        done, _ = await asyncio.wait([listening], timeout=SETTLE_SECONDS)
        listening.cancel()
        for ended in done:
            ended.result()
    return scheduled, seen


def _figures(scheduled: dict[str, float], there: dict[str, float]) -> dict[str, float]:
    """Percentiles over all that was sent: what never arrived counts as endless."""
    took = sorted(there.get(name, float("inf")) - due for name, due in scheduled.items())
    told = {f"p{p}_ms": round(took[min(len(took) * p // 100, len(took) - 1)] * 1000, 1) for p in (50, 95, 99)}
    return told | {"arrived": len(scheduled.keys() & there.keys())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="alerts per second")
    given = parser.parse_args()
    with running() as platform:
        house = platform.house()
        with house.pool:
            scheduled, seen = asyncio.run(_measure(platform, house, given.seconds, given.rate))
        with psycopg.connect(platform.owner) as connection:
            query = """
                SELECT state -> 'metadata' ->> 'correlation_id', extract(epoch FROM recorded_at)::float8
                FROM log.event_log WHERE topic = 'Order.Accepted'
            """
            accepted = dict(connection.execute(query).fetchall())
    figures = {"accepted": _figures(scheduled, accepted), "socket": _figures(scheduled, seen)}
    complete = all(each["arrived"] == len(scheduled) for each in figures.values())
    fast = figures["accepted"]["p95_ms"] < ACCEPTED_TARGET_MS and figures["socket"]["p95_ms"] < SOCKET_TARGET_MS
    met = complete and fast
    each = "; ".join(
        f"{n} {f['p50_ms']}/{f['p95_ms']}/{f['p99_ms']} ({f['arrived']} of {len(scheduled)})"
        for n, f in figures.items()
    )
    print(
        f"signal to order at {given.rate:.0f}/s, {BROKERS} brokers: p50/p95/p99 in ms: {each}; p95 targets"
        f" {ACCEPTED_TARGET_MS:.0f} and {SOCKET_TARGET_MS:.0f}; {'met' if met else 'missed'}"
    )
    target = {"accepted_p95_ms": ACCEPTED_TARGET_MS, "socket_p95_ms": SOCKET_TARGET_MS}
    keep("signal_to_order", figures=figures, rate=given.rate, target=target, met=met)


if __name__ == "__main__":
    main()
