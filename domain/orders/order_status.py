"""The states of an order, and the transition table: where each verb leads from each state."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The state of an order. `unknown` follows `submitted` and may lead anywhere; a `refused` order was never sent."""

    PLACED = "placed"
    REFUSED = "refused"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


ENDED = frozenset({Status.REFUSED, Status.CLOSED, Status.CANCELLED, Status.EXPIRED, Status.REJECTED})
IN_DOUBT = frozenset({Status.SUBMITTED, Status.UNKNOWN})
"""The states of an order that was sent and may or may not exist at the exchange."""
LIVE = IN_DOUBT | {Status.OPEN}

OUTCOMES = frozenset({Status.OPEN, Status.CLOSED, Status.CANCELLED, Status.EXPIRED, Status.REJECTED})
"""The states that an exchange, or a person who looked there, can report for an order that was sent."""

_REPORTED = {
    "accept": Status.OPEN,
    "fill": Status.OPEN,
    "progress": Status.OPEN,
    "close": Status.CLOSED,
    "cancel": Status.CANCELLED,
    "expire": Status.EXPIRED,
    "reject": Status.REJECTED,
    "resolve": None,
}
_AFTER_THE_END = ("accept", "fill", "progress", "amend", "reject_cancel", "reject_amend")
"""Fills do arrive after an end. Only `correct` changes the state of an ended order, and it needs two reports."""


def _staying(status: Status, *verbs: str) -> dict[str, Status | None]:
    return dict.fromkeys(verbs, status)


LEADS: dict[Status, dict[str, Status | None]] = {
    Status.PLACED: {
        "refuse": Status.REFUSED, "submit": Status.SUBMITTED, **_staying(Status.PLACED, "request_cancel"),
    },
    Status.REFUSED: {},
    Status.SUBMITTED: {
        "defer": Status.PLACED, "doubt": Status.UNKNOWN, **_REPORTED,
        **_staying(Status.SUBMITTED, "request_cancel", "reject_cancel"),
    },
    Status.UNKNOWN: {**_REPORTED, **_staying(Status.UNKNOWN, "request_cancel", "reject_cancel")},
    Status.OPEN: {
        **_REPORTED,
        **_staying(Status.OPEN, "request_amend", "amend", "reject_amend", "request_cancel", "reject_cancel"),
    },
    **{
        end: {"correct": None, **_staying(end, *_AFTER_THE_END)}
        for end in (Status.CLOSED, Status.CANCELLED, Status.EXPIRED, Status.REJECTED)
    },
}  # fmt: skip
"""The transition table: for each state, the verbs that it allows and the state that each leads to.

None is a state that the verb itself names: a person's outcome, or what two agreeing reports say. A fill or an
amendment that leaves nothing to execute closes the order as well.
"""
