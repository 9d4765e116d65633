"""The watch of the alerts terminal: raises the alerts that no event in the log leads to, and ends them."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from application.alerts import tell, tell_everybody
from aristobot.supervision.standstill import Lookout
from aristobot.terminals import BACKUP, WATCHED
from aristobot.terminals.alerts.levels import AgeingLevels
from aristobot.terminals.alerts.open_alerts import OpenAlerts
from aristobot.wiring import House
from domain.alert import Cause
from domain.people.broker import Broker

NAME = "alerts"
DOWN_SECONDS = 10.0
"""Seconds for which a terminal has to be down before its alert.

A bus that has just restarted holds no sign of life until every terminal has sent one.
"""
COUNTED = {
    Cause.EVENT_PARKED: "parked",
    Cause.SPOOL_USED: "spool",
    Cause.DELIVERY_ASIDE: "aside",
    Cause.DELIVERY_NOT_KEPT: "not_kept",
    Cause.CLOCK_SILENT: "silent",
}
"""The figures of a terminal that should be 0."""
LEAST_FREE = 1 << 30
"""Free bytes of the disk under HOME below which a full disk is near."""
OLDEST_BACKUP = 26 * 3600.0
"""Seconds: one is made every day, and may take its time."""
LISTED = {Cause.STREAM_DEAF: "deaf", Cause.PRICES_OLD: "blind"}
"""The figures that list the faulty ones among several things, with the facts of each."""


class Watch:
    """The watcher of the terminals' signs of life and figures: alerts the users concerned to each fault and its end."""

    def __init__(self, house: House, log: Any, opened: OpenAlerts, lookout: Lookout) -> None:
        self._house = house
        self._log = log
        self._opened = opened
        self._lookout = lookout
        self._pids: dict[str, int] = {}
        self._told: set[tuple[Cause, str]] = set()
        """The faults, by cause and name, that were reported and are not over."""
        self._down_since: dict[str, float] = {}
        self._untold: list[tuple[Cause, str, dict[str, str]]] = []
        """The alerts that are not recorded yet."""
        self._levels = AgeingLevels(house.store, log, time.monotonic)

    def look(self) -> None:
        """Check everything once. Alerts that cannot be recorded while the database is away are recorded later."""
        self._look_at_work()
        seen = {terminal["name"]: terminal for terminal in self._house.bus.terminals(WATCHED)}
        if seen[NAME]["state"] == "up":  # otherwise the bus is away, because this terminal is certainly not down
            for name, terminal in seen.items():
                self._look_at(name, terminal["state"], terminal["figures"])
        self._look_at_the_disk()
        self._levels.look()
        while self._untold:
            self._tell(*self._untold[0])
            self._untold.pop(0)
        self._opened.end_what_is_over()

    def _tell(self, cause: Cause, key: str, facts: dict[str, str]) -> None:
        store = self._house.store
        if "broker" not in facts:
            tell_everybody(store, cause, key, facts)
            return
        owner = store.get(Broker, Broker.create_id(int(facts["broker"]))).user
        tell(store, owner, cause, key, facts)

    def _look_at(self, name: str, state: str, figures: dict[str, Any]) -> None:
        pid = figures.get("pid")
        before = self._pids.get(name)
        if pid is not None and before is not None and pid != before:
            self._say(Cause.TERMINAL_RESTARTED, f"{name}/{pid}", {"terminal": name, "pid": str(pid)})
        if pid is not None:
            self._pids[name] = pid
        if state != "down" or before is None:
            self._down_since.pop(name, None)
        since = self._down_since.setdefault(name, time.time()) if state == "down" and before is not None else None
        if state == "up":
            self._well(Cause.TERMINAL_DOWN, name)
        elif since is not None and time.time() - since >= DOWN_SECONDS:
            self._wrong(Cause.TERMINAL_DOWN, name, {"terminal": name})
        self._look_at_figures(name, figures)

    def _look_at_figures(self, name: str, figures: dict[str, Any]) -> None:
        for cause, figure in COUNTED.items():
            if figure in figures:
                count = figures[figure]
                self._judge(cause, name, {"count": str(count)} if count else None)
        for cause, figure in LISTED.items():
            if figure in figures:
                self._compare(cause, {"/".join(facts.values()): facts for facts in figures[figure]})
        if name == BACKUP and (age := figures.get("age")) is not None:
            hours = {"hours": str(int(age // 3600))}
            self._judge(Cause.BACKUP_OLD, name, hours if age > OLDEST_BACKUP else None)

    def _look_at_the_disk(self) -> None:
        free = shutil.disk_usage(self._house.settings.home).free
        self._judge(Cause.DISK_LOW, "disk", {"free": str(free >> 20)} if free < LEAST_FREE else None)

    def _look_at_work(self) -> None:
        """Report whose work does not go on, and who keeps everybody from recording."""
        for holder in self._lookout.holders():
            self._wrong(Cause.LOG_LOCKED, "log", {"holder": holder})
        if self._lookout.holder is None:
            self._well(Cause.LOG_LOCKED, "log")
        still = self._lookout.still
        names = {name: {"terminal": name, "seconds": str(int(seconds))} for name, seconds in still.items()}
        self._compare(Cause.TERMINAL_STILL, names)

    def _compare(self, cause: Cause, wrong: dict[str, dict[str, str]]) -> None:
        """Report the faults in `wrong`, and end those of the same cause that it no longer names."""
        for name in (self._opened.names(cause) | {n for c, n in self._told if c is cause}) - wrong.keys():
            self._well(cause, name)
        for name, facts in wrong.items():
            self._wrong(cause, name, facts)

    def _judge(self, cause: Cause, name: str, facts: dict[str, str] | None) -> None:
        """Report a fault with its facts, or its end when there are none."""
        if facts is None:
            self._well(cause, name)
        else:
            self._wrong(cause, name, facts)

    def _wrong(self, cause: Cause, name: str, facts: dict[str, str]) -> None:
        """Report a fault when it begins, and again only when it begins anew."""
        if (cause, name) not in self._told:
            self._say(cause, f"{name}/{int(time.time())}", facts)
            self._told.add((cause, name))

    def _well(self, cause: Cause, name: str) -> None:
        self._opened.end(cause, name)
        self._told.discard((cause, name))

    def _say(self, cause: Cause, key: str, facts: dict[str, str]) -> None:
        self._log.warning("alarm", cause=cause, **facts)
        self._untold.append((cause, key, facts))

    def remember_myself(self) -> None:
        """Report a restart of this terminal when its predecessor did not end cleanly.

        Such a process leaves its sign of life behind, under this terminal's name and with another pid.
        """
        [mine] = self._house.bus.terminals((NAME,))
        if (pid := mine["figures"].get("pid")) is not None and pid != os.getpid():
            self._say(Cause.TERMINAL_RESTARTED, f"{NAME}/{os.getpid()}", {"terminal": NAME, "pid": str(os.getpid())})
