"""Errors of exchanges: refusals, proof that nothing was carried out, and silence."""

from __future__ import annotations

from domain.aggregate import Personal


class ExchangeError(Exception):
    """A failure on the way to an exchange or in its answer."""

    def __init__(self, message: str, *, code: str = "", raw: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.raw = Personal(raw or message)


class RefusedByExchange(ExchangeError):
    """A definite refusal by the exchange. `code` is one of the platform's reasons."""


class NotAccepted(ExchangeError):
    """Proof that the request was not carried out, so it may be repeated (nothing written, 429, refused timestamp)."""


class NoAnswer(ExchangeError):
    """No answer, or one that says nothing: the request may or may not have been carried out."""


class Unreadable(NoAnswer):
    """An answer that cannot be understood."""


class OrderNotFound(ExchangeError):
    """The exchange does not show the order at this moment. That alone proves nothing."""
