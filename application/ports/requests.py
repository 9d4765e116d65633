"""Requests to the gateway, and the envelopes of requests and answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import uuid4

from domain.refusals import Refused

TIMEOUT_SECONDS = 30.0
"""Seconds for which a caller waits for the answer; an older request is not worth answering."""


class Action(StrEnum):
    """The action that a request asks for."""

    TEST_CONNECTION = "test_connection"
    LOAD_MARKETS = "load_markets"
    RECONCILE = "reconcile"
    QUERY_ORDER = "query_order"
    DAY_TICKERS = "day_tickers"
    """Return the last 24 hours of every market of a broker's exchange."""
    QUOTE = "quote"
    """Return the last price of one market of a broker's exchange, at most a second old."""
    CANDLES = "candles"
    """Load candles of the past into the store, in the background. The answer names the load."""
    CALCULATE_METRICS = "calculate_metrics"
    HALT = "halt"
    """Halt a user's automatic trading at once, and record it as soon as the database answers."""
    PANIC = "panic"
    """Halt as `HALT`, and record the panic `request` instead, from which everything is sold."""


@dataclass(frozen=True)
class Request:
    """One request. Keys among its parameters are sealed. A broker is accepted only if it belongs to the user."""

    user_id: int
    action: Action
    params: Mapping[str, Any]
    requester: str
    timestamp: float
    request_id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True)
class Answer:
    """One answer to a request: a step on the way (`progress`), or the end with `data` or an `error` and its code."""

    request_id: str
    progress: str | None = None
    success: bool | None = None
    data: Mapping[str, Any] | None = None
    error: str | None = None
    code: str | None = None


class GatewayAway(Refused):
    """The gateway does not answer: whether the request was carried out is not known."""

    code = "gateway_away"


ANSWERED_BY = {Action.CALCULATE_METRICS: "monitor"}
"""The terminal that answers an action; the gateway for any other."""


class Gateway(Protocol):
    """The way to the gateway and the other terminals that answer."""

    def ask(self, request: Request, seconds: float = TIMEOUT_SECONDS) -> Iterator[Answer]:
        """Send a request and yield the steps, then the end. Raises `GatewayAway` when it does not come in time."""
