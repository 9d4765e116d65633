"""What a session asks for again and again takes its turns."""

from __future__ import annotations

import pytest

from domain.refusals import Impossible
from web.access import spacing
from web.access.spacing import Spacing


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))


def test_the_first_waits_for_nothing_and_the_others_for_their_turns() -> None:
    time = Time()
    turns = Spacing(0.2, 3, lambda: time.now, time.sleep)
    for _ in range(3):
        turns.wait("alice")
    turns.wait("bob")
    assert time.slept == [0.2, 0.4]
    time.now += 10
    turns.wait("alice")
    assert time.slept == [0.2, 0.4]


def test_who_asks_without_end_is_refused_and_waits_no_longer_for_it() -> None:
    time = Time()
    turns = Spacing(0.2, 3, lambda: time.now, time.sleep)
    for _ in range(4):
        turns.wait("alice")
    for _ in range(50):
        with pytest.raises(Impossible):
            turns.wait("alice")
    time.now += 0.8
    turns.wait("alice")
    assert max(time.slept) == 0.6


def test_no_session_is_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spacing, "MOST_KEPT", 10)
    time = Time()
    turns = Spacing(0.2, 3, lambda: time.now, time.sleep)
    for number in range(100):
        time.now += 1
        turns.wait(str(number))
    assert len(turns._free_at) <= 10
