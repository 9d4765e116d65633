"""Commands: retrying a command on fresh state when another process saved first."""

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
    """Retry a command on `Conflict`, so that a person never hears that the gateway was a millisecond faster.

    The command must load what it changes. Raises `Conflict` when the last of `TRIES` attempts meets one.
    """

    @wraps(command)
    def carried_out(*given: P.args, **named: P.kwargs) -> R:
        for attempt in range(TRIES - 1):
            try:
                return command(*given, **named)
            except Conflict:
                time.sleep(_PAUSE * 2**attempt)
        return command(*given, **named)

    return carried_out
