"""Stops and deaths: nothing is lost, nothing is bought twice, and the log can still be verified."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from json import loads
from operator import itemgetter
from threading import Event
from typing import Any

import httpx
import pytest

from tests.support.processes import words_of
from tests.support.samples import thoroughly

VICTIMS = ("engine", "projector", "receiver", "web")
WAITING, AGAIN = 30, 10
"""The most alerts under way at a time. Every `AGAIN`th alert is delivered twice, whatever was answered."""
ENDS = {"executed", "failed", "refused", "ignored"}
LONGEST = 200
"""Seconds: an interrupted order is given up only once the exchange has proven that it never arrived."""


@pytest.fixture(scope="module")
def house(new_platform: Callable[[], Any]) -> Iterator[Any]:
    """Yield a platform that no other tests use, so that these may hurt it."""
    running = new_platform()
    running.price("64000.00")
    yield running
    running.stop()


def test_a_second_start_shows_the_same_books(house: Any) -> None:
    """After SIGTERM and a new start, password, address and rows are the same, and nothing is sent again."""
    # Given alerts that were carried out.
    names = []
    for action in ("BuyMarket", "SellMarket", "PING"):
        body, name = house.alert(action)
        house.post(body)
        names.append(name)
    for name in names:
        if house.ended(name)["status"] == "executed":
            house.order_of(house.ended(name), "closed")

    # When the platform is stopped and started again.
    before, told, there = _shown(house), house.told, house.on_exchange()
    house.stop()
    house.start()
    house.price("64000.00")
    # Then it shows the same, and sends only what is new.
    assert house.told == told
    assert _shown(house) == before
    body, name = house.alert("SellMarket")
    house.post(body)
    house.order_of(house.ended(name), "closed")  # an order sent again would be in the lane before it
    new = [order for order in house.on_exchange() if order not in there]
    assert len(new) == 1


@pytest.mark.parametrize(("alerts", "times"), [(40, 1), thoroughly(200, 5)])
def test_terminals_that_die_again_and_again_execute_every_alert_once(house: Any, alerts: int, times: int) -> None:
    """All terminals but the gateway die at random moments. Each alert leads to one order and one trade."""
    # Given a slow exchange without limits.
    there, shown = house.on_exchange(), {trade["id"] for trade in house.all_of("/api/trades")}
    slow = {"when": "place_order", "kind": "delay", "times": 10 * alerts, "seconds": 0.1}
    assert house.paper.post("/paper/faults", json=slow).status_code == 200
    assert house.paper.put("/paper/limits", json={"enabled": False}).status_code == 200  # for all these orders
    # When alerts are delivered while terminals die.
    deaths = [victim for _ in range(times) for victim in random.sample(VICTIMS, len(VICTIMS))]
    killed, delivering, name = [], Event(), f"deadly {times}"
    with house.database() as connection, ThreadPoolExecutor(1) as killer:
        before = _executed(connection)
        for number in range(alerts):
            if number % (alerts // len(deaths)) == 0:
                assert all(death.result() for death in killed)
                killed.append(killer.submit(_kill, house, deaths[len(killed)], delivering))
            body, _ = house.alert(name=f"{name} {number:03}", PourCent="1")
            delivering.set()
            for _ in range(1 if number % AGAIN else 2):
                house.eventually(lambda alert=body: _taken(house, alert))
            delivering.clear()
            # At most what the lane sends in a few seconds, so that no alert grows too old to be executed.
            house.eventually(lambda least=before + number - WAITING: _executed(connection) >= least)
    assert len({death.result() for death in killed}) == len(deaths) == len(VICTIMS) * times
    house.paper.delete("/paper/faults")
    house.paper.put("/paper/limits", json={"enabled": True})

    house.eventually(lambda: _answers(house) and house.pids().keys() >= {"gateway", *VICTIMS})
    # Then every alert was executed once, with the fills of the exchange.
    webhooks = house.eventually(lambda: _ended(house, name, alerts))
    assert [(webhook["indicator"], webhook["status"]) for webhook in webhooks] == [
        (f"{name} {number:03}", "executed") for number in range(alerts)
    ]
    assert sum(webhook["repeats"] for webhook in webhooks) >= alerts // AGAIN
    trades = house.eventually(lambda: _closed(house, shown, alerts))
    orders = {order["client_order_id"]: order for order in house.on_exchange()[len(there) :]}
    assert len(orders) == len(house.on_exchange()) - len(there) == len(trades) == alerts
    assert sorted(trade["webhook_id"] for trade in trades) == sorted(webhook["id"] for webhook in webhooks)
    for trade in trades:
        filled = Decimal(orders[trade["client_order_id"]]["filled"])
        assert sum(Decimal(fill["quantity"]) for fill in trade["fills"]) == Decimal(trade["filled"]) == filled > 0


def _kill(house: Any, victim: str, delivering: Event) -> int:
    """Kill a running terminal (kill -9), if possible during a delivery, and return the id of the dead process."""
    process = house.eventually(lambda: _process(house, victim))
    time.sleep(random.uniform(0, 1))
    delivering.wait(1)
    time.sleep(random.uniform(0, 0.005))
    os.kill(process, signal.SIGKILL)
    house.eventually(lambda: _process(house, victim) != process)
    return process


def _process(house: Any, terminal: str) -> int | None:
    """Return the process id of a terminal, whether it shows signs of life or not."""
    for pid in house.family():
        if words_of(pid)[-2:] == ["terminal", terminal]:
            return pid
    return None


def _answers(house: Any) -> bool:
    """Return True when the console answers."""
    try:
        return house.ask("/api/health") == {"up": True}
    except httpx.TransportError:
        return False


def _executed(connection: Any) -> int:
    """Return the number of webhooks that the log shows as executed."""
    return connection.execute("SELECT count(*) FROM log.events WHERE topic = 'Webhook.Executed'").fetchone()[0]


def _ended(house: Any, indicators: str, least: int) -> list[dict[str, Any]] | None:
    """Return the webhooks of these indicators in order, or None until there are enough and all have ended."""
    rows = [row for row in house.all_of("/api/webhooks/history") if row["indicator"].startswith(indicators)]
    ended = [row for row in rows if row["status"] in ENDS]
    return sorted(rows, key=itemgetter("indicator")) if len(rows) == len(ended) >= least else None


def _closed(house: Any, but: set[str], least: int) -> list[dict[str, Any]] | None:
    """Return all trades except those in `but`, or None until there are enough and all orders are closed."""
    trades = [trade for trade in house.all_of("/api/trades") if trade["id"] not in but]
    return trades if len(trades) >= least and all(trade["state"] == "closed" for trade in trades) else None


def _shown(house: Any) -> dict[str, Any]:
    """Return what the console shows of the past."""
    lists = ("/api/orders", "/api/trades", "/api/webhooks/history")
    shown: dict[str, Any] = {path: house.all_of(path) for path in lists}
    return shown | {path: house.ask(path) for path in ("/api/brokers", "/api/webhooks/stats", "/api/webhooks/url")}


def _taken(house: Any, body: str) -> bool:
    """Deliver a body and return True when it was taken, as a sender does who tries again while there is no answer."""
    try:
        return house.post(body).status_code == 200
    except httpx.TransportError:
        return False


def test_the_death_of_the_supervisor_loses_nothing(house: Any) -> None:
    """kill -9 of `aristobot run` takes everything down. The next start shows the same books and takes alerts."""
    before, told = _shown(house), house.told
    house.die()
    house.start()
    house.price("64000.00")
    assert house.told == told
    assert _shown(house) == before
    body, name = house.alert(PourCent="1")
    house.post(body)
    webhook = house.ended(name, LONGEST)
    assert webhook["status"] == "executed"
    house.order_of(webhook, "closed")


def test_every_webhook_ended_once(house: Any) -> None:
    """Whatever died, the log holds exactly one end of each delivery and at most one order for it."""
    with house.database() as connection:
        received = connection.execute("SELECT stream FROM log.events WHERE topic = 'Webhook.Received'").fetchall()
        ends = connection.execute(
            "SELECT stream FROM log.events WHERE topic IN"
            " ('Webhook.Executed', 'Webhook.Failed', 'Webhook.Ignored', 'Webhook.Refused')"
        ).fetchall()
        placed = connection.execute("SELECT stream FROM log.events WHERE topic = 'Order.Placed'").fetchall()
    assert sorted(received) == sorted(ends)
    assert len(set(placed)) == len(placed) <= len(received)


def test_the_log_and_the_books_are_verified_while_it_runs(house: Any) -> None:
    """`audit verify` follows the chain to its head, and `projections verify` finds the books equal to a rebuild."""
    audit = house.command("audit", "verify", "--json")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert loads(audit.stdout)["events"] >= house.ask("/api/health/terminals")["head"] > 0
    again = house.command("audit", "verify", "--head", loads(audit.stdout)["head"])
    assert again.returncode == 0, again.stdout + again.stderr
    books = house.command("projections", "verify")
    assert books.returncode == 0, books.stdout + books.stderr


def test_a_home_is_used_once(house: Any) -> None:
    """A second `aristobot run` on the same HOME says so and leaves the first one alone."""
    second = house.command("run")
    assert second.returncode == 2
    assert "another `aristobot run` uses" in second.stderr
    assert house.ask("/api/health") == {"up": True}
