"""Alerts of one user on an open-loop schedule: their brokers, their delivery, and the times of their acceptance."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen

import aiohttp
import psycopg
from shared.running import Running

from application.people.brokers import connect_broker
from application.ports.statements import Credentials
from aristobot.wiring import House
from domain.people.broker import Exchange, Venue
from domain.webhooks.webhook_message import WebhookMessage

BROKERS = 10
HTTP_OK = 200
REST_SECONDS, LONGEST_SECONDS = 2.0, 120.0
BUY, SELL = ("BuyMarket", "0.1"), ("SellMarket", "100")
"""An action and its `PourCent`: a thousandth of the free balance, so that it lasts, and everything held."""
ACCEPTED = """
    SELECT state -> 'metadata' ->> 'correlation_id', extract(epoch FROM recorded_at)::float8
    FROM log.event_log WHERE topic = 'Order.Accepted' AND position > %s
"""


def connect_brokers(platform: Running, house: House, count: int = BROKERS) -> list[int]:
    """Connect accounts of the paper exchange, its limits off, as brokers of the demo user, and wait for their lanes."""
    told, numbers = platform.told, list[int]()
    _ask(f"{told['paper']}/paper/limits", "PUT", {"enabled": False})
    for number in range(1, count + 1):
        body = {"exchange": "binance", "balances": {"USDT": "10000000"}}
        keys = _ask(f"{told['paper']}/paper/accounts", "POST", body)
        credentials, name = Credentials(keys["key"], keys["secret"]), f"Paper {number}"
        user = told["user_number"]
        broker = connect_broker(house.store, house.vault, user, Exchange.BINANCE, Venue.PAPER, name, credentials)
        numbers.append(broker.number)
    platform.await_word("gateway.log", "lane_open", count + 1)  # the demo user has one already
    return numbers


def _ask(url: str, method: str, body: Mapping[str, Any]) -> Any:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def alerts(user: int, brokers: Sequence[int], numbers: Iterable[int], actions: Sequence[Any] = (BUY,)) -> list[bytes]:
    """Return bodies that differ by their number. Brokers take turns, and so do the actions at each broker."""
    bodies = list[bytes]()
    for number in numbers:
        turn, place = divmod(number, len(brokers))
        (action, percent), broker = actions[turn % len(actions)], brokers[place]
        bodies.append(
            (
                '{"Symbol":"BTCUSDT","Exchange":"BINANCE","Currency":"USDT","BaseCurrency":"BTC","Interval":"5",'
                f'"BarTime":"2026-03-02T09:30:00Z","Action":"{action}","Prix":NaN,"PrixSL":NaN,"PrixTP":NaN,'
                f'"PourCent":{percent},"UserID":{user},"IndicateurName":"number {number}","UserExchangeID":{broker}}}'
            ).encode()
        )
    return bodies


def schedule(user: int, bodies: Sequence[bytes], begin: float, rate: float) -> dict[str, float]:
    """Return when each alert is due (Unix time) by the id of its webhook, in the order of the bodies."""
    now = datetime.now(UTC)
    return {str(WebhookMessage.parse(body).webhook_id(user, now)): begin + n / rate for n, body in enumerate(bodies)}


async def post(url: str, bodies: Sequence[bytes], due: Iterable[float]) -> None:
    """Send each alert when it is due, whatever the answers to others. One that the door refuses never arrives."""

    async def send(body: bytes, at: float) -> None:
        await asyncio.sleep(max(at - time.time(), 0))
        async with session.post(url, data=body) as answer:
            if answer.status != HTTP_OK:
                print(f"the door answered {answer.status}: {await answer.text()}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(send(body, at) for body, at in zip(bodies, due, strict=True)))


async def listen(told: Mapping[str, Any], seen: dict[str, float], count: float = math.inf) -> None:
    """Log in, follow the socket, and note when each of `count` trades is first shown as accepted (Unix time)."""
    async with aiohttp.ClientSession() as session:
        body = {"username": told["user"], "password": told["password"]}
        async with session.post(f"{told['console']}/api/session", json=body) as answer:
            answer.raise_for_status()
            cookie = answer.cookies["aristobot_session"].value
        headers = {"Cookie": f"aristobot_session={cookie}"}
        async with session.ws_connect(f"{told['console']}/api/live", headers=headers, max_msg_size=0) as live:
            await live.send_json({"follow": ["trades"]})
            async for message in live:
                now, said = time.time(), json.loads(message.data)
                if said["topic"] == "trades":
                    for item in said["items"]:
                        if item["webhook_id"] and item["exchange_order_id"]:
                            seen.setdefault(item["webhook_id"], now)
                if len(seen) == count:
                    return


def accepted(owner: str, after: int = 0) -> dict[str, float]:
    """Return when the order of each webhook was accepted (Unix time), from the events above a log position."""
    with psycopg.connect(owner) as connection:
        return dict(connection.execute(ACCEPTED, (after,)).fetchall())


def head(connection: psycopg.Connection[Any]) -> int:
    """Return the last log position."""
    row = connection.execute("SELECT max(position) FROM log.events").fetchone()
    return int(row[0]) if row else 0


def await_rest(owner: str) -> None:
    """Wait until nothing has been appended for a while. Raises `TimeoutError` when that never happens."""
    with psycopg.connect(owner, autocommit=True) as connection:
        last, since, began = head(connection), time.monotonic(), time.monotonic()
        while time.monotonic() < since + REST_SECONDS:
            time.sleep(0.2)
            if (now := head(connection)) != last:
                last, since = now, time.monotonic()
            if since > began + LONGEST_SECONDS:
                raise TimeoutError(f"the log still grew after {LONGEST_SECONDS:.0f} s")


def delays(scheduled: Mapping[str, float], there: Mapping[str, float]) -> list[float]:
    """Return the seconds from due to there, in the order of the schedule, infinite for what never arrived."""
    return [there.get(name, math.inf) - due for name, due in scheduled.items()]


def percentile(values: Iterable[float], percent: int) -> float:
    """Return the value that this percentage of the values does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) * percent // 100, len(ranked) - 1)]
