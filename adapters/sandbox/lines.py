"""The lines that a worker draws: the indicators of a strategy, and those of charts, by pandas-ta-classic."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from application.ports.sandbox import LONGEST_LINE_NAME, MOST_LINES, Rows


def lines_of(strategy: Any, candles: pd.DataFrame, given: Sequence[str], length: int) -> Rows:
    """Return what a strategy has calculated for every bar: columns that were not given, and series of its own.

    What has not the `length` of the frame that was handed over belongs to no bars that could be told.
    """
    found = dict[str, Any]()
    for name, value in {"": candles, **vars(strategy)}.items():
        if isinstance(value, pd.DataFrame):
            columns = [column for column in value.columns if column not in given]
            found |= {str(column): value[column] for column in columns if str(column) not in found}
        elif isinstance(value, pd.Series) and not _stands_for(value, candles, found):
            found[str(name)] = value
    fitting = {name: line for name, line in found.items() if len(line) == length and _is_number(line)}
    return {
        name[:LONGEST_LINE_NAME]: line.to_numpy(np.float64, na_value=np.nan)
        for name, line in [*fitting.items()][:MOST_LINES]
    }


def _stands_for(line: Any, candles: pd.DataFrame, found: dict[str, Any]) -> bool:
    """Return whether a series is a column by another name: it may have kept the name of what it was made of."""
    columns = [found[line.name]] if line.name in found else []
    columns += [candles[line.name]] if line.name in candles.columns else []
    return any(line.equals(column) for column in columns)


def _is_number(line: Any) -> bool:
    return isinstance(line, pd.Series) and pd.api.types.is_any_real_numeric_dtype(line.dtype)


def drawn(close: NDArray[np.float64], indicator: str, numbers: Sequence[int], names: Sequence[str]) -> Rows:
    """Return the lines of an indicator, so named, at each price.

    They have NaN where a line has not begun, and everywhere if the bars are too few.
    """
    ta = import_module("pandas_ta_classic")
    calculate = {"ema": ta.ema, "rsi": ta.rsi, "macd": ta.macd, "bollinger": ta.bbands}[indicator]
    told = calculate(pd.Series(close), *numbers)
    if told is None:
        return {name: np.full(len(close), np.nan) for name in names}
    columns = [told] if told.ndim == 1 else [told.iloc[:, place] for place in range(len(names))]
    return {name: column.to_numpy(np.float64) for name, column in zip(names, columns, strict=True)}


def functions() -> list[dict[str, str]]:
    """Return the functions of pandas-ta-classic: `name`, `parameters` as they are written, and `about`, one line."""
    ta = import_module("pandas_ta_classic")
    names = sorted({name for names in ta.Category.values() for name in names})
    return [
        {"name": name, "parameters": _parameters(getattr(ta, name)), "about": _first_line(getattr(ta, name))}
        for name in names
    ]


def _parameters(function: Any) -> str:
    parameters = inspect.signature(function).parameters.values()
    return ", ".join(str(one.replace(annotation=one.empty)) for one in parameters)


def _first_line(function: Any) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]
