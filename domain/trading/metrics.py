"""The ten metrics of completed trades: one calculation for live dashboards, backtests and statistics alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from domain.amounts import ZERO

DAYS_PER_YEAR = Decimal(365)  # these markets never close
# Used whatever the caller's context: sums of amounts are exact (see `domain.amounts`), only quotients are rounded.
_EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN)
_ROUNDED = Context(prec=28, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class CompletedTrade:
    """A trade from its first buy to its last sale. Its moments carry a time zone, whichever it is."""

    opened_at: datetime | None
    closed_at: datetime
    cost: Decimal  # the amount invested: quantity x average entry, in the quote currency, positive
    net: Decimal  # profit or loss after fees, in the quote currency


@dataclass(frozen=True)
class Metrics:
    """The ten metrics: amounts in the quote currency, ratios and rates as fractions, None for an undefined one."""

    total_profit: Decimal
    trades: int
    win_rate: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None  # a loss is negative
    profit_factor: Decimal | None
    maximum_drawdown: Decimal | None
    recovery_factor: Decimal | None
    sharpe_ratio: Decimal | None
    sortino_ratio: Decimal | None


def calculate_metrics(trades: Sequence[CompletedTrade], capital: Decimal | None = None) -> Metrics:
    """Calculate the metrics of these trades, given in any order.

    The equity curve starts at `capital` or, when that is None, at the most that was ever invested at once, and moves
    by `net` at each closing moment. A trade that breaks even is neither a win nor a loss, but counts in the
    denominator of the win rate. Profit factor: gross profit / gross loss. Recovery factor: total profit / maximum
    drawdown. A ratio with a denominator of zero is undefined.
    """
    with localcontext(_EXACT):
        wins = [trade.net for trade in trades if trade.net > 0]
        losses = [trade.net for trade in trades if trade.net < 0]
        gross_profit, gross_loss = sum(wins, ZERO), -sum(losses, ZERO)
        total_profit = gross_profit - gross_loss
        changes = _changes(trades)
        drawdown = _maximum_drawdown(changes.values()) if trades else None
        returns = _daily_returns(changes, _most_invested(trades) if capital is None else capital)
        return Metrics(
            total_profit=total_profit,
            trades=len(trades),
            win_rate=_ratio(Decimal(len(wins)), Decimal(len(trades))),
            average_win=_ratio(gross_profit, Decimal(len(wins))),
            average_loss=_ratio(-gross_loss, Decimal(len(losses))),
            profit_factor=_ratio(gross_profit, gross_loss),
            maximum_drawdown=drawdown,
            recovery_factor=_ratio(total_profit, drawdown or ZERO),
            sharpe_ratio=_sharpe_ratio(returns),
            sortino_ratio=_sortino_ratio(returns),
        )


def _ratio(one: Decimal, other: Decimal) -> Decimal | None:
    return _ROUNDED.divide(one, other) if other else None


def _changes(trades: Iterable[CompletedTrade]) -> dict[datetime, Decimal]:
    """Return the change of the equity curve at each closing moment, from the first to the last.

    Trades that closed at the same moment move it together: none of them was first. Moments are compared in UTC,
    because a zone that sets its clocks back has one hour twice.
    """
    changes: defaultdict[datetime, Decimal] = defaultdict(Decimal)
    for trade in trades:
        changes[trade.closed_at.astimezone(UTC)] += trade.net
    return dict(sorted(changes.items()))


def _most_invested(trades: Iterable[CompletedTrade]) -> Decimal:
    """Return the peak over time of the summed cost of the trades that were open at the same moment.

    A trade is open from its opening to its closing moment, both included. One whose opening is unknown is open at its
    closing moment only.
    """
    opening = [((trade.opened_at or trade.closed_at).astimezone(UTC), False, trade.cost) for trade in trades]
    closing = [(trade.closed_at.astimezone(UTC), True, trade.cost) for trade in trades]
    invested = most = ZERO
    # At the same moment every opening (False) comes before every closing (True).
    for _, closes, cost in sorted(opening + closing):
        invested += -cost if closes else cost
        most = max(most, invested)
    return most


def _maximum_drawdown(changes: Iterable[Decimal]) -> Decimal:
    """Return the largest fall of the equity curve from an earlier peak, which does not depend on its start."""
    equity = peak = drawdown = ZERO
    for change in changes:
        equity += change
        peak = max(peak, equity)
        drawdown = max(drawdown, peak - equity)
    return drawdown


def _daily_returns(changes: Mapping[datetime, Decimal], capital: Decimal) -> list[Decimal]:
    """Return the equity curve's daily returns (UTC) from the first closing day to the last, 0 on a day without a close.

    Return an empty list when any day starts with an equity of zero or less: there is nothing to earn a return on.
    """
    by_day: defaultdict[int, Decimal] = defaultdict(Decimal)
    for moment, change in changes.items():
        by_day[moment.toordinal()] += change
    returns: list[Decimal] = []
    equity = capital
    for day in range(min(by_day, default=0), max(by_day, default=-1) + 1):
        if equity <= 0:
            return []
        # Rounded here, so that the mean of equal returns is exact and they do not deviate from it.
        returns.append(_ROUNDED.divide(by_day[day], equity))
        equity += by_day[day]
    return returns


def _sharpe_ratio(returns: Sequence[Decimal]) -> Decimal | None:
    """Return the mean daily return over its sample standard deviation (n - 1), for a risk-free rate of 0, times √365.

    W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1), 1994: the ex post ratio. Undefined
    for fewer than 2 days and without any deviation.
    """
    if len(returns) <= 1:
        return None
    mean = sum(returns, ZERO) / len(returns)
    variance = sum(((one - mean) ** 2 for one in returns), ZERO) / (len(returns) - 1)
    return _ratio(mean * DAYS_PER_YEAR.sqrt(), variance.sqrt())


def _sortino_ratio(returns: Sequence[Decimal]) -> Decimal | None:
    """Return the mean daily return over its downside deviation from a target of 0, times √365.

    F. A. Sortino and L. N. Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing 3 (3),
    1994: the root of the mean of min(return, 0)² over all days, those without a loss included. Undefined for fewer
    than 2 days and without any losing day.
    """
    if len(returns) <= 1:
        return None
    mean = sum(returns, ZERO) / len(returns)
    downside = sum((min(one, ZERO) ** 2 for one in returns), ZERO) / len(returns)
    return _ratio(mean * DAYS_PER_YEAR.sqrt(), downside.sqrt())
