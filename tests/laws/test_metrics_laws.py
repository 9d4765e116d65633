"""Laws that the ten metrics keep for every book of trades."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import UTC, timezone
from decimal import ROUND_UP, Decimal, localcontext
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from domain.trading.metrics import calculate_metrics
from tests.domain.completed_trades import (
    AMOUNTS,
    DAY,
    HOUR,
    NIGHT,
    PARIS,
    RATIOS,
    books,
    capitals,
    costs,
    peak_of,
    some_trade,
    trade,
)

# --- the laws ---------------------------------------------------------------------------------------------------


@given(books, capitals, st.randoms(use_true_random=False))
def test_the_order_of_the_trades_does_not_matter(book, capital, random):
    shuffled = random.sample(book, len(book))
    assert calculate_metrics(shuffled, capital) == calculate_metrics(book, capital)


@given(books, capitals, st.decimals("0.00000001", "100000000", places=8))
def test_another_unit_scales_the_amounts_and_no_ratio(book, capital, factor):
    """Results counted in another currency are worth the same."""
    # Given the same book in another unit.
    with localcontext(prec=200):
        scaled_book = [replace(one, cost=one.cost * factor, net=one.net * factor) for one in book]
        scaled_capital = None if capital is None else capital * factor
    # When the metrics of both are calculated.
    metrics, scaled = calculate_metrics(book, capital), calculate_metrics(scaled_book, scaled_capital)
    # Then counts and ratios are equal, and amounts differ by the factor.
    assert scaled.trades == metrics.trades
    assert [getattr(scaled, name) for name in RATIOS] == [getattr(metrics, name) for name in RATIOS]
    for name in AMOUNTS:
        value = getattr(metrics, name)
        expected = None if value is None else Fraction(value) * Fraction(factor)
        if expected:
            assert abs(Fraction(getattr(scaled, name)) / expected - 1) < Fraction(1, 10**26), name
        else:
            assert getattr(scaled, name) == expected, name


@given(books, capitals)
def test_amounts_add_up(book, capital):
    """The total is the sum of the results, and no drawdown exceeds the distance between highest and lowest point."""
    metrics = calculate_metrics(book, capital)
    net = [one.net for one in book]
    gross_loss = -sum(min(one, 0) for one in net)
    assert metrics.total_profit == sum(net)
    if book:
        curve = [sum(one.net for one in book if one.closed_at <= at) for at in {one.closed_at for one in book}]
        highest, lowest = max(0, *curve), min(0, *curve)
        assert max(0, -metrics.total_profit) <= metrics.maximum_drawdown <= min(highest - lowest, gross_loss)
        assert 0 <= metrics.win_rate <= 1
    if metrics.profit_factor is not None:
        assert (metrics.profit_factor > 1) == (metrics.total_profit > 0)


huge = st.decimals("1e30", "1e40", allow_nan=False, allow_infinity=False)
tiny = st.decimals("1e-40", "1e-30", allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(some_trade(), huge | tiny | costs, st.sampled_from([-1, 0, 1])), max_size=8), huge | tiny)
def test_nothing_is_infinite_and_no_digit_of_a_sum_is_lost(said, capital):
    """This holds for the largest and the smallest amounts that anyone trades, and for both together."""
    with localcontext(prec=200):
        book = [replace(one, cost=amount, net=amount * sign) for one, amount, sign in said]
    for metrics in (calculate_metrics(book), calculate_metrics(book, capital)):
        assert all(value is None or Decimal(value).is_finite() for value in astuple(metrics))
        assert Fraction(metrics.total_profit) == sum(Fraction(one.net) for one in book)


@given(books.filter(bool), st.decimals("1", "100000", places=8), st.data())
def test_a_trade_that_brings_nothing_is_only_counted(book, capital, data):
    """On a day between the first and the last, it changes only the number of trades and the win rate."""
    first, last = min(one.closed_at for one in book), max(one.closed_at for one in book)
    closed_at = data.draw(st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None), timezones=st.just(UTC)))
    before = calculate_metrics(book, capital)
    after = calculate_metrics([*book, trade(closed_at, 0)], capital)
    wins = sum(one.net > 0 for one in book)
    assert after.win_rate == Decimal(wins) / (len(book) + 1)
    assert replace(after, trades=before.trades, win_rate=before.win_rate) == before
    assert after.trades == before.trades + 1


@given(books)
def test_without_a_capital_it_is_the_most_that_was_invested(book):
    assert calculate_metrics(book) == calculate_metrics(book, peak_of(book))


@given(books, capitals)
def test_the_capital_matters_to_the_daily_ratios_alone(book, capital):
    metrics, other = calculate_metrics(book, capital), calculate_metrics(book, Decimal(7))
    assert replace(other, sharpe_ratio=None, sortino_ratio=None) == replace(
        metrics, sharpe_ratio=None, sortino_ratio=None
    )


@given(books, capitals, st.integers(-5000, 5000))
def test_other_dates_change_nothing(book, capital, days):
    later = [
        replace(one, opened_at=one.opened_at and one.opened_at + days * DAY, closed_at=one.closed_at + days * DAY)
        for one in book
    ]
    assert calculate_metrics(later, capital) == calculate_metrics(book, capital)


# An hour lies between the first two trades of each book, but clocks in Paris show the same time for both.
AGAIN = [trade(NIGHT + HOUR / 2, -10), trade(NIGHT + 3 * HOUR / 2, 10)]
APART = [
    trade(NIGHT + HOUR * 2 / 3, 1, 3, NIGHT + HOUR / 3),
    trade(NIGHT + HOUR * 5 / 3, 0, 5, NIGHT + HOUR * 4 / 3),
    trade(NIGHT + DAY, -1, 1),
]
zones = st.sampled_from([PARIS, ZoneInfo("America/New_York"), timezone(14 * HOUR), timezone(-11 * HOUR)])


@given(st.lists(st.tuples(some_trade(), zones, zones), max_size=12), capitals)
@example([(one, PARIS, PARIS) for one in AGAIN], None)
@example([(one, PARIS, PARIS) for one in APART], None)
def test_the_same_moments_told_in_other_zones(said, capital):
    """Days are UTC days, and moments keep their sequence even where a clock shows the same hour twice."""
    elsewhere = [
        replace(
            one,
            opened_at=one.opened_at and one.opened_at.astimezone(opening),
            closed_at=one.closed_at.astimezone(closing),
        )
        for one, opening, closing in said
    ]
    assert calculate_metrics(elsewhere, capital) == calculate_metrics([one for one, _, _ in said], capital)


@given(books, capitals)
def test_the_callers_context_does_not_matter(book, capital):
    metrics = calculate_metrics(book, capital)
    with localcontext(prec=3, rounding=ROUND_UP, Emax=3, Emin=-3):
        assert calculate_metrics(book, capital) == metrics
