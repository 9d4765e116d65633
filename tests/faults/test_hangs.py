"""A process hangs although it shows signs of life, and a session keeps everybody from recording."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import httpx

from aristobot.terminals import WATCHED
from tests.story.conftest import Platform

SECONDS = 180.0
"""Seconds within which a hang has to be seen, told and ended."""


class Hanging(Platform):
    """A platform whose processes hang on SIGUSR1."""

    program = "tests.faults.hanging"

    def found(self) -> dict[str, int]:
        """Return the process ids by name, none while the web server is away."""
        try:
            terminals = self.console.get("/api/health/terminals", timeout=3).json()["terminals"]
        except httpx.HTTPError:
            return {}
        return {one["name"]: one["figures"]["pid"] for one in terminals if one["state"] == "up"}

    def facts_of(self, cause: str) -> list[dict[str, str]]:
        """Return the facts of all alerts of a cause."""
        return [one["facts"] for one in self.ask("/api/alerts", cause=cause)["items"]]


def test_whatever_hangs_is_seen_told_and_restarted(new_platform: Callable[..., Any]) -> None:
    """Every terminal and the backup hang at once. Soon after each is another process, and told."""
    house = new_platform(kind=Hanging)
    before = house.eventually(lambda: (pids := house.pids()).keys() == {*WATCHED} and pids)
    hung = time.monotonic()
    for pid in before.values():
        os.kill(pid, signal.SIGUSR1)
    house.eventually(
        lambda: (now := house.found()).keys() == {*WATCHED} and not {*now.items()} & {*before.items()}, SECONDS
    )
    causes = ("terminal_still", "terminal_restarted")
    house.eventually(lambda: {facts["terminal"] for cause in causes for facts in house.facts_of(cause)} == {*WATCHED})
    assert time.monotonic() - hung < SECONDS
    _held(house)
    house.stop()


def _held(house: Hanging) -> None:
    """Hold the append lock: who does is told by name on the health page, and no terminal is ended for it."""
    pids = house.pids()
    with house.database() as session:
        session.execute("SET application_name = 'somebody''s shell'")
        session.execute("SELECT pg_advisory_lock(hashtext('log.events'))")
        holder = house.eventually(lambda: house.ask("/api/health/terminals")["log_held_by"])
        assert holder == f"aristobot_owner somebody's shell (pid {session.info.backend_pid})"
    house.eventually(lambda: house.ask("/api/health/terminals")["log_held_by"] is None)
    house.eventually(lambda: house.facts_of("log_locked") == [{"holder": holder}])
    assert house.pids() == pids
