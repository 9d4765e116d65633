"""Errors of exchanges: refusals, proof that nothing was carried out, and silence."""

from __future__ import annotations

from typing import ClassVar

from domain.aggregate import Personal


class ExchangeError(Exception):
    """A failure on the way to an exchange or in its answer. `code` is one of the platform's reasons."""

    CODE: ClassVar = "no_answer"
    """The code of an error of this kind that has none of its own."""

    def __init__(self, message: str, *, code: str = "", raw: str = "") -> None:
        super().__init__(message)
        self.code = code or self.CODE
        self.raw = Personal(raw or message)


class RefusedByExchange(ExchangeError):
    """A definite refusal by the exchange."""

    CODE = "refused_by_exchange"


class NotAccepted(ExchangeError):
    """Proof that the request was not carried out, so it may be repeated (nothing written, 429, refused timestamp)."""

    CODE = "not_accepted"


class NoAnswer(ExchangeError):
    """No answer, or one that says nothing: the request may or may not have been carried out."""


class Unreadable(NoAnswer):
    """An answer that cannot be understood."""

    CODE = "unreadable"


class OrderNotFound(ExchangeError):
    """The exchange does not show the order at this moment. That alone proves nothing."""

    CODE = "order_not_found"
