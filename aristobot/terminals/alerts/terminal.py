"""The alerts terminal: sends alerts to their channels, and raises those that no event of the log leads to.

It stands beside everything else: however long a channel takes or however dead it is, no order waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from adapters.alert_texts import all_clear_of, text_of
from adapters.vault.channels import Channel, service_of
from application.alerts import LOUDNESS, tell
from application.commands import on_fresh_state
from application.people.users import registry_of
from aristobot.following import AWAY, Place, follow
from aristobot.supervision.liveness import Pulse, beat
from aristobot.supervision.standstill import Lookout, Standstill
from aristobot.terminals.alerts.open_alerts import OpenAlerts
from aristobot.terminals.alerts.watch import Watch
from aristobot.wiring import House, utc_now
from domain.aggregate import carrying
from domain.alert import Alert, Cause
from domain.people.user import User

NAME = "alerts"
LOOK_SECONDS = 0.25
"""Seconds between two reads of the log: short enough for a person who waits to be told."""
PAGE = 200
TOPICS = ("Alert.Raised", "Alert.Ended", "User.ChannelRemoved")
WATCH_SECONDS = 2.0
PAUSES = (0.0, 1.0, 4.0)
"""Seconds before each attempt. A channel whose last delivery failed gets one attempt, so that others do not wait."""
ALL_CLEAR_WITHIN = timedelta(days=1)
"""The time after an alert within which its channels are told that it is over."""


class Herald:
    """Sends alerts, and all-clears when what they told of is over.

    Its position moves once every outcome is recorded: a crash sends twice, and loses nothing.
    """

    def __init__(self, house: House, log: Any, opened: OpenAlerts, pulse: Pulse) -> None:
        self._house = house
        self._pulse = pulse
        self._opened = opened
        self._store = house.store
        self._log = log
        self._dead: set[str] = set()
        self._hands = ThreadPoolExecutor(max_workers=4, thread_name_prefix="channel")
        self._place = Place(self._store, NAME)

    @property
    def position(self) -> int:
        """The log position up to which every outcome is recorded."""
        return self._place.reached

    def step(self) -> int:
        """Send the alerts and all-clears of the next page. Return how many events it had."""
        head = self._store.head()  # what is appended from here on is not passed over
        page = self._store.read(self.position, PAGE, stop=head, topics=TOPICS)
        for topic, deliver in (("Alert.Raised", self._deliver), ("Alert.Ended", self._clear)):
            ids = [recorded.stream for recorded in page if recorded.topic == topic]
            for delivery in [self._hands.submit(deliver, alert_id) for alert_id in ids]:
                delivery.result()
                self._pulse.turn()  # a page of deliveries to dead channels takes its time
        for recorded in page:
            if recorded.topic == "User.ChannelRemoved":
                self._opened.end(Cause.CHANNEL_DEAD, str(recorded.event.channel))
        reached = page[-1].position if len(page) == PAGE else head
        self._place.move(max(reached, self.position))
        self._place.keep(at_once=bool(page))
        return len(page)

    def _deliver(self, alert_id: Any) -> None:
        alert = self._store.get(Alert, alert_id)
        self._opened.meet(alert)
        if alert.cause is Cause.DAILY_HEAD:
            self._opened.end(Cause.BACKUP_FAILED, "")
        title, body = text_of(self._language(alert), alert.cause, alert.severity, alert.facts, alert.sides)
        self._log.info("alert", request_id=alert.key, cause=alert.cause, user=alert.user)
        for channel in self._channels(alert):
            if channel.name not in alert.sent:
                self._send(alert, channel, title, body)

    def _clear(self, alert_id: Any) -> None:
        """Send the all-clear to the channels that had the alert, unless it ended long after that."""
        alert = self._store.get(Alert, alert_id)
        if utc_now() - alert.created_on > ALL_CLEAR_WITHIN:
            return
        title, body = all_clear_of(self._language(alert), alert.cause, alert.facts)
        for channel in self._channels(alert):
            if channel.name in alert.sent:
                reason = self._house.send(channel.address, title, body)
                self._log.info("all_clear", request_id=alert.key, cause=alert.cause, failed=reason)

    def _language(self, alert: Alert) -> str:
        return self._store.get(User, User.create_id(alert.user)).preferences.language

    def _channels(self, alert: Alert) -> Sequence[Channel]:
        """Return the channels of an alert's user. An alert about a dead channel goes to the others."""
        known = self._house.channels.of(alert.user)
        silent = alert.facts.get("id") if alert.cause is Cause.CHANNEL_DEAD else None
        return [channel for channel in known if str(channel.id) != silent]

    def _send(self, alert: Alert, channel: Channel, title: str, body: str) -> None:
        reason: str | None = None
        for pause in PAUSES[:1] if str(channel.id) in self._dead else PAUSES:
            time.sleep(pause)
            reason = self._house.send(channel.address, title, body)
            self._record(alert, channel, reason)
            if reason is None:
                self._dead.discard(str(channel.id))
                self._opened.end(Cause.CHANNEL_DEAD, str(channel.id))
                return
        if str(channel.id) not in self._dead:
            self._dead.add(str(channel.id))
            # The name is the user's own word, which belongs into no clear text: the service's name says enough.
            facts = {"channel": service_of(channel.address), "id": str(channel.id), "reason": reason or ""}
            tell(self._store, alert.user, Cause.CHANNEL_DEAD, f"{channel.id}/{alert.id}", facts)

    def _record(self, alert: Alert, channel: Channel, reason: str | None) -> None:
        @on_fresh_state
        def record() -> None:
            fresh = self._store.get(Alert, alert.id)
            with carrying(user=str(alert.user), source=NAME, correlation_id=alert.key, causation_id=str(alert.id)):
                fresh.record_sent(channel.name) if reason is None else fresh.record_failure(channel.name, reason)
                self._store.save(fresh)

        record()

    def cry_that_log_is_locked(self, holder: str) -> None:
        """Tell every channel at once what the log cannot take now. It is recorded, and sent again, once it can."""
        cause, facts = Cause.LOG_LOCKED, {"holder": holder}
        severity = LOUDNESS[cause]
        for number in registry_of(self._store).users:
            user = self._store.get(User, User.create_id(number))
            if user.enabled:
                title, body = text_of(user.preferences.language, cause, severity, facts)
                for channel in self._house.channels.of(number):
                    self._hands.submit(self._house.send, channel.address, title, body)

    def close(self) -> None:
        """Let deliveries under way end."""
        self._hands.shutdown()


def _watch(watch: Watch, log: Any, stopping: threading.Event, pulse: Pulse) -> None:
    while not stopping.wait(WATCH_SECONDS):
        try:
            watch.look()
            pulse.turn()
        except AWAY as error:
            log.warning("database_away", error=str(error))
        except Exception:
            log.exception("watch_failed")


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the alerts terminal until `stopping`."""
    opened = OpenAlerts(house.store, log)
    sending, watching = Pulse(), Pulse()
    herald = Herald(house, log, opened, sending)
    lookout = Lookout(Standstill(house.bus, house.store), log, herald.cry_that_log_is_locked)
    watch = Watch(house, log, opened, lookout)
    watch.remember_myself()

    def figures() -> dict[str, Any]:
        return {"position": herald.position, "log_held_by": lookout.holder}

    beat(house.bus, NAME, figures, stopping, sending, watching)
    lookout.watch(stopping)
    threading.Thread(target=_watch, args=(watch, log, stopping, watching), name="watch", daemon=True).start()
    follow(lambda: herald.step() > 0, log, stopping, sending, seconds=LOOK_SECONDS)
    herald.close()
