"""Refused attempts that cannot be attributed to a user: counted by door, reason and address."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg_pool import ConnectionPool

Counts = Mapping[tuple[str, str], int]
"""The number of refusals by reason and address."""


def count_refusals(pool: ConnectionPool, door: str, counts: Counts) -> None:
    """Add refusals at one door to those counted before, in one statement."""
    reasons, addresses = [reason for reason, _ in counts], [address for _, address in counts]
    with pool.connection() as connection:
        connection.execute(
            "SELECT service.count_refusals(%s, %s, %s, %s)", (door, reasons, addresses, [*counts.values()])
        )
