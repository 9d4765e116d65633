"""A webhook: one alert of one user, from its delivery to its outcome."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.aggregate import Aggregate, Personal, event
from domain.refusals import Impossible


class WebhookStatus(StrEnum):
    """The state of a webhook. `received` and `taken` are under way, the others are ends."""

    RECEIVED = "received"
    TAKEN = "taken"
    EXECUTED = "executed"
    IGNORED = "ignored"
    REFUSED = "refused"
    FAILED = "failed"


LEADS: dict[WebhookStatus, dict[str, WebhookStatus]] = {
    WebhookStatus.RECEIVED: {
        "take": WebhookStatus.TAKEN, "ignore": WebhookStatus.IGNORED, "refuse": WebhookStatus.REFUSED,
    },
    WebhookStatus.TAKEN: {"execute": WebhookStatus.EXECUTED, "fail": WebhookStatus.FAILED},
}  # fmt: skip
"""The transition table: where each verb leads. The other states are final."""


class Webhook(Aggregate):
    """One delivered alert. `body` is what was delivered, byte for byte in the named encoding."""

    @event("Received")
    def __init__(
        self,
        webhook_id: UUID,
        user: int,
        body: Personal,
        encoding: str,
        address: Personal,
        received_at: datetime,
    ) -> None:
        self.webhook_id = webhook_id
        self.user = user
        self.body = body
        self.encoding = encoding
        self.received_at = received_at
        self.status = WebhookStatus.RECEIVED
        self.reason: str | None = None
        self.repeats = 0
        self.orders: list[UUID] = []

    @staticmethod
    def create_id(webhook_id: UUID) -> UUID:
        """Return the given id, which stands for the alert's content: a second delivery finds the first one's stream."""
        return webhook_id

    @classmethod
    def receive(cls, webhook_id: UUID, user: int, body: bytes, address: str, received_at: datetime) -> Webhook:
        """Record a delivery as it came. A body that is not UTF-8 is kept as Latin-1, which loses no byte."""
        try:
            text, encoding = body.decode(), "utf-8"
        except UnicodeDecodeError:
            text, encoding = body.decode("latin-1"), "latin-1"
        return cls(webhook_id, user, Personal(text), encoding, Personal(address), received_at)

    @property
    def raw(self) -> bytes:
        """The body as it was delivered."""
        return self.body.encode(self.encoding)

    @property
    def is_under_way(self) -> bool:
        """True when it was taken and its outcome is not known yet."""
        return self.status is WebhookStatus.TAKEN

    def _must(self, verb: str) -> None:
        if verb not in LEADS.get(self.status, {}):
            raise Impossible(f"a webhook that was {self.status} cannot {verb}", code=f"webhook_{self.status}")

    def repeat(self, received_at: datetime) -> None:
        """Record that the same alert was delivered again. The repetition is shown, never executed."""
        self._repeated(received_at)

    def take(self, orders: list[UUID]) -> None:
        """Record that it is to be carried out by these orders."""
        if self.status is WebhookStatus.TAKEN and self.orders == orders:
            return
        self._must("take")
        self._taken(orders)

    def ignore(self, reason: str) -> None:
        """Record that nothing is to be done: a ping, a halt, an alert that is too old."""
        if self.status is WebhookStatus.IGNORED:
            return
        self._must("ignore")
        self._ignored(reason)

    def refuse(self, reason: str, detail: str) -> None:
        """Record that it cannot be carried out as it stands. `detail` may quote the delivery."""
        if self.status is WebhookStatus.REFUSED:
            return
        self._must("refuse")
        self._refused(reason, Personal(detail))

    def execute(self, orders: list[UUID]) -> None:
        """Record that the exchange has its orders."""
        if self.status is WebhookStatus.EXECUTED:
            return
        self._must("execute")
        self._executed(orders)

    def fail(self, reason: str, detail: str) -> None:
        """Record that its order came to nothing: refused before sending, or by the exchange."""
        if self.status is WebhookStatus.FAILED:
            return
        self._must("fail")
        self._failed(reason, Personal(detail))

    @event("Repeated")
    def _repeated(self, received_at: datetime) -> None:
        self.repeats += 1

    @event("Taken")
    def _taken(self, orders: list[UUID]) -> None:
        self.status, self.orders = WebhookStatus.TAKEN, orders

    @event("Ignored")
    def _ignored(self, reason: str) -> None:
        self.status, self.reason = WebhookStatus.IGNORED, reason

    @event("Refused")
    def _refused(self, reason: str, detail: Personal) -> None:
        self.status, self.reason = WebhookStatus.REFUSED, reason

    @event("Executed")
    def _executed(self, orders: list[UUID]) -> None:
        self.status, self.orders = WebhookStatus.EXECUTED, orders

    @event("Failed")
    def _failed(self, reason: str, detail: Personal) -> None:
        self.status, self.reason = WebhookStatus.FAILED, reason
