"""Known tokens: the hashes of all webhook tokens in memory, by which the door refuses strangers without the log."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import Any

import psycopg

from adapters.vault.tokens import Owner, TokenTable

READ_EVERY = 1.0
"""Seconds between two reads of the table that nobody has asked for: as long as a replaced token can still be good."""
PAUSE_SECONDS = 0.02
"""Seconds between two reads, however many ask: strangers cost the database at most fifty small queries a second."""


class KnownTokens:
    """All tokens as last read. One that is not among them is looked for once more before it is refused.

    All who ask at once share one read, so a flood of strangers costs little. While the database is away, no new token
    can have been made, and memory alone decides.
    """

    def __init__(self, table: TokenTable, log: Any) -> None:
        self._table = table
        self._log = log
        self._owners: Mapping[bytes, Owner] | None = None
        self._asking = threading.Lock()
        self._asked = threading.Event()
        self._next: Future[None] = Future()
        self._away = False

    def recognise(self, token: str, received_at: datetime) -> bool | None:
        """Return whether a token is valid at that moment (UTC), or None while the table was never read."""
        if self._owners is None:
            return None
        owner = self._table.owner_in(self._owners, token)
        return owner is not None and owner.held_at(received_at)

    def owners(self) -> Mapping[bytes, Owner]:
        """Return all owners as last read: within a second of any change. Raises `AWAY` when they never were."""
        return self._table.owners() if self._owners is None else self._owners

    def read_again(self) -> Future[None]:
        """Ask for a read that begins after this call. The future is done when it has ended, well or badly."""
        with self._asking:
            self._asked.set()
            return self._next

    def keep(self, stopping: threading.Event) -> None:
        """Read the table now, whenever somebody asks, and now and then, until `stopping`."""
        while not stopping.is_set():
            with self._asking:
                self._asked.clear()
                asked, self._next = self._next, Future()
            self._read()
            asked.set_result(None)
            stopping.wait(PAUSE_SECONDS)
            self._asked.wait(READ_EVERY)

    def _read(self) -> None:
        try:
            self._owners = self._table.owners()
        except psycopg.Error as error:  # whatever it is, the next read may succeed
            if not self._away:
                self._log.warning("tokens_not_read", error=str(error))
            self._away = True
        else:
            self._away = False
