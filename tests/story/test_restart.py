"""Ends and deaths: nothing is lost, nothing is bought twice, and the log stays provable."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from json import loads
from typing import Any

import httpx
import pytest

ALERTS = 12
LONGEST = 200
"""An order whose sending was interrupted is given up only when the exchange has proven that it never came."""


@pytest.fixture(scope="module")
def house(new_platform: Callable[[], Any]) -> Iterator[Any]:
    """A platform that nobody else uses, and that these tests may hurt."""
    running = new_platform()
    running.price("64000.00")
    yield running
    running.stop()


def test_a_second_start_shows_the_same_books(house: Any) -> None:
    """After SIGTERM and a new start: same password, same address, same rows, and nothing was sent again."""
    names = []
    for action in ("BuyMarket", "SellMarket", "PING"):
        body, name = house.alert(action)
        house.post(body)
        names.append(name)
    for name in names:
        if house.ended(name)["status"] == "executed":
            house.order_of(house.ended(name), "closed")

    before, told, there = _shown(house), house.told, house.on_exchange()
    house.stop()
    house.start()
    house.price("64000.00")
    assert house.told == told
    assert _shown(house) == before
    body, name = house.alert("SellMarket")
    house.post(body)
    house.order_of(house.ended(name), "closed")  # whatever would be sent again is in the lane before it
    new = [order for order in house.on_exchange() if order not in there]
    assert len(new) == 1


@pytest.mark.parametrize("victim", ["engine", "gateway", "projector", "receiver"])
def test_a_killed_terminal_comes_back_and_nothing_is_lost_or_doubled(house: Any, victim: str) -> None:
    """kill -9 while alerts come in: each ends once, and what the exchange has is what the books say."""
    there = len(house.on_exchange())
    old = house.eventually(lambda: house.pids().get(victim))
    names = []
    for number in range(ALERTS):
        if number == ALERTS // 2:
            os.kill(old, signal.SIGKILL)
        body, name = house.alert(name=f"{victim} {number:02}", PourCent="1")
        house.eventually(lambda alert=body: _taken(house, alert))
        names.append(name)
    house.eventually(lambda: house.pids().get(victim, old) != old, 60)
    webhooks = [house.ended(name, LONGEST) for name in names]
    assert {webhook["status"] for webhook in webhooks} <= {"executed", "failed"}

    new = house.on_exchange()[there:]
    books = house.eventually(lambda: _settled(house, [webhook["id"] for webhook in webhooks]), LONGEST)
    for order in new:
        ours = books[order["client_order_id"]]
        assert Decimal(ours["filled"]) == Decimal(order["filled"]) > 0
        assert sum(Decimal(fill["quantity"]) for fill in ours["fills"]) == Decimal(order["filled"])
    causes = [books[order["client_order_id"]]["webhook_id"] for order in new]
    assert len(set(causes)) == len(causes), "two orders on the exchange for one webhook"
    assert set(causes) == {webhook["id"] for webhook in webhooks if webhook["status"] == "executed"}


def _shown(house: Any) -> dict[str, Any]:
    """What the console shows of the past."""
    lists = ("/api/orders", "/api/trades", "/api/webhooks/history")
    shown: dict[str, Any] = {path: house.all_of(path) for path in lists}
    return shown | {path: house.ask(path) for path in ("/api/brokers", "/api/webhooks/stats", "/api/webhooks/url")}


def _taken(house: Any, body: str) -> bool:
    """Deliver it as a sender does who tries again while nobody answers."""
    try:
        return house.post(body).status_code == 200
    except httpx.TransportError:
        return False


def _settled(house: Any, webhooks: list[str]) -> dict[str, dict[str, Any]] | None:
    """The orders of these webhooks by their client order ids, once all of them have ended."""
    orders = [order for order in house.all_of("/api/orders") if order["webhook_id"] in webhooks]
    if any(order["state"] not in {"closed", "refused", "rejected", "expired"} for order in orders):
        return None
    return {order["client_order_id"]: order for order in orders}


def test_the_death_of_the_supervisor_loses_nothing(house: Any) -> None:
    """kill -9 of `aristobot run` takes everything down with it; the next start shows the same and takes alerts."""
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
    """Whatever died: the log holds exactly one end of each delivery, and at most one order for it."""
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
    """`audit verify` follows the chain to its head, `projections verify` finds the books equal to a rebuild."""
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
