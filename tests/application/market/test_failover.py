"""The verdict on signals of two sources: each is acted upon once, the secondary's only while the primary is silent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.market.failover import SILENT_AFTER, Seen, Source, Verdict

NOW = 1_000 * 60_000
ACTED = {Verdict.ACT, Verdict.FAIL_OVER}


def judge(seen: Seen, source: Source, closed_at: int, now: int, *, late: bool = False) -> tuple[Verdict, Seen]:
    return seen.judged(source, "1m", closed_at, now, late=late)


def test_the_primary_is_acted_upon_and_the_secondary_is_not_needed():
    """The secondary repeats what was acted upon, or waits for the primary, whichever comes first."""
    verdict, seen = judge(Seen(NOW), Source.SECONDARY, NOW, NOW + 10)
    assert verdict is Verdict.WAIT
    verdict, seen = judge(seen, Source.PRIMARY, NOW, NOW + 20)
    assert verdict is Verdict.ACT
    assert judge(seen, Source.SECONDARY, NOW, NOW + 30)[0] is Verdict.REPEATED
    assert judge(seen, Source.PRIMARY, NOW, NOW + 40)[0] is Verdict.REPEATED


@pytest.mark.parametrize(("silent", "verdict"), [(SILENT_AFTER, Verdict.WAIT), (SILENT_AFTER + 1, Verdict.FAIL_OVER)])
def test_a_signal_that_waited_is_acted_upon_once_the_primary_has_proved_silent(silent, verdict):
    waited, seen = judge(Seen(NOW), Source.SECONDARY, NOW, NOW + 10)
    assert waited is Verdict.WAIT
    assert judge(seen, Source.SECONDARY, NOW, NOW + silent)[0] is verdict


def test_a_sign_of_life_counts_although_no_bar_has_closed():
    seen = Seen(NOW).alive(NOW + SILENT_AFTER)
    assert judge(seen, Source.SECONDARY, NOW, NOW + SILENT_AFTER + 1)[0] is Verdict.WAIT


def test_a_late_signal_is_never_acted_upon():
    for source in Source:
        assert judge(Seen(0), source, NOW, NOW + 61_000, late=True)[0] is Verdict.LATE


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 900), st.integers(0, 900)), min_size=1, max_size=40)
)
def test_whatever_falls_silent_each_minute_is_acted_upon_once_while_a_source_lives(minutes):
    """Each source sends its signs of life and signals, or neither. Waiting signals are judged again as time passes."""
    seen, acted = Seen(0), list[int]()
    waiting: set[int] = set()
    primary_at = 0
    for number, (primary, secondary, first, second) in enumerate(minutes):
        closed_at = (1_000 + number) * 60_000
        arrivals = sorted(
            [(closed_at + first, Source.PRIMARY)] * primary + [(closed_at + second, Source.SECONDARY)] * secondary
        )
        for now, source in arrivals:
            verdict, seen = judge(seen, source, closed_at, now)
            acted += [closed_at] if verdict in ACTED else []
            waiting |= {closed_at} if verdict is Verdict.WAIT else set()
            primary_at = now if source is Source.PRIMARY else primary_at
        if primary:  # it is alive until the next minute
            seen, primary_at = seen.alive(closed_at + 20_000), closed_at + 20_000
        again = closed_at + 50_500
        for waited in sorted(waiting):
            verdict, seen = judge(seen, Source.SECONDARY, waited, again, late=again - waited > 60_000)
            acted += [waited] if verdict in ACTED else []
        waiting.clear()
        if primary or (secondary and again - primary_at > SILENT_AFTER):
            assert closed_at in acted
    assert acted == sorted(set(acted))
