"""Names: the client ids by which exchanges know our orders, at most 32 characters that every exchange takes.

Each is made once, when its order is placed, and tells by its letters what the order is for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

OURS = "ARISTO_"
"""What every name of ours begins with."""


def wish_name(user: int, order_id: UUID, now: datetime) -> str:
    """Return the name of an order that an alert or a person wishes for: its user, the time (UTC) and a short id."""
    return f"{OURS}{user}_{now.astimezone(UTC):%y%m%d%H%M%S}_{order_id.hex[:8]}"


def follow_up_name(user: int, order_id: UUID) -> str:
    """Return the name of an order that goes on with another one: what was left of it, or a second try."""
    return f"{OURS}{user}_R_{order_id.hex[:16]}"


def leg_name(user: int, order_id: UUID) -> str:
    """Return the name of an order that protects a position."""
    return f"{OURS}{user}_P_{order_id.hex[:16]}"


def list_name(user: int, list_id: UUID) -> str:
    """Return the name of a list of two orders of which the first execution ends the other."""
    return f"{OURS}{user}_OCO_{list_id.hex[:12]}"
