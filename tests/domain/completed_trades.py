"""Books of complete trades for the tests of the metrics, and the metrics computed by definition, in fractions."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from domain.trading.metrics import CompletedTrade

# A Sunday on which Paris sets its clocks back at 01:00 UTC: half past two comes twice there.
NIGHT = datetime(2026, 10, 25, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
AMOUNTS = {"total_profit", "average_win", "average_loss", "maximum_drawdown"}
RATIOS = {"win_rate", "profit_factor", "recovery_factor", "sharpe_ratio", "sortino_ratio"}

# Quarters of a day coincide with each other and with midnight; microseconds fall between.
moments = st.one_of(
    st.integers(-12, 12).map(lambda quarters: NIGHT + quarters * DAY / 4),
    st.integers(-(10**12), 10**12).map(lambda microseconds: NIGHT + microseconds * MICROSECOND),
)
costs = st.one_of(st.integers(1, 5).map(Decimal), st.decimals("0.01", "1000", places=8))
nets = st.one_of(st.integers(-2, 2).map(Decimal), st.decimals("-500", "500", places=8))


@st.composite
def some_trade(draw) -> CompletedTrade:
    opened_at, closed_at = sorted((draw(moments), draw(moments)))
    return CompletedTrade(draw(st.sampled_from([opened_at, closed_at, None])), closed_at, draw(costs), draw(nets))


books = st.lists(some_trade(), max_size=12)
capitals = st.none() | st.sampled_from([Decimal(0), Decimal(1), Decimal(1000)]) | st.decimals("1", "100000", places=8)


def trade(closed_at: datetime, net: str | int, cost: str | int = 100, opened_at: datetime | None = None):
    return CompletedTrade(opened_at, closed_at, Decimal(cost), Decimal(net))


def peak_of(book: list[CompletedTrade]) -> Decimal:
    """Return the most that was invested at once, checked at every moment at which a trade opens or closes."""
    spans = [(one.opened_at or one.closed_at, one.closed_at, one.cost) for one in book]
    every = {moment for start, end, _ in spans for moment in (start, end)}
    return max((sum(cost for start, end, cost in spans if start <= at <= end) for at in every), default=Decimal(0))


def by_definition(book: list[CompletedTrade], capital: Decimal | None) -> dict[str, Fraction | float | None]:
    """Compute each metric straight from its definition: in fractions, every sum afresh, however long that takes."""
    profits = [(one.closed_at, Fraction(one.net)) for one in book]
    wins = [net for _, net in profits if net > 0]
    losses = [net for _, net in profits if net < 0]
    start = Fraction(peak_of(book) if capital is None else capital)

    def equity(until: datetime) -> Fraction:
        return start + sum(net for closed_at, net in profits if closed_at <= until)

    curve = [start, *(equity(moment) for moment in sorted({closed_at for closed_at, _ in profits}))]
    drawdown = max(before - after for place, before in enumerate(curve) for after in curve[place:])
    midnights = [min(one.closed_at for one in book).replace(hour=0, minute=0, second=0, microsecond=0)] if book else []
    while book and midnights[-1] <= max(one.closed_at for one in book):
        midnights.append(midnights[-1] + DAY)
    at_midnight = [equity(midnight - MICROSECOND) for midnight in midnights]
    sharpe = sortino = None
    if len(at_midnight) > 2 and min(at_midnight[:-1]) > 0:
        returns = [at_midnight[n + 1] / at_midnight[n] - 1 for n in range(len(at_midnight) - 1)]
        mean = sum(returns) / len(returns)
        variance = sum((one - mean) ** 2 for one in returns) / (len(returns) - 1)
        downside = sum(one**2 for one in returns if one < 0) / Fraction(len(returns))
        sharpe = mean / math.sqrt(variance) * math.sqrt(365) if variance else None
        sortino = mean / math.sqrt(downside) * math.sqrt(365) if downside else None
    return {
        "total_profit": sum(wins) + sum(losses),
        "trades": len(book),
        "win_rate": Fraction(len(wins), len(book)) if book else None,
        "average_win": sum(wins) / len(wins) if wins else None,
        "average_loss": sum(losses) / len(losses) if losses else None,
        "profit_factor": sum(wins) / -sum(losses) if losses else None,
        "maximum_drawdown": drawdown if book else None,
        "recovery_factor": (sum(wins) + sum(losses)) / drawdown if drawdown else None,
        "sharpe_ratio": sharpe,
        "sortino_ratio": sortino,
    }
