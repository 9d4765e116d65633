"""The time until a position is protected on `aristobot run`: from its first fill, and after MAJ moved its stop.

One broker of the paper exchange has positions in five markets, each bought, moved and sold in turns. The log gives
three times: from the first `Order.Filled` of an entry to `Position.ProtectionResting`; from `Webhook.Received` of a MAJ
until the moved protection rests; and from the cancel of the old stop to the acceptance of the new one, without any
resting stop. Targets, p95: below 250 ms, 350 ms and 50 ms.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any
from urllib.request import Request, urlopen

import psycopg
from shared.figures import keep
from shared.running import running

TARGETS = {"fill_to_protection": 250.0, "move_to_protection": 350.0, "without_a_stop": 50.0}
MARKETS = {"BTC": "60000", "ETH": "2800", "BNB": "580", "SOL": "150", "XRP": "0.6"}
PAUSE = 1.2
"""Seconds between two alerts of one market: a protection is moved at most once a second."""
FIRST_FILL = """
    SELECT extract(epoch FROM (
        SELECT min(rested.recorded_at) FROM log.event_log AS rested
        WHERE rested.topic = 'Position.ProtectionResting' AND rested.stream = grew.stream
            AND rested.position > grew.position
    ) - filled.recorded_at)::float8 * 1000
    FROM log.event_log AS grew JOIN log.event_log AS filled
        ON filled.topic = 'Order.Filled' AND filled.stream = (grew.state -> 'execution' ->> 'order_id')::uuid
    WHERE grew.topic = 'Position.Grew'
"""
MOVED = """
    SELECT extract(epoch FROM rested.recorded_at - received.recorded_at)::float8 * 1000
    FROM log.event_log AS rested JOIN log.event_log AS received
        ON received.topic = 'Webhook.Received' AND received.stream = (rested.state ->> 'request')::uuid
    WHERE rested.topic = 'Position.ProtectionResting'
"""
GAPS = """
    SELECT extract(epoch FROM accepted.recorded_at - (
        SELECT max(cancelled.recorded_at) FROM log.event_log AS cancelled
            JOIN log.event_log AS old ON old.stream = cancelled.stream AND old.topic = 'Order.Placed'
        WHERE cancelled.topic = 'Order.Cancelled' AND cancelled.position < accepted.position
            AND old.state -> 'wish' ->> 'type' = 'stop_loss'
            AND old.state -> 'wish' ->> 'symbol' = placed.state -> 'wish' ->> 'symbol'
    ))::float8 * 1000
    FROM log.event_log AS accepted JOIN log.event_log AS placed
        ON placed.stream = accepted.stream AND placed.topic = 'Order.Placed'
    WHERE accepted.topic = 'Order.Accepted' AND placed.state -> 'wish' ->> 'type' = 'stop_loss'
        AND EXISTS (
            SELECT FROM log.event_log AS rested WHERE rested.topic = 'Position.ProtectionResting'
                AND rested.state ->> 'request' IS NOT NULL AND rested.state -> 'orders' ? accepted.stream::text
        )
"""


def _post(url: str, body: Any, method: str = "POST") -> None:
    with urlopen(Request(url, json.dumps(body).encode(), method=method), timeout=10) as answer:
        answer.read()


def _trade(told: dict[str, Any], rounds: int) -> None:
    """Buy under a protection, move it, sell; each step in all markets."""
    for base, price in MARKETS.items():
        _post(f"{told['paper']}/paper/price", {"symbol": f"{base}/USDT", "price": price}, "PUT")
    for number in range(rounds):
        for action, stop, percent in (("BuyMarket", 0.8, 5), ("MAJ", 0.9, 100), ("SellMarket", None, 100)):
            began = time.monotonic()
            for base, price in MARKETS.items():
                prices = {} if stop is None else {"PrixSL": round(float(price) * stop, 4)}
                alert = {"Symbol": f"{base}USDT", "Action": action, "PourCent": percent, "IndicateurName": f"{number}"}
                user = {"UserID": told["user_number"], "UserExchangeID": told["broker"]}
                target = {"PrixTP": round(float(price) * 1.5, 4)} if action == "BuyMarket" else {}
                _post(told["webhook_url"], {**alert, **user, **prices, **target})
            time.sleep(max(PAUSE - (time.monotonic() - began), 0))


def _percentiles(values: list[float]) -> dict[str, float]:
    took = sorted(values)
    return {f"p{p}": round(took[min(len(took) * p // 100, len(took) - 1)], 1) for p in (50, 95)} | {"count": len(took)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    with running() as platform:
        _trade(platform.told, rounds)
        with psycopg.connect(platform.owner) as connection:
            queries = {"fill_to_protection": FIRST_FILL, "move_to_protection": MOVED, "without_a_stop": GAPS}
            found = {n: [row[0] for row in connection.execute(query)] for n, query in queries.items()}
    # A position that was never protected has no time, which counts as infinite.
    figures = {n: _percentiles([float("inf") if t is None else t for t in times]) for n, times in found.items()}
    expected = rounds * len(MARKETS)
    met = all(figures[n]["p95"] < target and figures[n]["count"] >= expected for n, target in TARGETS.items())
    each = "; ".join(f"{n} {f['p50']}/{f['p95']} of {f['count']} ({TARGETS[n]:.0f})" for n, f in figures.items())
    print(f"protection, {expected} positions: p50/p95 in ms (target of p95): {each}; {'met' if met else 'missed'}")
    keep("protection", figures=figures, targets=TARGETS, met=met)


if __name__ == "__main__":
    main()
