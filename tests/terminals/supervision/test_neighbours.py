"""Self-defence: the engine and the monitor notice that what they depend on is dead, and that it is back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.bus import LIVENESS, Bus
from aristobot.supervision.neighbours import Neighbours
from tests.support.log import Log

REPOSITORY = Path(__file__).parents[2]


def alive(bus: Bus, name: str, seconds_ago: float = 0) -> None:
    bus._client.set(f"{LIVENESS}{name}", f"{time.time() - seconds_ago:.3f}")


@pytest.fixture
def bus(valkey) -> Bus:
    return Bus(valkey.url)


@pytest.fixture
def engine(bus) -> Neighbours:
    alive(bus, "engine")
    return Neighbours(bus, "engine", ("heartbeat", "gateway"), Log())


@pytest.mark.parametrize(
    ("heartbeat", "gateway", "dead"),
    [
        (0, 0, set()),
        (59, 30, set()),
        (61, 0, {"heartbeat"}),
        (0, None, {"gateway"}),
        (500, 61, {"heartbeat", "gateway"}),
    ],
)  # fmt: skip
def test_one_that_is_silent_for_a_minute_or_gone_is_dead(bus, engine, heartbeat, gateway, dead) -> None:
    for name, age in (("heartbeat", heartbeat), ("gateway", gateway)):
        if age is not None:
            alive(bus, name, age)
    engine.look()
    assert engine.dead == dead
    assert engine.figures() == {"dead_neighbours": sorted(dead)}
    assert engine._log.said == ["neighbour_dead"] * len(dead)
    for name in ("heartbeat", "gateway"):
        alive(bus, name)
    engine.look()
    assert engine.dead == set()
    assert engine._log.said[len(dead) :] == ["neighbour_back"] * len(dead)


def test_while_the_bus_is_away_nobody_is_dead(bus, engine) -> None:
    engine._bus = Bus("redis://127.0.0.1:1")
    engine.look()
    assert (engine.dead, engine._log.said) == (set(), [])


@pytest.fixture(params=["engine", "monitor"])
def terminal(request, database, valkey, tmp_path) -> Iterator[tuple[str, Path]]:
    """Start a terminal as a process of its own, with nothing beside it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ARISTOBOT_")} | {
        "ARISTOBOT_HOME": str(tmp_path), "ARISTOBOT_SECRET_KEY": database.secret,
        "ARISTOBOT_DATABASE_URL": database.url, "ARISTOBOT_REDIS_URL": valkey.url,
    }  # fmt: skip
    command = [sys.executable, "-m", "aristobot", "terminal", request.param]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL) as process:
        yield request.param, tmp_path / "logs" / f"{request.param}.log"
        process.terminate()
        process.wait(30)


def test_a_terminal_says_that_what_it_depends_on_is_dead(terminal, bus, eventually: Callable[..., Any]) -> None:
    """Over a real process: an error in its log and in its figures, and its work goes on."""
    name, log = terminal
    alive(bus, "gateway", 75)
    alive(bus, "heartbeat")

    def told() -> str | None:
        lines = log.read_text().splitlines() if log.exists() else []
        return next((line for line in lines if "neighbour_dead" in line), None)

    death = eventually(told)
    assert "ERROR" in death
    assert "gateway" in death
    figures = eventually(lambda: bus.terminals([name])[0]["figures"].get("dead_neighbours"))
    assert figures == ["gateway"]
    assert bus.terminals([name])[0]["state"] == "up"
