"""The log tells when the platform started, stopped and crashed, and which of its terminals died."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

Eventually = Callable[..., Any]


def said(house: Any) -> list[Any]:
    """Return the events of the platform's own stream, oldest first."""
    topics = [f"Platform.{name}" for name in ("Started", "Stopped", "TerminalUp", "TerminalDown")]
    with house.store() as store:
        return [one.event for one in store.read(0, topics=topics)]


def deaths(house: Any) -> list[tuple[str, int, bool]]:
    return [(e.terminal, e.code, e.frozen) for e in said(house) if type(e).__name__.endswith("TerminalDown")]


def starts(house: Any) -> list[bool]:
    return [event.crashed for event in said(house) if type(event).__name__.endswith("Started")]


def alerts(house: Any) -> list[str]:
    return [row["cause"] for row in house.all_of("/api/alerts") if row["cause"] == "platform_crashed"]


def test_deaths_stops_and_crashes_are_told(new_platform: Callable[[], Any], eventually: Eventually) -> None:
    house = new_platform()
    os.kill(house.pids()["engine"], signal.SIGKILL)
    assert eventually(lambda: deaths(house)) == [("engine", -signal.SIGKILL, False)]
    ups = [event.terminal for event in said(house) if type(event).__name__.endswith("TerminalUp")]
    assert ups.count("web") == 1
    assert eventually(lambda: [e for e in said(house) if getattr(e, "terminal", "") == "engine"][2:])

    house.stop()
    house.start()
    assert starts(house) == [False, False]
    assert alerts(house) == []

    house.die()
    house.start()
    assert starts(house) == [False, False, True]
    assert eventually(lambda: alerts(house)) == ["platform_crashed"]
    house.stop()
