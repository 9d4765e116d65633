"""Names: the client ids of our orders, at most 32 characters long and acceptable to every exchange.

Each is made once, when its order is placed, and its letters show the purpose of the order.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

OURS = "ARISTO_"
"""The prefix of every name of ours."""


def wish_name(user: int, order_id: UUID, now: datetime) -> str:
    """Return the name of an order that an alert or a person wants: its user, the time (UTC) and a short id."""
    return f"{OURS}{user}_{now.astimezone(UTC):%y%m%d%H%M%S}_{order_id.hex[:8]}"


def follow_up_name(user: int, order_id: UUID) -> str:
    """Return the name of an order that continues another: for its remainder, or as a second attempt."""
    return f"{OURS}{user}_R_{order_id.hex[:16]}"


def leg_name(user: int, order_id: UUID) -> str:
    """Return the name of an order that protects a position."""
    return f"{OURS}{user}_P_{order_id.hex[:16]}"


def list_name(user: int, list_id: UUID) -> str:
    """Return the name of a list: two orders, where the first execution of one ends the other."""
    return f"{OURS}{user}_OCO_{list_id.hex[:12]}"
