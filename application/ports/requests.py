"""What the gateway can be asked, and the envelopes in which requests and answers travel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import uuid4

from domain.refusals import Refused

TIMEOUT_SECONDS = 30.0
"""How long a request is worth answering, and how long whoever asks waits."""


class Action(StrEnum):
    """What is asked for."""

    TEST_CONNECTION = "test_connection"
    LOAD_MARKETS = "load_markets"
    RECONCILE = "reconcile"
    QUERY_ORDER = "query_order"
    CALCULATE_METRICS = "calculate_metrics"


@dataclass(frozen=True)
class Request:
    """One request. Keys among its parameters are sealed; the broker is looked up together with the user."""

    user_id: int
    action: Action
    params: Mapping[str, Any]
    requester: str
    timestamp: float
    request_id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True)
class Answer:
    """A step on the way (`progress`), or the end: `data`, or an error with its code."""

    request_id: str
    progress: str | None = None
    success: bool | None = None
    data: Mapping[str, Any] | None = None
    error: str | None = None
    code: str | None = None


class GatewayAway(Refused):
    """The gateway does not answer; nothing is known about what was asked."""

    code = "gateway_away"


ANSWERED_BY = {Action.CALCULATE_METRICS: "monitor"}
"""Which terminal is asked; the gateway unless it stands here."""


class Gateway(Protocol):
    """The way to the gateway and the monitor."""

    def ask(self, request: Request, seconds: float = TIMEOUT_SECONDS) -> Iterator[Answer]:
        """The steps and then the end. Raises `GatewayAway` when it does not come in time."""
