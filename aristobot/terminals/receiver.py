"""The receiver terminal: serves the webhook door and drains its spool when PostgreSQL is back."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import uvicorn

from adapters.spool import Delivery, Spool
from adapters.tables.reference import count_refusal
from application.webhooks.reception import Delivered, receive_all
from aristobot.following import AWAY
from aristobot.supervision.liveness import beat
from aristobot.wiring import House
from web.door import Door

NAME = "receiver"
STUCK_MILLISECONDS = 20_000
MOST_TOGETHER = 200
"""The most deliveries in one append, which holds the log's lock; bodies may be long."""
DRAINING_SECONDS = 0.5
"""Seconds between two looks at the spool."""


@dataclass(eq=False)
class _Waiting:
    """A delivery and its answer: True once it is durable, False when its token belongs to no user."""

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
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")

    def take(self, token: str, body: bytes, address: str, received_at: datetime) -> Future[bool]:
        """Queue a delivery and return its future answer. No newer delivery overtakes it, not even in the spool."""
        one = _Waiting(Delivery(token, body, address, received_at))
        one.answer.set_running_or_notify_cancel()  # a sender that hangs up cannot cancel its delivery
        with self._queueing:
            self._waiting.append(one)
        self._writer.submit(self._write)
        return one.answer

    def keep(self) -> None:
        """Write all unanswered deliveries to disk in order, to be appended once PostgreSQL answers."""
        with self._spooling:
            waiting = self._unanswered()
            if not waiting:
                return
            self._held = True
            for one, error in zip(waiting, self.spool.put_all([one.delivery for one in waiting]), strict=True):
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
            self._append(batch)
        except AWAY:
            raise
        except Exception:
            self._log.exception("append_failed", deliveries=len(batch))
            for one in batch:  # a fault in one of them must not delay those before it
                if not one.answer.done():
                    self._append([one])

    def _append(self, batch: Sequence[_Waiting]) -> None:
        """Append deliveries and answer each as soon as it is in the log; answer False for an unknown token."""
        users = self._house.vault.users_of_tokens({one.delivery.token for one in batch})
        for one in batch:
            if one.delivery.token not in users:
                self._answer(one, said=False)
        known = [one for one in batch if one.delivery.token in users]
        delivered = [
            Delivered(users[d.token], d.body, d.address, d.received_at) for d in (one.delivery for one in known)
        ]
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

    def count(self, reason: str, address: str) -> None:
        """Count a refusal at the door; while PostgreSQL is away, only log it."""
        self._log.warning("refused_at_the_door", reason=reason, address=address)
        try:
            count_refusal(self._house.pool, "webhook", reason, address)
        except AWAY as error:
            self._log.warning("refusal_not_counted", error=str(error))

    def drain(self, stopping: threading.Event) -> None:
        """Drain the spool in order whenever it holds something, until `stopping`."""
        pause = DRAINING_SECONDS
        while not stopping.wait(pause):
            pause = DRAINING_SECONDS
            if not self._held:
                continue
            try:
                count = self.spool.drain(self._drained)
                with self._spooling:
                    self._held = len(self.spool) > 0
                self._log.info("drained", deliveries=count)
                if count and self._held:
                    pause = 0.0  # more came meanwhile: with a pause it might never be emptied
            except AWAY as error:
                self._log.warning("still_away", error=str(error))
            except Exception:
                self._log.exception("drain_failed")  # perhaps the disk: spooled deliveries simply keep waiting

    def _drained(self, delivery: Delivery) -> None:
        one = _Waiting(delivery)
        try:
            self._append([one])
            if not one.answer.result():
                self.count("wrong_token", delivery.address)
        except AWAY:
            raise
        except Exception:
            self._log.exception("delivery_set_aside")
            self.spool.set_aside(delivery)


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the receiver until `stopping`."""
    reception = Reception(house, log)
    beat(house.bus, NAME, lambda: {"spool": len(reception.spool) + reception.spool.aside}, stopping)
    threading.Thread(target=reception.drain, args=(stopping,), name="drain", daemon=True).start()
    server = uvicorn.Server(
        uvicorn.Config(
            Door(reception.take, reception.keep, reception.count),
            host=house.settings.host,
            port=house.settings.webhook_port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    serve_until(server, stopping)


def serve_until(server: uvicorn.Server, stopping: threading.Event) -> None:
    """Serve until `stopping`, and finish requests under way. Sets `stopping` when the server ends by itself."""

    def watch() -> None:
        stopping.wait()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    listening = server.config.bind_socket()
    # Connections inherit it. Nothing else ends one whose other end is there, but takes nothing more.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MILLISECONDS)
    server.run(sockets=[listening])
    stopping.set()
