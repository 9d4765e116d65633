"""Each wrong password makes the next attempt wait longer."""

from __future__ import annotations

from typing import Any

from tests.support.clock import Clock
from web.access.throttle import FREE_TRIES, LONGEST_WAIT, Throttle, TooManyAttempts


def test_each_failure_doubles_the_wait() -> None:
    """A few attempts are free, the wait has a limit, and other addresses are not affected."""
    clock = Clock(1000.0)
    throttle, waits = Throttle(clock), []
    for _ in range(FREE_TRIES + 14):
        throttle.failed("192.0.2.1")
        began = clock.now
        while True:
            try:
                throttle.check("192.0.2.1")
            except TooManyAttempts:
                clock.now += 1
            else:
                break
        waits.append(clock.now - began)
    assert waits[: FREE_TRIES + 3] == [0.0] * (FREE_TRIES - 1) + [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST_WAIT
    throttle.check("192.0.2.2")
    throttle.succeeded("192.0.2.1")
    throttle.failed("192.0.2.1")
    throttle.check("192.0.2.1")


def test_after_some_wrong_passwords_every_further_try_waits(console: Any) -> None:
    """The response has its own error code, so the user does not take the password for wrong."""
    console.context.people.throttle._clock = Clock(1000.0)  # it stands still, so a wait never ends
    client = console.client()
    wrong = {"username": "alice", "password": "not hers"}
    answers = [client.post("/api/session", json=wrong) for _ in range(FREE_TRIES + 1)]
    assert [answer.status_code for answer in answers] == [401] * FREE_TRIES + [429]
    assert answers[-1].json()["code"] == "too_many_attempts"
