"""Requests to other terminals over the bus."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from application.ports.requests import Action, Request
from domain.refusals import Impossible
from web.context import Context

REQUESTER = "web"


def ask(context: Context, user: int, action: Action, params: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Send a request and return the data of its answer, waiting at most `seconds`.

    Raises `Impossible` with the answer's code when the request failed, `GatewayAway` when no answer comes in time.
    """
    *_, answer = context.platform.gateway.ask(Request(user, action, params, REQUESTER, time.time()), seconds)
    if not answer.success or answer.data is None:
        raise Impossible(answer.error or f"{action} was not answered", code=answer.code)
    return dict(answer.data)
