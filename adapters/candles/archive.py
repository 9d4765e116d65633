"""The archive of candle blocks beside the backups: each block is a file, named by its hash, and copied once.

A dump names the blocks, and holds none: years of candles would be in each of thirty dumps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psycopg import Connection

from adapters.candles.blocks import hash_of
from adapters.database.settling import settle

FOLDER = "candles"
LEFT_OUT = ("service.candle_bytes", "service.derived_blocks")
"""The tables whose rows no dump holds."""
_AT_ONCE = 100


class Archive:
    """The blocks in one folder of backups."""

    def __init__(self, backups: Path) -> None:
        self._folder = backups / FOLDER

    def _file(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self._folder / name[:2] / f"{name}.block"

    def fill(self, connection: Connection[Any]) -> int:
        """Copy every block that is not here yet, and return how many were. A file is there as a whole or not at all."""
        rows = connection.execute("SELECT DISTINCT sha256 FROM service.candle_blocks").fetchall()
        missing = [row[0] for row in rows if not self._file(row[0]).exists()]
        for start in range(0, len(missing), _AT_ONCE):
            for sha256, data in _bytes_of(connection, missing[start : start + _AT_ONCE]):
                file = self._file(sha256)
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                part = file.with_suffix(".part")
                part.write_bytes(data)
                settle(part, file)
        return len(missing)

    def restore(self, connection: Connection[Any]) -> int:
        """Put the blocks that the database names back into it, and return how many are lost.

        Those can be loaded from their exchange again.
        """
        rows = connection.execute("SELECT DISTINCT sha256 FROM service.candle_blocks").fetchall()
        lost = 0
        for (sha256,) in rows:
            data = self._read(sha256)
            if data is None:
                lost += 1
                continue
            with connection.cursor(binary=True) as cursor:
                cursor.execute(
                    "INSERT INTO service.candle_bytes VALUES (%s, %s) ON CONFLICT DO NOTHING", (sha256, data)
                )
        return lost

    def _read(self, sha256: bytes) -> bytes | None:
        """Return a block, None when it is not here or is not the one its name says."""
        try:
            data = self._file(sha256).read_bytes()
        except FileNotFoundError:
            return None
        return data if hash_of(data) == sha256 else None


def _bytes_of(connection: Connection[Any], hashes: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    with connection.cursor(binary=True) as cursor:
        yield from cursor.execute("SELECT sha256, data FROM service.candle_bytes WHERE sha256 = ANY(%s)", (hashes,))
