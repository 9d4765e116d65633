"""Each try counts before it is looked at, and each wrong password makes the next try wait longer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from domain.refusals import Invalid
from tests.support.clock import Clock
from web.access.throttle import (
    MOST_AT_ONCE,
    MOST_AT_ONCE_OF_A_SOURCE,
    MOST_KEPT,
    OF_A_DOOR,
    OF_A_NAME,
    OF_A_SOURCE,
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
    told = [waits(throttle, clock) for _ in range(OF_A_DOOR.free + 14)]
    assert told[: OF_A_DOOR.free + 4] == [0.0] * OF_A_DOOR.free + [1.0, 2.0, 4.0, 8.0]
    assert told[-1] == OF_A_DOOR.longest
    assert waits(throttle, clock, ELSEWHERE) == 0
    clock.now += OF_A_DOOR.longest
    with throttle.trying(HERE, "alice") as tried:
        tried.is_right = True
    assert [waits(throttle, clock) for _ in range(OF_A_DOOR.free)] == [0.0] * OF_A_DOOR.free


def test_a_name_that_is_tried_from_everywhere_waits_too() -> None:
    """For some seconds at most, and not at all where its user has logged in before."""
    clock = Clock(1000.0)
    throttle = Throttle(clock)
    with throttle.trying(HERE, "Alice") as tried:
        tried.is_right = True
    addresses = iter(f"198.51.100.{number}" for number in range(250))
    assert {waits(throttle, clock, next(addresses)) for _ in range(OF_A_NAME.free)} == {0.0}
    told = [waits(throttle, clock, next(addresses)) for _ in range(10)]
    assert told == [min(2.0**n, OF_A_NAME.longest) for n in range(10)]
    assert waits(throttle, clock, HERE) == 0
    assert waits(throttle, clock, next(addresses), "bob") == 0
    with throttle.trying(next(addresses), "alice", trusted=True):
        pass


def test_a_source_that_goes_through_names_waits_too() -> None:
    """All addresses of an IPv6 network are one source. Users who have logged in there before do not wait for it."""
    clock = Clock(1000.0)
    throttle = Throttle(clock)
    with throttle.trying("2001:db8::1", "alice") as tried:
        tried.is_right = True
    names = iter(f"name {number}" for number in range(100))
    told = [waits(throttle, clock, f"2001:db8::{number:x}", next(names)) for number in range(OF_A_SOURCE.free + 8)]
    assert told == [0.0] * OF_A_SOURCE.free + [min(2.0**n, OF_A_SOURCE.longest) for n in range(8)]
    assert waits(throttle, clock, "2001:db8::ff", "alice") == 0
    assert waits(throttle, clock, "2001:db8:1::1", next(names)) == 0


def test_failures_without_end_are_counted() -> None:
    """Somebody tries a name once a minute for a day. Everybody else logs in as ever."""
    clock = Clock(1000.0)
    throttle = Throttle(clock)
    for number in range(3000):
        clock.now += 1000
        wrong(throttle, f"198.51.{number // 250}.{number % 250}", "alice")
        clock.now += 1000
        wrong(throttle, HERE, "alice")
    assert waits(throttle, clock, ELSEWHERE, "bob") == 0
    assert not throttle._under_way


def test_memory_has_a_bound_and_what_is_asked_for_is_forgotten_last() -> None:
    clock = Clock(1000.0)
    throttle = Throttle(clock)
    for number in range(MOST_KEPT):
        wrong(throttle, f"10.{number // 62500}.{number // 250 % 250}.{number % 250}", f"name {number}")
        if number % 1000 == 0:
            waits(throttle, clock)
    assert len(throttle._failures) == MOST_KEPT
    assert throttle._failures[HERE, "alice"].count == MOST_KEPT // 1000


def test_what_failed_for_a_reason_of_its_own_is_no_guess() -> None:
    """The database was away, or the password was right and only the code was missing."""
    throttle = Throttle(Clock(1000.0))
    for _ in range(2 * OF_A_DOOR.free):
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


def test_one_source_takes_only_some_of_the_places() -> None:
    """Somebody who asks all the time leaves places to others, and a user who has been there before needs none."""
    throttle = Throttle(Clock(1000.0))
    with ExitStack() as under_way:
        for number in range(MOST_AT_ONCE_OF_A_SOURCE):
            under_way.enter_context(throttle.trying(HERE, f"name {number}"))
        with pytest.raises(TooManyAttempts):
            wrong(throttle, HERE, "alice")
        wrong(throttle, ELSEWHERE, "alice")
        with throttle.trying(HERE, "alice", trusted=True):
            pass


def test_after_some_wrong_passwords_every_further_try_waits(console: Any) -> None:
    """The response has its own error code, so the user does not take the password for wrong."""
    console.context.people.throttle._clock = Clock(1000.0)  # it stands still, so a wait never ends
    client = console.client()
    guess = {"username": "alice", "password": "not hers"}
    answers = [client.post("/api/session", json=guess) for _ in range(OF_A_DOOR.free + 1)]
    assert [answer.status_code for answer in answers] == [401] * OF_A_DOOR.free + [429]
    assert answers[-1].json()["code"] == "too_many_attempts"


def test_of_many_guesses_at_once_only_the_free_ones_are_looked_at(console: Any, monkeypatch: Any) -> None:
    """A try counts before its password is hashed, so that none slips through beside the others."""
    console.context.people.throttle._clock = Clock(1000.0)
    looked_at, matches = [], console.vault.password_matches
    monkeypatch.setattr(console.vault, "password_matches", lambda *given: looked_at.append(given) or matches(*given))
    guess = {"username": "alice", "password": "not hers"}
    with ThreadPoolExecutor(20) as guessers:
        answers = [*guessers.map(lambda _: console.client().post("/api/session", json=guess), range(60))]
    assert sorted(answer.status_code for answer in answers) == [401] * OF_A_DOOR.free + [429] * (60 - OF_A_DOOR.free)
    assert len(looked_at) == OF_A_DOOR.free


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
