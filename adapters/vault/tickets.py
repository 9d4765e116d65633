"""Tickets on their way through a browser: sealed, so that what comes back is what was validated."""

from __future__ import annotations

import msgspec
from cryptography.fernet import InvalidToken

from adapters.vault.keys import MasterKey
from domain.refusals import NotFound
from domain.ticket import Ticket

KNOWN_SECONDS = 24 * 3600
"""Seconds for which a sealed ticket tells which order it has become."""


class TicketSeal:
    """Seals tickets with the master key. Nothing of them is stored."""

    def __init__(self, master: MasterKey) -> None:
        self._fernet = master.fernet

    def seal(self, ticket: Ticket) -> str:
        """Return a ticket as a text that fits into an address."""
        return self._fernet.encrypt(msgspec.json.encode(ticket)).decode()

    def unseal(self, sealed: str) -> Ticket:
        """Return the ticket of a text. Raises `NotFound` for any text that was not sealed here within a day."""
        try:
            return msgspec.json.decode(self._fernet.decrypt(sealed.encode(), ttl=KNOWN_SECONDS), type=Ticket)
        except (InvalidToken, msgspec.MsgspecError, ValueError) as error:
            raise NotFound("there is no such ticket") from error
