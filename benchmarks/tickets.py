"""Tickets on `aristobot run`: how long a validation takes, and from an execution to its accepted order.

In the same run alerts are sent at the same rate, one by one: a ticket may take 20 ms more than an alert until its order
is accepted. Targets: p95 of a validation below 50 ms, p95 of an execution at most that of an alert and 20 ms.
"""

from __future__ import annotations

import argparse
import time

import httpx
import psycopg
from shared.alerts import percentile
from shared.figures import keep
from shared.running import Running, running

VALIDATE_MS, ABOVE_MS = 50.0, 20.0
PAUSE = 0.3
"""Seconds between two validations of one session: a trader types no faster."""
WARM = 5
ACCEPTED = """
    SELECT stream::text, extract(epoch FROM min(recorded_at))::float8 FROM log.event_log
    WHERE topic = 'Order.Accepted' GROUP BY stream
"""
RECEIVED = """
    SELECT extract(epoch FROM accepted.recorded_at)::float8
    FROM log.event_log AS accepted
        JOIN log.event_log AS placed ON placed.stream = accepted.stream AND placed.topic = 'Order.Placed'
        JOIN log.event_log AS received ON received.stream = (placed.state ->> 'cause')::uuid
            AND received.topic = 'Webhook.Received'
    WHERE accepted.topic = 'Order.Accepted' ORDER BY received.position
"""


def _tickets(console: httpx.Client, broker: int, count: int) -> tuple[list[float], dict[str, float]]:
    """Validate and execute; return the seconds of each validation, and when each order was asked for (Unix time)."""
    took, asked = list[float](), dict[str, float]()
    body = {"broker": broker, "symbol": "BTC/USDT", "side": "buy", "type": "market", "unit": "quote", "amount": "10"}
    for number in range(count + WARM):
        began = time.perf_counter()
        answer = console.post("/api/tickets", json=body)
        seconds = time.perf_counter() - began
        answer.raise_for_status()
        at = time.time()
        order = console.post(f"/api/tickets/{answer.json()['id']}/execute").json()["order"]
        if number >= WARM:
            took.append(seconds)
            asked[order] = at
        time.sleep(PAUSE)
    return took, asked


def _alerts(platform: Running, count: int) -> list[float]:
    """Send alerts one by one; return when each was sent (Unix time)."""
    told, sent = platform.told, list[float]()
    for number in range(count + WARM):
        alert = {
            "Symbol": "ETHUSDT", "Action": "BuyMarket", "PourCent": 0.1, "IndicateurName": f"number {number}",
            "UserID": told["user_number"], "UserExchangeID": told["broker"],
        }  # fmt: skip
        sent.append(time.time())
        httpx.post(told["webhook_url"], json=alert).raise_for_status()
        time.sleep(PAUSE)
    return sent[WARM:]


def _p95(seconds: list[float]) -> float:
    return round(percentile(seconds, 95) * 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    count = parser.parse_args().count
    with running() as platform, httpx.Client(base_url=platform.told["console"], timeout=30) as console:
        told = platform.told
        console.headers["X-CSRF-Token"] = console.post(
            "/api/session", json={"username": told["user"], "password": told["password"]}
        ).json()["csrf"]
        time.sleep(5)  # the account's balances come with its first reconciliation
        took, asked = _tickets(console, told["broker"], count)
        sent = _alerts(platform, count)
        time.sleep(2)
        with psycopg.connect(platform.owner) as connection:
            accepted = dict(connection.execute(ACCEPTED).fetchall())
            alerts = [row[0] for row in connection.execute(RECEIVED).fetchall()][WARM:]
    executed = [accepted.get(order, float("inf")) - at for order, at in asked.items()]
    signalled = [there - at for there, at in zip(alerts, sent, strict=True)]
    figures = {"validate": _p95(took), "execute": _p95(executed), "alert": _p95(signalled)}
    met = figures["validate"] < VALIDATE_MS and figures["execute"] <= figures["alert"] + ABOVE_MS
    print(f"tickets, {count} of each, p95 in ms: {figures}; {'met' if met else 'missed'}")
    keep("tickets", figures=figures, met=met, targets={"validate": VALIDATE_MS, "above_alert": ABOVE_MS})


if __name__ == "__main__":
    main()
