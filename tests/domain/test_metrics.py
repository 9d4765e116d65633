"""The ten metrics: by hand, against their definitions in fractions, and where they are undefined."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, localcontext

import pytest
from hypothesis import given

from domain.trading.metrics import Metrics, calculate_metrics
from tests.domain.completed_trades import (
    DAY,
    HOUR,
    MICROSECOND,
    NIGHT,
    books,
    by_definition,
    capitals,
    some_trade,
    trade,
)

# --- against the definitions ------------------------------------------------------------------------------------


def test_by_hand():
    """All numbers are worked out here.

    Invested at once: 600 + 400 = 1,000 on the 1st, 650 + 300 = 950 on the 4th: the curve starts at 1,000.
    2 March:  -20 (980), +120 (1,100)                          the day: +100 on 1,000 = +0.1
    3 March:  nothing                                          the day: 0
    4 March:  +27 (1,127, the peak), -200 (927), -47 (880)     the day: -220 on 1,100 = -0.2
    5 March:  0, 0, +264 (1,144)                               the day: +264 on 880 = +0.3
    Eight trades: wins 120 + 27 + 264 = 411, losses 20 + 200 + 47 = 267, two are neither. 411 - 267 = 144.
    Drawdown: from 1,127 to 880 = 247.
    Daily returns: mean (0.1 + 0 - 0.2 + 0.3) / 4 = 0.05;
      deviations from it 0.05, -0.05, -0.25, 0.25, squared 0.0025 + 0.0025 + 0.0625 + 0.0625 = 0.13, over 4 - 1;
      downside: 0.2 squared = 0.04, over 4 days = 0.01, whose square root is 0.1.
    Sharpe: 0.05 / √(0.13 / 3) x √365 = √(0.0025 x 3 / 0.13 x 365) = √21.057692...; Sortino: 0.05 / 0.1 x √365 = √91.25.
    """

    def at(day: int, hour: int) -> datetime:
        return datetime(2026, 3, day, hour, tzinfo=UTC)

    book = [
        trade(at(2, 8), -20, 600, at(1, 10)),
        trade(at(2, 20), 120, 400, at(1, 12)),
        trade(at(4, 8), 27, 500, at(4, 7)),
        trade(at(4, 10), -200, 650),
        trade(at(4, 11), -47, 300, at(3, 11)),
        trade(at(5, 0), 0, 100, at(5, 0)),
        trade(at(5, 9), 0, 100, at(5, 1)),
        trade(at(5, 23), 264, 800, at(5, 10)),
    ]
    assert calculate_metrics(book) == Metrics(
        total_profit=Decimal(144),
        trades=8,
        win_rate=Decimal("0.375"),  # 3 / 8
        average_win=Decimal(137),  # 411 / 3
        average_loss=Decimal(-89),  # -267 / 3
        profit_factor=Decimal("1.539325842696629213483146067"),  # 411 / 267
        maximum_drawdown=Decimal(247),
        recovery_factor=Decimal("0.5829959514170040485829959514"),  # 144 / 247
        sharpe_ratio=Decimal("4.588866124402879950758112382"),
        sortino_ratio=Decimal("9.552486587271400089584147876"),
    )


@given(books, capitals)
def test_against_the_definitions(book, capital):
    metrics, expected = calculate_metrics(book, capital), by_definition(book, capital)
    for name, value in expected.items():
        found = getattr(metrics, name)
        if value is None or found is None:
            assert found is value, name
        elif name in {"total_profit", "trades", "maximum_drawdown"}:
            assert found == value, name
        else:
            assert float(found) == pytest.approx(float(value), rel=1e-9, abs=1e-15), name


# --- what is undefined ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capital", [None, Decimal(0), Decimal(1000)])
def test_without_trades_all_is_undefined_that_can_be(capital):
    assert calculate_metrics([], capital) == Metrics(Decimal(0), 0, *[None] * 8)


@given(some_trade(), capitals)
def test_a_single_trade_has_no_daily_ratios(one, capital):
    metrics = calculate_metrics([one], capital)
    assert (metrics.total_profit, metrics.trades) == (one.net, 1)
    assert metrics.maximum_drawdown == max(-one.net, 0)
    assert metrics.recovery_factor == (-1 if one.net < 0 else None)
    assert metrics.sharpe_ratio is None
    assert metrics.sortino_ratio is None


@given(books.filter(bool), capitals)
def test_wins_only(book, capital):
    """Without a loss and a drawdown there is nothing to divide by: these metrics are undefined, not infinite."""
    metrics = calculate_metrics([replace(one, net=abs(one.net) or Decimal(1)) for one in book], capital)
    assert metrics.win_rate == 1
    assert metrics.maximum_drawdown == 0
    assert metrics.average_loss is metrics.profit_factor is metrics.recovery_factor is metrics.sortino_ratio is None


@given(books.filter(bool), capitals)
def test_losses_only(book, capital):
    """The drawdown is the total loss and is never recovered."""
    metrics = calculate_metrics([replace(one, net=-abs(one.net) or Decimal(-1)) for one in book], capital)
    assert metrics.win_rate == metrics.profit_factor == 0
    assert metrics.average_win is None
    assert metrics.maximum_drawdown == -metrics.total_profit
    assert metrics.recovery_factor == -1
    assert all(ratio is None or ratio < 0 for ratio in (metrics.sharpe_ratio, metrics.sortino_ratio))


def test_two_days_are_enough_and_one_is_not():
    """Days are told apart by midnight UTC, not by the time that has passed."""
    one_day = [trade(NIGHT, 1), trade(NIGHT + DAY - MICROSECOND, -2)]
    two_days = [trade(NIGHT - MICROSECOND, 1), trade(NIGHT, -2)]
    assert calculate_metrics(one_day).sharpe_ratio is calculate_metrics(one_day).sortino_ratio is None
    assert calculate_metrics(two_days).sharpe_ratio is not None
    assert calculate_metrics(two_days).sortino_ratio is not None


@pytest.mark.parametrize("days", [2, 3, 7])
@pytest.mark.parametrize("change", [Decimal(0), Decimal(1), Decimal(-1)])
def test_equal_returns_have_no_deviation(change, days):
    """Each day returns a third of the equity, which no decimal can represent."""
    with localcontext(prec=100):
        equity = [Decimal(3) ** days * (1 + change / 3) ** day for day in range(days)]
        book = [trade(NIGHT + day * DAY, round(equity[day] * change / 3, 20)) for day in range(days)]
    metrics = calculate_metrics(book, equity[0])
    assert metrics.sharpe_ratio is None
    assert (metrics.sortino_ratio is None) == (change >= 0)


@pytest.mark.parametrize(("lost", "defined"), [(99, True), (100, False), (101, False)])
def test_a_day_that_starts_without_equity_has_no_return(lost, defined):
    """Such a day leaves both ratios undefined, with or without a close on it, however many days came before."""
    for last in (1, 2):
        metrics = calculate_metrics([trade(NIGHT, -lost), trade(NIGHT + last * DAY, 50)], Decimal(100))
        assert (metrics.sharpe_ratio is not None) == (metrics.sortino_ratio is not None) == defined
    assert calculate_metrics([trade(NIGHT, 1), trade(NIGHT + DAY, -lost)], Decimal(50)).sortino_ratio is not None
    assert calculate_metrics([trade(NIGHT, 1), trade(NIGHT + DAY, -lost)], Decimal(0)).sortino_ratio is None
    earlier = [trade(NIGHT - 2 * DAY, 10), trade(NIGHT - DAY, -10)]
    metrics = calculate_metrics([*earlier, trade(NIGHT, -lost), trade(NIGHT + DAY, 50)], Decimal(100))
    assert (metrics.sharpe_ratio is not None) == (metrics.sortino_ratio is not None) == defined


# --- at the same moment -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("nets", [(100, -100), (-100, 100)])
def test_closings_of_one_moment_move_the_curve_together(nets):
    """The order of such closings does not matter: a fall between the two was never visible."""
    metrics = calculate_metrics([trade(NIGHT, net) for net in nets])
    assert (metrics.maximum_drawdown, metrics.recovery_factor) == (0, None)
    metrics = calculate_metrics([trade(NIGHT + place * MICROSECOND, net) for place, net in enumerate(nets)])
    assert metrics.maximum_drawdown == 100


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([(0, 2, 3), (2, 4, 5)], 8),  # one opens at the moment at which the other closes
        ([(0, 2, 3), (3, 4, 5)], 5),  # one opens after the other has closed
        ([(0, 4, 3), (1, 2, 5), (3, 4, 7)], 10),  # the first overlaps each of the others
        ([(2, 2, 3), (2, 2, 5)], 8),  # both open and close at one moment
        ([(None, 2, 3), (1, 2, 5)], 8),  # one of unknown opening counts at its closing moment
        ([(None, 2, 3), (0, 1, 5)], 5),  # and not before it
        ([(None, 2, 3), (None, 2, 5), (None, 3, 7)], 8),
    ],
)
def test_what_is_invested_at_once(spans, most):
    """A trade is open at both of its ends. Returns of +1 and -1 on two days reveal the capital at the curve's start."""
    book = [
        trade(NIGHT + closed_at * HOUR, 0, cost, None if opened_at is None else NIGHT + opened_at * HOUR)
        for opened_at, closed_at, cost in spans
    ]
    book += [trade(NIGHT + 9 * HOUR, 1, "0.01"), trade(NIGHT + DAY, -1, "0.01")]
    for ordered in (book, book[::-1]):
        assert calculate_metrics(ordered) == calculate_metrics(ordered, Decimal(most))
        assert calculate_metrics(ordered) != calculate_metrics(ordered, Decimal(most) + 1)
