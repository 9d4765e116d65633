"""Checks of code over the API: reading it, trying it in the sandbox, and showing what it would have done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from application.strategies.check import MOST_CANDLES, Checked, check
from application.strategies.preview import preview
from application.strategies.static_check import problems_of
from domain.candles.columns import Columns
from domain.candles.series import Series
from domain.candles.timeframes import TIMEFRAMES, moment
from web.access.at_once import AtOnce
from web.console.heartbeat import candle_of, values_of
from web.context import By, Context, InContext
from web.forms import strategies as forms

router = APIRouter(prefix="/api/strategies", tags=["strategies"])
PREVIEWED = 300
"""The bars of a preview."""
at_once = AtOnce(4)
"""The checks of one user that may be under way, of whatever kind."""


@router.get("/functions")
def functions(by: By, context: InContext) -> forms.LibraryFunctions:
    """List the functions of pandas-ta-classic, for the completion of the editor."""
    with at_once.one_of(by.user):
        return forms.LibraryFunctions(items=[forms.LibraryFunction(**one) for one in context.platform.functions()])


@router.post("/check")
def check_code(asked: forms.AskedCheck, by: By, context: InContext) -> forms.CodeCheck:
    """Check code: read it, try it in the sandbox on the newest bars of a market, and see how much history it needs.

    Nothing is saved.
    """
    if not asked.tried:
        return form_of(Checked(problems_of(asked.code)))
    with at_once.one_of(by.user):
        return form_of(checked(context, asked.code, asked.timeframe, asked.history, asked))


@router.post("/preview")
def preview_code(asked: forms.AskedPreview, by: By, context: InContext) -> forms.CodePreview:
    """Return the signals and indicators that code would have had at the last bars of a market.

    It is asked as if it always bought all it could and sold it all, without stops and targets.
    """
    with at_once.one_of(by.user):
        candles = _candles(context, asked, asked.timeframe)
        with context.platform.worker() as worker:
            told = preview(worker, asked.code, candles, asked.timeframe, PREVIEWED, asked.history)
    return forms.CodePreview(
        candles=[candle_of(bar) for bar in told.candles.bars(TIMEFRAMES[asked.timeframe])],
        signals=[forms.CodeSignal(opened_at=moment(one.opened_at), side=one.side.value) for one in told.signals],
        lines=[forms.StrategyLine(name=name, values=values_of(line)) for name, line in told.lines.items()],
        problem=None if told.fault is None else _problem(told.fault),
    )


def checked(context: Context, code: str, timeframe: str, history: int, place: forms.Place) -> Checked:
    """Check code on the newest bars of a market. Raises `SandboxError` when the sandbox is away."""
    return check(context.platform.worker, code, lambda: _candles(context, place, timeframe), timeframe, history)


def _candles(context: Context, place: forms.Place, timeframe: str) -> Columns:
    """Return the newest bars of a market that have ended."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    series = Series(place.exchange, place.venue, place.symbol)
    return context.records.candles.newest(series, timeframe, now, MOST_CANDLES)


def form_of(found: Checked) -> forms.CodeCheck:
    """Return what a check has found as it is told."""
    problems: list[Any] = [*found.problems, *([] if found.run.fault is None else [found.run.fault])]
    run, needs = found.run, found.needs
    return forms.CodeCheck(
        problems=[_problem(one) for one in problems],
        **{name: getattr(run, name) for name in ("asked", "short", "longs", "shorts", "log")},
        needs=None
        if needs is None
        else forms.HistoryNeeds(**{n: getattr(needs, n) for n in forms.HistoryNeeds.model_fields}),
    )


def _problem(fault: Any) -> forms.CodeProblem:
    return forms.CodeProblem(**vars(fault))
