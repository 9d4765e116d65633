"""Shared data in the service tables: the markets of each exchange."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from domain.market import Market

_REMEMBERED_SECONDS = 30.0
_CHUNK = 100


class MarketTable:
    """The markets as last loaded by the gateway."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._known: dict[tuple[str, str], tuple[float, dict[str, Market]]] = {}

    def of(self, exchange: str, venue: str) -> Mapping[str, Market]:
        """Return the markets by native symbol; empty until they are loaded."""
        known = self._known.get((exchange, venue))
        if known is not None and known[1] and time.monotonic() - known[0] < _REMEMBERED_SECONDS:
            return known[1]
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT rules FROM service.markets WHERE exchange = %s AND venue = %s", (exchange, venue)
            ).fetchall()
        markets = [msgspec.convert(row[0], Market, strict=False) for row in rows]
        found = {market.native: market for market in markets}
        self._known[exchange, venue] = (time.monotonic(), found)
        return found

    def replace(
        self, exchange: str, venue: str, markets: Sequence[Market], told: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        """Replace the stored markets, dropping those no longer listed.

        `told` is called with the number of markets stored so far and of all.
        """
        rows = [
            (exchange, venue, m.symbol, m.native, m.base, m.quote, m.active, Jsonb(msgspec.to_builtins(m)))
            for m in markets
        ]
        with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM service.markets WHERE exchange = %s AND venue = %s", (exchange, venue))
            for start in range(0, len(rows), _CHUNK):
                told(start, len(rows))
                cursor.executemany(
                    "INSERT INTO service.markets (exchange, venue, symbol, native, base, quote, active, rules)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                    rows[start : start + _CHUNK],
                )
        self._known.pop((exchange, venue), None)
        told(len(rows), len(rows))
