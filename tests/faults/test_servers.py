"""PostgreSQL and Valkey die or freeze, or the disk is full: nothing acknowledged is lost or done twice."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from json import loads

import psycopg
import pytest
import redis

from aristobot.terminals import WATCHED
from tests.faults.books import ANY
from tests.faults.servers import ALERTS, AWAY_SECONDS, BUSY, LONGEST, Servers


def test_postgresql_is_killed(servers: Servers, settled: Callable[..., None]) -> None:
    """The supervisor starts it again. Every alert that was acknowledged is carried out once."""
    alerts, before = servers.load(), servers.postmaster
    servers.under_way(alerts, 3)
    os.kill(before, signal.SIGKILL)
    died = time.time()
    alerts.result(60)
    servers.house.eventually(lambda: servers.postmaster not in {0, before})
    settled(servers.house, servers.markets, "alerts under way", "PostgreSQL killed", died, LONGEST)


def test_postgresql_is_killed_while_a_query_runs(servers: Servers, settled: Callable[..., None]) -> None:
    """A process that is left holds its memory until the query has ended. Only then can it be started again."""

    def long_query() -> None:
        with servers.house.database() as connection, suppress(psycopg.OperationalError):
            connection.execute(BUSY)

    before = servers.postmaster
    query = ThreadPoolExecutor(1).submit(long_query)
    servers.house.eventually(lambda: servers.running(BUSY))
    alerts = servers.load()
    os.kill(before, signal.SIGKILL)
    died = time.time()
    servers.house.eventually(lambda: servers.postmaster not in {0, before}, LONGEST)
    query.result(LONGEST)
    alerts.result(LONGEST)
    settled(servers.house, servers.markets, "alerts under way", "PostgreSQL killed in a query", died, LONGEST)


def test_valkey_is_emptied(servers: Servers, settled: Callable[..., None]) -> None:
    """It holds nothing that could be missed, and the signs of life come back."""
    alerts = servers.load()
    servers.under_way(alerts, 3)
    with redis.Redis.from_url(loads((servers.house.home / "servers.json").read_text())["redis"]) as client:
        client.flushall()
    emptied = time.time()
    alerts.result(60)
    settled(servers.house, servers.markets, "alerts under way", "Valkey emptied", emptied)
    servers.house.eventually(lambda: servers.house.pids().keys() == {*WATCHED})


def test_valkey_is_killed(servers: Servers, settled: Callable[..., None]) -> None:
    """The supervisor starts it again, and no terminal has to be restarted."""
    servers.house.eventually(lambda: servers.house.pids().keys() == {*WATCHED})
    pids, before = servers.house.pids(), servers.process("valkey-server")
    alerts = servers.load()
    servers.under_way(alerts, 3)
    os.kill(before, signal.SIGKILL)
    died = time.time()
    alerts.result(60)
    settled(servers.house, servers.markets, "alerts under way", "Valkey killed", died)
    servers.house.eventually(lambda: servers.house.pids() == pids)


@pytest.mark.parametrize("seconds", AWAY_SECONDS)
def test_postgresql_freezes(servers: Servers, seconds: float, settled: Callable[..., None]) -> None:
    """The door goes on answering 200 and keeps the alerts. They are carried out later, or reported as too old."""
    with servers.frozen():
        until = time.monotonic() + seconds
        answers = [servers.busy.deliver(ANY) for _ in range(ALERTS)]
        servers.house.eventually(lambda: time.monotonic() >= until, 2 * seconds)
        answers.append(servers.busy.deliver())
        assert servers.spooled() >= ALERTS
    assert set(answers) == {200}
    back = time.time()
    settled(
        servers.house,
        servers.markets,
        f"{len(answers)} alerts",
        f"PostgreSQL frozen for {seconds:.0f} s",
        back,
        LONGEST,
    )
    assert servers.spooled() == 0


def test_the_disk_is_full_while_postgresql_is_frozen(servers: Servers, settled: Callable[..., None]) -> None:
    """No sender gets 200 for an alert that could not be kept. One that tries again is heard, once."""
    receiver = servers.house.pids()["receiver"]
    with servers.frozen():
        limits = resource.prlimit(receiver, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        answers = [servers.busy.deliver() for _ in range(3)]
        resource.prlimit(receiver, resource.RLIMIT_FSIZE, limits)
        kept = servers.busy.deliver()
    back = time.time()
    assert set(answers) == {500}
    assert kept == 200
    servers.busy.again()
    settled(servers.house, servers.markets, "4 alerts", "disk full, PostgreSQL frozen", back, LONGEST)
    assert servers.house.pids()["receiver"] == receiver
