"""Answering: how a terminal serves the requests that come to it over the bus, one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from adapters.bus import Bus
from application.ports.requests import TIMEOUT_SECONDS, Answer, Request
from aristobot.following import AWAY

Calculate = Callable[[Request], Mapping[str, Any]]


def answer_requests(
    bus: Bus,
    terminal: str,
    calculate: Calculate,
    log: Any,
    stopping: threading.Event,
    *invalid: type[Exception],
) -> None:
    """Answer the requests to a terminal until `stopping`. An error of `invalid` says that the request is not valid.

    A request that nobody waits for any more is left alone: whoever asked has given up.

    No request ends the terminal: any other error is logged, and answered by its name.
    """
    while not stopping.is_set():
        request = bus.next_request(terminal)
        if request is None or time.time() - request.timestamp > TIMEOUT_SECONDS:
            continue
        try:
            answer = Answer(request.request_id, success=True, data=calculate(request))
        except invalid as error:
            answer = Answer(request.request_id, success=False, error=str(error), code="invalid")
        except AWAY as error:
            answer = Answer(request.request_id, success=False, error=str(error), code="database_away")
        except Exception as error:
            log.exception("request_failed", request_id=request.request_id)
            answer = Answer(request.request_id, success=False, error=type(error).__name__, code="internal_error")
        log.info(
            "answered", request_id=request.request_id, action=request.action, success=answer.success, code=answer.code
        )
        bus.respond(answer)
