"""The alerts terminal: sends alerts to their channels, and raises those that no event of the log leads to.

It stands beside everything else: however long a channel takes or however dead it is, no order waits for it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from adapters.alert_texts import text_of
from adapters.channels import Channel, send, service_of
from application.alerts import tell, tell_everybody
from application.commands import on_fresh_state
from aristobot.levels import AgeingLevels
from aristobot.liveness import TERMINALS, beat
from aristobot.place import Place
from aristobot.wiring import House
from domain.aggregate import carrying
from domain.alert import Alert, Cause
from domain.user import User

NAME = "alerts"
POLL_SECONDS = 1.0
PAGE = 200
WATCH_SECONDS = 2.0
DOWN_SECONDS = 10.0
"""How long a sign of life has to be missing: a bus that has just restarted is empty until everybody has beaten."""
PAUSES = (0.0, 1.0, 4.0)
"""Before each try of a delivery. A channel whose last delivery failed gets one try, so that others do not wait."""
AWAY = (psycopg.OperationalError, PoolTimeout)


class Herald:
    """Sends what was raised. Its position moves once every outcome is recorded: a crash repeats, it loses nothing."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._store = house.store
        self._log = log
        self._dead: set[str] = set()
        self._hands = ThreadPoolExecutor(max_workers=4, thread_name_prefix="channel")
        self._place = Place(self._store, NAME)

    @property
    def position(self) -> int:
        """Up to where every outcome is recorded."""
        return self._place.reached

    def step(self) -> int:
        """Send what the next page raises; answers how many alerts there were."""
        head = self._store.head()  # what is appended from here on is not passed over
        page = self._store.read(self.position, PAGE, stop=head, topics=("Alert.Raised",))
        deliveries = [self._hands.submit(self._deliver, recorded.event.originator_id) for recorded in page]
        for delivery in deliveries:
            delivery.result()
        reached = page[-1].position if len(page) == PAGE else head
        self._place.move(max(reached, self.position))
        self._place.keep(at_once=bool(page))
        return len(page)

    def _deliver(self, alert_id: Any) -> None:
        alert = self._store.get(Alert, alert_id)
        user = self._store.get(User, User.create_id(alert.user))
        title, body = text_of(user.preferences.language, alert.cause, alert.severity, alert.facts)
        self._log.info("alert", request_id=alert.key, cause=alert.cause, user=alert.user)
        for channel in self._channels(alert):
            if channel.name not in alert.sent:
                self._send(alert, channel, title, body)

    def _channels(self, alert: Alert) -> Sequence[Channel]:
        """A dead channel is told of on the others."""
        known = self._house.channels.of(alert.user)
        silent = alert.facts.get("id") if alert.cause is Cause.CHANNEL_DEAD else None
        return [channel for channel in known if str(channel.id) != silent]

    def _send(self, alert: Alert, channel: Channel, title: str, body: str) -> None:
        reason: str | None = None
        for pause in PAUSES[:1] if str(channel.id) in self._dead else PAUSES:
            time.sleep(pause)
            reason = send(channel.address, title, body)
            self._record(alert, channel, reason)
            if reason is None:
                return self._dead.discard(str(channel.id))
        if str(channel.id) not in self._dead:
            self._dead.add(str(channel.id))
            # The name is the user's own word, which belongs into no clear text: the service's name says enough.
            facts = {"channel": service_of(channel.address), "id": str(channel.id), "reason": reason or ""}
            tell(self._store, alert.user, Cause.CHANNEL_DEAD, f"{channel.id}/{alert.id}", facts)
        return None

    def _record(self, alert: Alert, channel: Channel, reason: str | None) -> None:
        @on_fresh_state
        def record() -> None:
            fresh = self._store.get(Alert, alert.id)
            with carrying(user=str(alert.user), source=NAME, correlation_id=alert.key, causation_id=str(alert.id)):
                fresh.record_sent(channel.name) if reason is None else fresh.record_failure(channel.name, reason)
                self._store.save(fresh)

        record()

    def close(self) -> None:
        """Deliveries under way are finished."""
        self._hands.shutdown()


class Watch:
    """Looks at the terminals' signs of life and figures, and tells everybody what is wrong with the platform."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._log = log
        self._pids: dict[str, int] = {}
        self._wrong: set[str] = set()
        self._down_since: dict[str, float] = {}
        self._untold: list[tuple[Cause, str, dict[str, str]]] = []
        self._levels = AgeingLevels(house.store, log, time.monotonic)

    def look(self) -> None:
        """Once. What cannot be recorded while the database is away is recorded later."""
        seen = {terminal["name"]: terminal for terminal in self._house.bus.terminals(TERMINALS)}
        if seen[NAME]["state"] == "up":  # else it is the bus that is away: this terminal at least is not down
            for name, terminal in seen.items():
                self._look_at(name, terminal["state"], terminal["figures"])
        self._levels.look()
        while self._untold:
            tell_everybody(self._house.store, *self._untold[0])
            self._untold.pop(0)

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
        long = since is not None and time.time() - since >= DOWN_SECONDS
        self._edge(long, Cause.TERMINAL_DOWN, name, {"terminal": name})
        for cause, figure in ((Cause.EVENT_PARKED, "parked"), (Cause.SPOOL_USED, "spool")):
            if figure in figures:
                self._edge(bool(figures[figure]), cause, name, {"count": str(figures[figure])})

    def _edge(self, wrong: bool, cause: Cause, name: str, facts: dict[str, str]) -> None:
        """Told when it begins, and again when it begins anew."""
        key = f"{cause}/{name}"
        if wrong and key not in self._wrong:
            self._say(cause, f"{name}/{int(time.time())}", facts)
        (self._wrong.add if wrong else self._wrong.discard)(key)

    def _say(self, cause: Cause, key: str, facts: dict[str, str]) -> None:
        self._log.warning("alarm", cause=cause, **facts)
        self._untold.append((cause, key, facts))

    def remember_myself(self) -> None:
        """A sign of life of another process under this name was left by one that did not end well."""
        [mine] = self._house.bus.terminals((NAME,))
        if (pid := mine["figures"].get("pid")) is not None and pid != os.getpid():
            self._say(Cause.TERMINAL_RESTARTED, f"{NAME}/{os.getpid()}", {"terminal": NAME, "pid": str(os.getpid())})


def _watch(watch: Watch, log: Any, stopping: threading.Event) -> None:
    while not stopping.wait(WATCH_SECONDS):
        try:
            watch.look()
        except AWAY as error:
            log.warning("database_away", error=str(error))
        except Exception:
            log.exception("watch_failed")


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Until `stopping`."""
    watch = Watch(house, log)
    watch.remember_myself()
    herald = Herald(house, log)
    beat(house.bus, NAME, lambda: {"position": herald.position}, stopping)
    threading.Thread(target=_watch, args=(watch, log, stopping), name="watch", daemon=True).start()
    bell = house.bell()
    while not stopping.is_set():
        try:
            if not herald.step():
                bell.wait(POLL_SECONDS)
        except AWAY as error:
            log.warning("database_away", error=str(error))
            stopping.wait(0.5)
    herald.close()
    bell.close()
