"""A terminal answers the requests that come over the bus, and none of them ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from adapters.bus import Bus
from application.ports.requests import TIMEOUT_SECONDS, Action, Answer, Request
from aristobot.answering import answer_requests
from tests.support.log import Log

Ask = Callable[..., Answer]


@pytest.fixture
def ask(valkey: Any) -> Iterator[Ask]:
    """Return `ask(calculate)`, the last answer of a terminal that calculates so."""
    bus, stopping = Bus(valkey.url), threading.Event()
    behind: dict[str, Any] = {}

    def calculated(request: Request) -> Any:
        return behind["calculate"](request)

    given = (bus, "monitor", calculated, Log(), stopping, LookupError)
    terminal = threading.Thread(target=answer_requests, args=given)
    terminal.start()

    def asked(calculate: Callable[[Request], Any] = lambda request: dict(request.params), ago: float = 0) -> Answer:
        behind["calculate"] = calculate
        request = Request(1, Action.CALCULATE_METRICS, {"a": 1}, "web", time.time() - ago)
        *_, end = Bus(valkey.url).ask(request, 20 if not ago else 1)
        return end

    yield asked
    stopping.set()
    terminal.join(20)


def raising(error: Exception) -> Callable[[Request], Any]:
    def calculate(_: Request) -> Any:
        raise error

    return calculate


def test_a_request_is_answered(ask: Ask) -> None:
    end = ask()
    assert (end.success, end.data) == (True, {"a": 1})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("no such thing"), "invalid"), (psycopg.OperationalError("gone"), "database_away"),
        (RuntimeError("broken"), "internal_error"),
    ],
)  # fmt: skip
def test_a_fault_is_told_and_ends_nothing(ask: Ask, error: Exception, code: str) -> None:
    end = ask(raising(error))
    assert (end.success, end.data, end.code) == (False, None, code)
    assert ask().success


def test_a_request_for_which_nobody_waits_is_left_alone(ask: Ask) -> None:
    with pytest.raises(Exception, match="answer"):
        ask(ago=TIMEOUT_SECONDS + 1)
    assert ask().success
