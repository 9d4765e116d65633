"""Commands: carried out again on fresh state when another process was faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from domain.refusals import Conflict

P = ParamSpec("P")
R = TypeVar("R")
TRIES = 8
_PAUSE = 0.005


def on_fresh_state(command: Callable[P, R]) -> Callable[P, R]:
    """For commands that load what they change: a person never hears that the gateway was a millisecond faster."""

    @wraps(command)
    def carried_out(*given: P.args, **named: P.kwargs) -> R:
        for attempt in range(TRIES - 1):
            try:
                return command(*given, **named)
            except Conflict:
                time.sleep(_PAUSE * 2**attempt)
        return command(*given, **named)

    return carried_out
