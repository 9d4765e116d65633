"""Each try counts before it is looked at, and each wrong password makes the next try wait longer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.refusals import Invalid
from tests.support.clock import Clock
from web.access.throttle import (
    FREE_TRIES,
    FREE_TRIES_OF_A_NAME,
    LONGEST_WAIT,
    LONGEST_WAIT_OF_A_NAME,
    MOST_AT_ONCE,
    Throttle,
    TooManyAttempts,
)

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def wrong(throttle: Throttle, address: str = HERE, name: str = "alice") -> None:
    with throttle.trying(address, name):
        pass


def waits(throttle: Throttle, clock: Clock, address: str = HERE, name: str = "alice") -> float:
    """Try until the try is looked at, and return the seconds that this took."""
    began = clock.now
    while True:
        try:
            wrong(throttle, address, name)
        except TooManyAttempts:
            clock.now += 1
        else:
            return clock.now - began


def test_each_failure_doubles_the_wait() -> None:
    """A few attempts are free, the wait has a limit, and other addresses are not affected."""
    clock = Clock(1000.0)
    throttle = Throttle(clock)
    told = [waits(throttle, clock) for _ in range(FREE_TRIES + 14)]
    assert told[: FREE_TRIES + 4] == [0.0] * FREE_TRIES + [1.0, 2.0, 4.0, 8.0]
    assert told[-1] == LONGEST_WAIT
    assert waits(throttle, clock, ELSEWHERE) == 0
    clock.now += LONGEST_WAIT
    with throttle.trying(HERE, "alice") as tried:
        tried.is_right = True
    assert [waits(throttle, clock) for _ in range(FREE_TRIES)] == [0.0] * FREE_TRIES


def test_a_name_that_is_tried_from_everywhere_waits_too() -> None:
    """A minute at most, and not at all where its user has logged in before."""
    clock = Clock(1000.0)
    throttle = Throttle(clock)
    with throttle.trying(HERE, "Alice") as tried:
        tried.is_right = True
    addresses = iter(f"198.51.100.{number}" for number in range(250))
    assert {waits(throttle, clock, next(addresses)) for _ in range(FREE_TRIES_OF_A_NAME)} == {0.0}
    told = [waits(throttle, clock, next(addresses)) for _ in range(10)]
    assert told == [min(2.0**n, LONGEST_WAIT_OF_A_NAME) for n in range(10)]
    assert waits(throttle, clock, HERE) == 0
    assert waits(throttle, clock, next(addresses), "bob") == 0


def test_what_failed_for_a_reason_of_its_own_is_no_guess() -> None:
    """The database was away, or the password was right and only the code was missing."""
    throttle = Throttle(Clock(1000.0))
    for _ in range(2 * FREE_TRIES):
        with pytest.raises(OSError, match="away"), throttle.trying(HERE, "alice"):
            raise OSError("away")
        with pytest.raises(Invalid):
            right_without_code(throttle)
    wrong(throttle)


def right_without_code(throttle: Throttle) -> None:
    with throttle.trying(HERE, "alice") as tried:
        tried.is_no_guess = True
        raise Invalid("a code is needed")


def test_only_so_many_are_looked_at_at_once() -> None:
    """Each needs a hash. Names and addresses may all differ."""
    throttle, going_on = Throttle(Clock(1000.0)), threading.Event()
    with ThreadPoolExecutor(2 * MOST_AT_ONCE) as guessers:

        def guess(number: int) -> bool:
            try:
                with throttle.trying(f"192.0.2.{number}", f"name {number}"):
                    going_on.wait(10)
            except TooManyAttempts:
                return False
            return True

        guesses = [guessers.submit(guess, number) for number in range(2 * MOST_AT_ONCE)]
        refused = [one for one in guesses[MOST_AT_ONCE:] if not one.result(10)]
        going_on.set()
        assert len(refused) == MOST_AT_ONCE
        assert all(one.result() for one in guesses[:MOST_AT_ONCE])


def test_after_some_wrong_passwords_every_further_try_waits(console: Any) -> None:
    """The response has its own error code, so the user does not take the password for wrong."""
    console.context.people.throttle._clock = Clock(1000.0)  # it stands still, so a wait never ends
    client = console.client()
    guess = {"username": "alice", "password": "not hers"}
    answers = [client.post("/api/session", json=guess) for _ in range(FREE_TRIES + 1)]
    assert [answer.status_code for answer in answers] == [401] * FREE_TRIES + [429]
    assert answers[-1].json()["code"] == "too_many_attempts"


def test_of_many_guesses_at_once_only_the_free_ones_are_looked_at(console: Any, monkeypatch: Any) -> None:
    """A try counts before its password is hashed, so that none slips through beside the others."""
    console.context.people.throttle._clock = Clock(1000.0)
    looked_at, matches = [], console.vault.password_matches
    monkeypatch.setattr(console.vault, "password_matches", lambda *given: looked_at.append(given) or matches(*given))
    guess = {"username": "alice", "password": "not hers"}
    with ThreadPoolExecutor(20) as guessers:
        answers = [*guessers.map(lambda _: console.client().post("/api/session", json=guess), range(60))]
    assert sorted(answer.status_code for answer in answers) == [401] * FREE_TRIES + [429] * (60 - FREE_TRIES)
    assert len(looked_at) == FREE_TRIES


class Counting:
    """A hasher that notes what it is asked to do."""

    def __init__(self, hasher: Any) -> None:
        self.hasher, self.asked = hasher, list[str]()

    def hash(self, password: str) -> Any:
        self.asked.append("hash")
        return self.hasher.hash(password)

    def verify(self, stored: str, password: str) -> Any:
        self.asked.append("verify")
        return self.hasher.verify(stored, password)


def test_a_name_is_not_told_by_the_work_it_takes(console: Any) -> None:
    """An unknown name is verified against a hash of nobody's, once, as a known one is against its own."""
    hasher = console.vault._hasher = Counting(console.vault._hasher)
    for name in ("alice", "nobody at all", "alice", "somebody else"):
        assert console.client().post("/api/session", json={"username": name, "password": "wrong"}).status_code == 401
    assert hasher.asked == ["hash", *["verify"] * 4]
