"""The gateway is killed (kill -9) exactly between an intent and its answer, again and again, as the log proves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.conftest import Hasty
from tests.support.samples import thoroughly

MOST_ALERTS = 6
"""The most alerts for each kill that lands."""
BASES = ("BTC", "ETH", "BNB", "SOL", "XRP")
LONGEST = 240
ANSWERS = "('Order.Accepted', 'Order.Rejected', 'Order.Doubted', 'Order.Filled')"
UNDER_WAY = f"""
    SELECT submitted.stream FROM log.events AS submitted WHERE submitted.topic = 'Order.Submitted' AND NOT EXISTS (
        SELECT FROM log.events AS answer
        WHERE answer.stream = submitted.stream AND answer.version > submitted.version AND answer.topic IN {ANSWERS})
"""


@pytest.fixture(scope="module")
def house(new_platform: Callable[[], Any]) -> Iterator[Any]:
    """Yield a platform that no other test uses, as its exchange is made slow."""
    running = new_platform(kind=Hasty)  # whose terminals come back without a growing pause
    running.price("64000.00")
    yield running
    running.stop()


@pytest.mark.parametrize("kills", [3, thoroughly(10)])
def test_no_order_is_lost_or_doubled_when_the_sender_dies(house: Any, kills: int) -> None:
    """Each webhook ends once: as one order on the exchange, as stale, or as proven never to have arrived."""
    # Given an exchange that takes its time.
    slow = {"when": "place_order", "kind": "delay", "times": 1000, "seconds": 0.4}
    assert house.paper.post("/paper/faults", json=slow).status_code == 200
    # When the gateway is killed between an intent and its answer, again and again.
    names, hit = [], set()
    with house.database() as connection:
        while len(hit) < kills:
            assert len(names) < kills * MOST_ALERTS, "hardly any kill landed between an intent and its answer"
            base = BASES[len(names) % len(BASES)]
            changed = {"Symbol": f'"{base}USDT"', "BaseCurrency": f'"{base}"', "PourCent": "1"}
            body, name = house.alert(name=f"{kills} kills {len(names):02}", **changed)
            assert house.post(body).status_code == 200
            names.append(name)
            gateway = house.eventually(lambda: house.pids().get("gateway"))
            try:
                found = house.eventually(lambda: _sent_by_nobody_yet(connection, hit), 5)
            except AssertionError:
                continue  # its symbol waits for the end of an earlier doubt; the next alert names another one
            os.kill(gateway, signal.SIGKILL)
            house.eventually(lambda old=gateway: house.pids().get("gateway", old) != old)
            # The kill counts only if the log shows that no answer had been recorded when it landed.
            if not _answered_before(connection, found):
                hit.add(found)
        house.paper.delete("/paper/faults")
        webhooks = [house.ended(name, LONGEST) for name in names]
        house.eventually(lambda: not connection.execute(UNDER_WAY).fetchall(), LONGEST)

    # Then the executed orders are on the exchange once, and no others are.
    orders = {order["webhook_id"]: order for order in house.all_of("/api/orders")}
    there = {order["client_order_id"]: order for order in house.on_exchange()}
    assert there, "nothing was executed at all"
    assert len(there) == len(house.on_exchange()), "one client id twice on the exchange"
    for webhook in webhooks:
        order = orders[webhook["id"]]
        if webhook["status"] == "executed":
            assert order["client_order_id"] in there
        else:
            assert order["reason"] in {"stale", "never_reached_the_exchange"}
            assert order["client_order_id"] not in there
    assert set(there) == {order["client_order_id"] for order in orders.values() if order["webhook_id"]} & set(there)
    assert set(there) <= {order["client_order_id"] for order in orders.values()}, "an order that the books lack"


def _sent_by_nobody_yet(connection: Any, hit: set[Any]) -> Any:
    """Return the stream of an intent without an answer, or None. Those in `hit` do not count."""
    rows = [row[0] for row in connection.execute(UNDER_WAY).fetchall() if row[0] not in hit]
    return rows[0] if rows else None


def _answered_before(connection: Any, stream: Any) -> bool:
    """Return True when the killed process itself had recorded an answer."""
    submitted = connection.execute(
        "SELECT max(recorded_at) FROM log.events WHERE stream = %s AND topic = 'Order.Submitted'", (stream,)
    ).fetchone()[0]
    first = connection.execute(
        f"SELECT min(recorded_at) FROM log.events WHERE stream = %s AND topic IN {ANSWERS}", (stream,)
    ).fetchone()[0]
    # The exchange waits 0.4 s before it carries anything out, so an earlier answer cannot be a later process's.
    return first is not None and (first - submitted).total_seconds() < 0.4
