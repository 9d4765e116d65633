"""A webhook: one alert of one user, from its delivery to its outcome."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.aggregate import Aggregate, Personal, event
from domain.refusals import Impossible

NOBODY = 0
"""The user who declines an entry that nobody has answered."""


class WebhookStatus(StrEnum):
    """The state of a webhook. `received`, `asked`, `approved` and `taken` are under way, the others are ends."""

    RECEIVED = "received"
    ASKED = "asked"
    APPROVED = "approved"
    TAKEN = "taken"
    EXECUTED = "executed"
    IGNORED = "ignored"
    REFUSED = "refused"
    FAILED = "failed"


_DECIDED = {"take": WebhookStatus.TAKEN, "ignore": WebhookStatus.IGNORED, "refuse": WebhookStatus.REFUSED}
LEADS: dict[WebhookStatus, dict[str, WebhookStatus]] = {
    WebhookStatus.RECEIVED: {**_DECIDED, "ask": WebhookStatus.ASKED},
    WebhookStatus.ASKED: {"approve": WebhookStatus.APPROVED, "decline": WebhookStatus.REFUSED},
    WebhookStatus.APPROVED: {**_DECIDED, "decline": WebhookStatus.REFUSED},
    WebhookStatus.TAKEN: {
        "execute": WebhookStatus.EXECUTED, "fail": WebhookStatus.FAILED, "ask": WebhookStatus.ASKED,
    },
}  # fmt: skip
"""The transition table: where each verb leads. The other states are final."""


class Webhook(Aggregate):
    """One delivered alert. `body` is what was delivered, byte for byte in the named encoding.

    `twin` is the paper broker that carries it out instead of the one it names, when it stands for another webhook.
    """

    @event("Received")
    def __init__(
        self,
        webhook_id: UUID,
        user: int,
        body: Personal,
        encoding: str,
        address: Personal,
        received_at: datetime,
        twin: int | None = None,
    ) -> None:
        self.webhook_id = webhook_id
        self.user = user
        self.body = body
        self.encoding = encoding
        self.received_at = received_at
        self.twin = twin
        self.answer_until: datetime | None = None
        self.approved_at: datetime | None = None
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

    def for_twin(self, twin_id: UUID, broker: int) -> Webhook:
        """Return a webhook that says the same, and is carried out on a paper broker."""
        return Webhook(
            twin_id, self.user, Personal(self.body), self.encoding, Personal(""), self.received_at, twin=broker
        )

    @property
    def raw(self) -> bytes:
        """The body as it was delivered."""
        return self.body.encode(self.encoding)

    @property
    def is_to_be_decided(self) -> bool:
        """True when it was received, or approved, and nothing has followed from that yet."""
        return self.status in {WebhookStatus.RECEIVED, WebhookStatus.APPROVED}

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

    def ask(self, until: datetime) -> None:
        """Record that its trader is asked whether to carry it out, and until when."""
        if self.status is WebhookStatus.ASKED:
            return
        self._must("ask")
        self._asked(until)

    def approve(self, by: int, at: datetime) -> None:
        """Record that its trader wants it carried out. Raises `Impossible` when the time to answer is over."""
        if self.status is WebhookStatus.APPROVED:
            return
        self._must("approve")
        if self.answer_until is not None and at > self.answer_until:
            raise Impossible("the time to approve it is over", code="approval_expired")
        self._approved(by, at)

    def decline(self, reason: str, by: int) -> None:
        """Record that it is not carried out: its trader declined it, or the time to answer is over.

        `by` is the user who decided, 0 for nobody.
        """
        if self.status is WebhookStatus.REFUSED:
            return
        self._must("decline")
        self._declined(reason, by)

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

    @event("Asked")
    def _asked(self, until: datetime) -> None:
        self.status, self.answer_until = WebhookStatus.ASKED, until

    @event("Approved")
    def _approved(self, by: int, at: datetime) -> None:
        self.status, self.approved_at = WebhookStatus.APPROVED, at

    @event("Declined")
    def _declined(self, reason: str, by: int) -> None:
        self.status, self.reason = WebhookStatus.REFUSED, reason

    @event("Executed")
    def _executed(self, orders: list[UUID]) -> None:
        self.status, self.orders = WebhookStatus.EXECUTED, orders

    @event("Failed")
    def _failed(self, reason: str, detail: Personal) -> None:
        self.status, self.reason = WebhookStatus.FAILED, reason
