"""The receiver terminal: serves the webhook door and drains its spool when PostgreSQL is back."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import psycopg
import uvicorn
from psycopg_pool import PoolTimeout

from adapters.reference import count_refusal
from adapters.spool import Delivery, Spool
from application.signals import receive
from aristobot.liveness import beat
from aristobot.wiring import House
from web.receiver import Door

NAME = "receiver"
AWAY = (psycopg.OperationalError, PoolTimeout)


class Reception:
    """What the door does with a delivery: into the log, or into the spool while PostgreSQL is away."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._log = log
        fernet = house.master.fernet
        self.spool = Spool(house.settings.home / "spool", fernet.encrypt, fernet.decrypt)
        self._spooling = threading.Lock()
        self._held = len(self.spool) > 0

    def deliver(self, token: str, body: bytes, address: str, received_at: datetime) -> bool:
        """Durable when it returns. Nothing newer overtakes what waits in the spool."""
        delivery = Delivery(token, body, address, received_at)
        if not self._held:
            try:
                return self._append(delivery)
            except AWAY as error:
                self._log.warning("spooling", error=str(error))
            except Exception:
                # Whatever is wrong with it, it was delivered: it is kept, and tried once more from the spool.
                self._log.exception("delivery_failed")
        self.keep(token, body, address, received_at)
        return True

    def keep(self, token: str, body: bytes, address: str, received_at: datetime) -> None:
        """Durable on disk when it returns, to be appended once PostgreSQL answers."""
        with self._spooling:
            self._held = True
            self.spool.put(Delivery(token, body, address, received_at))

    def _append(self, delivery: Delivery) -> bool:
        user = self._house.vault.user_of_token(delivery.token)
        if user is None:
            return False
        webhook_id = receive(self._house.store, user, delivery.body, delivery.address, delivery.received_at)
        self._log.info("received", request_id=str(webhook_id))
        return True

    def count(self, reason: str, address: str) -> None:
        """A refusal at the door; while PostgreSQL is away it is only logged."""
        self._log.warning("refused_at_the_door", reason=reason, address=address)
        try:
            count_refusal(self._house.pool, "webhook", reason, address)
        except AWAY as error:
            self._log.warning("refusal_not_counted", error=str(error))

    def drain(self, stopping: threading.Event) -> None:
        """Empty the spool in its order, again and again."""
        while not stopping.wait(0.5):
            if not self._held:
                continue
            try:
                count = self.spool.drain(self._drained)
                with self._spooling:
                    self._held = len(self.spool) > 0
                self._log.info("drained", deliveries=count)
            except AWAY as error:
                self._log.warning("still_away", error=str(error))
            except Exception:
                self._log.exception("drain_failed")  # the disk, perhaps: what waits there goes on waiting

    def _drained(self, delivery: Delivery) -> None:
        try:
            if not self._append(delivery):
                self.count("wrong_token", delivery.address)
        except AWAY:
            raise
        except Exception:
            self._log.exception("delivery_set_aside")
            self.spool.set_aside(delivery)


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Until `stopping`."""
    reception = Reception(house, log)
    beat(house.bus, NAME, lambda: {"spool": len(reception.spool) + reception.spool.aside}, stopping)
    threading.Thread(target=reception.drain, args=(stopping,), name="drain", daemon=True).start()
    server = uvicorn.Server(
        uvicorn.Config(
            Door(reception.deliver, reception.keep, reception.count),
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
    """Serve until `stopping`: requests under way are finished first."""

    def watch() -> None:
        stopping.wait()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    server.run()
    stopping.set()
