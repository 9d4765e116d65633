"""The exchange's clock: the median of several answers, and jumps that have to be said three times."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from aristobot.terminals.heartbeat.exchange_clock import ExchangeClock


class Answers:
    """An exchange whose clock differs from the machine's by these seconds, one after the other, the last for ever."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = [*seconds]

    async def server_time(self) -> datetime:
        ahead = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return datetime.now(UTC) + timedelta(seconds=ahead)


def ahead(clock: ExchangeClock) -> float:
    """Return the seconds by which the clock is ahead of the machine's, to tenths."""
    return round(clock.ahead / 1000, 1)


async def test_one_slow_answer_moves_nothing():
    clock = ExchangeClock(Answers(5, 5, 900, 5, 5))
    assert not clock.known
    assert await clock.synchronise()
    assert (clock.known, ahead(clock)) == (True, 5.0)
    assert abs(clock.now - (time.time() + 5) * 1000) < 100


async def test_a_jump_is_believed_once_it_was_said_three_times_in_a_row():
    exchange = Answers(0)
    clock = ExchangeClock(exchange)
    await clock.synchronise()
    exchange.seconds = [3600]
    assert [await clock.synchronise() for _ in range(2)] == [False, False]
    assert ahead(clock) == 0.0
    assert await clock.synchronise()
    assert ahead(clock) == 3600.0


async def test_a_claim_that_is_taken_back_is_forgotten():
    exchange = Answers(0)
    clock = ExchangeClock(exchange)
    await clock.synchronise()
    for _ in range(4):
        exchange.seconds = [3600]
        assert not await clock.synchronise()
        exchange.seconds = [0.5]
        assert await clock.synchronise()
    assert ahead(clock) == 0.5
