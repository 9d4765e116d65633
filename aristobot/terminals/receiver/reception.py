"""Reception: the way of deliveries from the door into the log, or onto disk while PostgreSQL is away."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.spool import Delivery, Spool
from adapters.vault.tokens import Owner
from application.webhooks.reception import Delivered, receive_all
from aristobot.following import AWAY
from aristobot.terminals.receiver.known_tokens import KnownTokens
from aristobot.terminals.receiver.refusals import Refusals
from aristobot.wiring import House, utc_now
from web.door import NotReady

MOST_TOGETHER = 200
"""The most deliveries in one append, which holds the log's lock; bodies may be long."""
DRAINING_SECONDS = 0.5
"""Seconds between two looks at the spool."""
MOST_UNPROVEN = 2000
"""Deliveries taken before it is known which tokens there are, so that strangers cannot fill the disk."""


@dataclass(eq=False)
class _Waiting:
    """A delivery and its answer: True once it is durable, False when its token belonged to nobody at its time."""

    delivery: Delivery
    answer: Future[bool] = field(default_factory=Future)


class Reception:
    """The path of deliveries from the door into the log, or into the spool while PostgreSQL is away.

    One writer appends them in the order of reception. Those that gather during one append form the next.
    """

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._log = log
        fernet = house.master.fernet
        self.spool = Spool(house.settings.home / "spool", fernet.encrypt, fernet.decrypt)
        self._waiting = deque[_Waiting]()
        self._queueing = threading.Lock()  # never held during anything slow, because the door's event loop waits for it
        self._spooling = threading.Lock()
        self._held = len(self.spool) > 0
        self._unproven = 0
        self._not_kept = 0
        self._lost = deque[datetime]()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self.tokens = KnownTokens(house.tokens, log)
        self.refusals = Refusals(house.pool, log)
        self.recognise, self.read_again = self.tokens.recognise, self.tokens.read_again
        self.refuse = self.refusals.count

    def take(self, token: str, body: bytes, address: str, received_at: datetime) -> Future[bool]:
        """Queue a delivery and return its future answer. No newer delivery overtakes it, not even in the spool."""
        one = _Waiting(Delivery(token, body, address, received_at))
        one.answer.set_running_or_notify_cancel()  # a sender that hangs up cannot cancel its delivery
        if self.recognise(token, received_at) is None:
            self._unproven += 1
            if self._unproven > MOST_UNPROVEN:
                self._lost.append(received_at)
                one.answer.set_exception(NotReady())
                return one.answer
        with self._queueing:
            self._waiting.append(one)
        self._writer.submit(self._write)
        return one.answer

    def lost(self) -> list[datetime]:
        """Return when deliveries were received that did not get into the log and will not by themselves, each once."""
        return [self._lost.popleft() for _ in range(len(self._lost))]

    @property
    def holds(self) -> bool:
        """True while deliveries wait on disk."""
        return self._held

    def keep(self) -> None:
        """Write all unanswered deliveries to disk in order, to be appended once PostgreSQL answers."""
        with self._spooling:
            waiting = self._unanswered()
            if not waiting:
                return
            if not self._held:
                self._log.warning("held", waiting=len(waiting))
            self._held = True
            for one, error in zip(waiting, self.spool.put_all([one.delivery for one in waiting]), strict=True):
                if error is not None:
                    self._not_kept += 1
                    self._lost.append(one.delivery.received_at)
                    self._log.error("not_kept", error=str(error))
                self._answer(one, said=True, error=error)

    def _write(self) -> None:
        """Append what has gathered. Deliveries that cannot be appended go to disk, with all that came after them."""
        batch = self._unanswered()[:MOST_TOGETHER]
        if not batch:
            return  # an earlier append included it
        if not self._held:
            try:
                self._append_each_if_need_be(batch)
            except AWAY as error:
                self._log.warning("spooling", error=str(error))
            except Exception:
                # Whatever is wrong, the delivery has arrived: it is kept, and tried once more from the spool.
                self._log.exception("delivery_failed")
            else:
                return
        self.keep()

    def _append_each_if_need_be(self, batch: Sequence[_Waiting]) -> None:
        try:
            self._append(batch, self.tokens.owners())
        except AWAY:
            raise
        except Exception:
            self._log.exception("append_failed", deliveries=len(batch))
            for one in batch:  # a fault in one of them must not delay those before it
                if not one.answer.done():
                    self._append([one], self.tokens.owners())

    def _append(self, batch: Sequence[_Waiting], owners: Mapping[bytes, Owner]) -> None:
        """Append deliveries and answer each as soon as it is in the log; answer False for a token of nobody's."""
        known, delivered = list[_Waiting](), list[Delivered]()
        for one in batch:
            said = one.delivery
            owner = self._house.tokens.owner_in(owners, said.token)
            if owner is not None and owner.held_at(said.received_at):
                known.append(one)
                delivered.append(Delivered(owner.user, said.body, said.address, said.received_at))
            else:
                self._answer(one, said=False)
        for one, webhook_id in zip(known, receive_all(self._house.store, delivered), strict=True):
            self._answer(one, said=True)
            self._log.info("received", request_id=str(webhook_id))

    def _unanswered(self) -> list[_Waiting]:
        """Return the unanswered deliveries in the order of reception."""
        with self._queueing:
            while self._waiting and self._waiting[0].answer.done():
                self._waiting.popleft()
            return [one for one in self._waiting if not one.answer.done()]

    def _answer(self, one: _Waiting, *, said: bool, error: OSError | None = None) -> None:
        """Answer a delivery unless it is answered already: a late append may find its delivery spooled meanwhile."""
        with self._queueing:
            if one.answer.done():
                return
            if error is None:
                one.answer.set_result(said)
            else:
                one.answer.set_exception(error)

    def drain(self, stopping: threading.Event) -> None:
        """Drain the spool in order whenever it holds something, until `stopping`."""
        pause = DRAINING_SECONDS
        while not stopping.wait(pause):
            pause = DRAINING_SECONDS
            if not self._held:
                continue
            try:
                count = self.spool.drain(self._drained, MOST_TOGETHER)
                with self._spooling:
                    self._held = len(self.spool) > 0
                self._log.info("drained", deliveries=count, held=self._held)
                if count and self._held:
                    pause = 0.0  # more came meanwhile: with a pause it might never be emptied
            except AWAY as error:
                self._log.warning("still_away", error=str(error))
            except Exception:
                self._log.exception("drain_failed")  # perhaps the disk: spooled deliveries simply keep waiting

    def _drained(self, deliveries: Sequence[Delivery]) -> None:
        """Append deliveries of the spool together, or each alone where one of them stands in the way of the others."""
        batch, owners = [_Waiting(delivery) for delivery in deliveries], self._house.tokens.owners()
        try:
            self._append(batch, owners)
        except AWAY:
            raise
        except Exception:
            self._log.exception("append_failed", deliveries=len(batch))
        for one in batch:
            if not one.answer.done():
                self._drain_alone(one, owners)
            elif not one.answer.result() and not self._is_forgotten(one.delivery, owners):
                self._log.warning("nobodys_delivery_set_aside", address=one.delivery.address)
                self.spool.set_aside(one.delivery)

    def _drain_alone(self, one: _Waiting, owners: Mapping[bytes, Owner]) -> None:
        try:
            self._append([one], owners)
        except AWAY:
            raise
        except Exception:
            self._log.exception("delivery_set_aside")
            self.spool.set_aside(one.delivery)
            self._lost.append(one.delivery.received_at)

    def _is_forgotten(self, delivery: Delivery, owners: Mapping[bytes, Owner]) -> bool:
        """Return True for a delivery of a forgotten person, which goes as everything of theirs does."""
        owner = self._house.tokens.owner_in(owners, delivery.token)
        if owner is None or not owner.forgotten:
            return False
        self._log.info("forgotten_delivery_dropped", user=owner.user)
        return True

    def forget(self) -> None:
        """Drop what was set aside of persons who are forgotten since. Raises `AWAY`."""
        owners = self._house.tokens.owners()
        for path, delivery in self.spool.set_aside_ones():
            if self._is_forgotten(delivery, owners):
                path.unlink(missing_ok=True)

    def figures(self) -> dict[str, Any]:
        """Return what waits on disk and for how many seconds, what was set aside, and what could not be kept."""
        waiting, oldest = len(self.spool), self.spool.oldest()
        age = None if oldest is None else round(max((utc_now() - oldest).total_seconds(), 0.0), 1)
        return {"spool": waiting, "spool_age": age, "aside": self.spool.aside, "not_kept": self._not_kept}
