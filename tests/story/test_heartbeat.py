"""The heartbeat over real processes: deaths, a restart, and a second source beside the first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from adapters.database.migrate import OWNER, url_for
from adapters.vault.keys import MasterKey
from tests.story.conftest import REPOSITORY

Eventually = Callable[..., Any]
MINUTE = timedelta(minutes=1)
SOON = 8.0
"""Seconds before the end of a minute to which the exchange's clock is set: a terminal starts within them."""


@pytest.fixture(scope="module")
def house(new_platform: Callable[[], Any], eventually: Eventually) -> Iterator[Any]:
    """Yield a platform that no other tests use: its exchange's clock is turned.

    It has signalled a minute: a clock that never did owes none of those before it listened.
    """
    running = new_platform()
    eventually(lambda: running.ask("/api/heartbeat/signals", timeframe="1m")["items"], 180)
    yield running
    running.stop()


def die_before(platform: Any, end: datetime) -> None:
    """Turn the clock of the exchange to shortly before the end of a minute, and kill the heartbeat, which asks anew."""
    skew = end.timestamp() - SOON - time.time()
    platform.paper.delete("/paper/faults")
    fault = {"when": "query", "kind": "skew_clock", "times": 1_000_000, "seconds": skew}
    platform.paper.post("/paper/faults", json=fault).raise_for_status()
    os.kill(platform.pids()["heartbeat"], signal.SIGKILL)


def signalled(platform: Any, end: datetime) -> dict[str, Any] | None:
    """Return the signal of the minute that ended here, None before it came."""
    items = platform.ask("/api/heartbeat/signals", timeframe="1m")["items"]
    return next((item for item in items if datetime.fromisoformat(item["closed_at"]) == end), None)


def test_each_death_is_survived_without_a_gap(house: Any, eventually: Eventually) -> None:
    """Every minute has its bar and its signal, although the heartbeat died before the end of each."""
    first = (datetime.now(UTC) + 3 * MINUTE).replace(second=0, microsecond=0)
    ends = [first, first + MINUTE]
    for end in ends:
        die_before(house, end)
        eventually(lambda end=end: signalled(house, end), 180)
    bars = eventually(lambda: _bars(house, ends), 60)
    opened = [datetime.fromisoformat(bar["opened_at"]) for bar in bars]
    assert opened == [opened[0] + n * MINUTE for n in range(len(bars))]
    assert {bar["proof"] for bar in bars} <= {"proved", "confirmed"}


def _bars(platform: Any, ends: list[datetime]) -> list[dict[str, Any]] | None:
    bars = platform.ask("/api/heartbeat/candles", symbol="BTC/USDT", timeframe="1m", before=(ends[-1]).isoformat())[
        "items"
    ]
    known = {datetime.fromisoformat(bar["opened_at"]): bar["proof"] for bar in bars}
    return bars if all(known.get(end - MINUTE) not in {None, "timed"} for end in ends) else None


def test_a_second_source_says_the_same_under_its_own_name(house: Any, eventually: Eventually) -> None:
    """Its signals bear the ids of the first one's."""
    end = (datetime.now(UTC) + 9 * MINUTE).replace(second=0, microsecond=0)
    die_before(house, end)
    with house.database() as owner:
        second = subprocess.Popen(
            [sys.executable, "-m", "aristobot", "terminal", "heartbeat", "--source", "secondary"],
            cwd=REPOSITORY, env=_environment_of(house),
        )  # fmt: skip
        try:
            query = (
                "SELECT closed_at FROM service.signals WHERE timeframe = '1m' AND closed_at >= %s"
                " GROUP BY closed_at HAVING count(DISTINCT source) = 2"
            )
            eventually(lambda: owner.execute(query, (end,)).fetchall(), 180)  # a busy machine may miss the first one
        finally:
            second.send_signal(signal.SIGTERM)
            assert second.wait(30) == 0
        stopped = owner.execute("SELECT stopped_at >= started_at FROM service.heartbeat WHERE source = 'secondary'")
        assert stopped.fetchone() == (True,)


def _environment_of(house: Any) -> dict[str, str]:
    """Return the environment of a terminal, with the database role that the heartbeat has."""
    servers = json.loads((house.home / "servers.json").read_text())
    master = MasterKey((house.home / "secret_key").read_text().strip())
    url = url_for(make_conninfo(**servers["database"], password=master.password_of(OWNER)), "aristobot_writer", master)
    addresses = {"ARISTOBOT_DATABASE_URL": url, "ARISTOBOT_DATABASE_DIRECT_URL": url}
    return house.environment | addresses | {"ARISTOBOT_REDIS_URL": servers["redis"]}
