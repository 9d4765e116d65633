"""The host of one strategy inside a locked worker: loads its code once, and asks it at the close of a bar."""

from __future__ import annotations

import contextlib
import copy
import io
import linecache
import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from adapters.sandbox.bounds import LONGEST_LOGGED, LONGEST_MESSAGE, LONGEST_TRACEBACK, MOST_LOGGED
from adapters.sandbox.lines import lines_of
from adapters.sandbox.strategy import Strategy
from application.ports.sandbox import Rows

FILE = "strategy.py"
"""The name under which the code of a strategy stands in tracebacks."""


@dataclass(frozen=True)
class Fault(Exception):
    """A strategy that did not answer: `kind` is a code, `line` that of its own code, None when none is at fault."""

    kind: str
    message: str
    line: int | None
    traceback: str = ""


class Log(io.TextIOBase):
    """The lines that a strategy logs and prints during one call."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._begun = ""

    def __call__(self, text: object) -> None:
        """Add a line."""
        if len(self.lines) < MOST_LOGGED:
            self.lines.append(str(text)[:LONGEST_LOGGED])

    def write(self, text: str) -> int:
        """Take in what is printed, line by line."""
        *whole, rest = (self._begun + text[: LONGEST_LOGGED * MOST_LOGGED]).split("\n")
        self._begun = rest[:LONGEST_LOGGED]
        for line in whole:
            self(line)
        return len(text)

    def taken(self) -> list[str]:
        """Return the lines since the last call."""
        if self._begun:
            self.write("\n")
        lines, self.lines = self.lines, []
        return lines


class Host:
    """One strategy. Raises `Fault` for code that cannot be loaded."""

    def __init__(self, code: str, log: Log) -> None:
        self._log = log
        linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
        names: dict[str, Any] = {"__name__": "strategy", "Strategy": Strategy}
        self._guarded(lambda: exec(_compiled(code), names))  # noqa: S102 - in a worker that can reach nothing
        classes = [one for one in names.values() if isinstance(one, type) and one is not Strategy]
        found = [one for one in classes if issubclass(one, Strategy) and not _has_heirs(one, classes)]
        if len(found) != 1:
            said = ", ".join(one.__name__ for one in found)
            raise Fault("many_classes" if found else "no_class", said[:LONGEST_MESSAGE], None)
        self._class: Any = found[0]

    def decide(
        self, rows: Rows, balance: float, position: Mapping[str, Any] | None, *, lines: bool = False
    ) -> tuple[dict[str, Any], Rows]:
        """Ask the strategy at the close of the last row. A flat one may buy, one that holds something may sell.

        Returns `long`, and with it `size`, `stop` and `target`, or `short`; and the strategy's `lines` if asked for.
        """
        times = pd.DatetimeIndex((rows["opened_at"].astype(np.int64) * 1000).view("datetime64[us]"), tz="UTC")
        amounts = {name: row for name, row in rows.items() if name != "opened_at"}
        candles = pd.DataFrame({"time": times, **amounts})  # which copies them
        given, length = [*candles.columns], len(candles)

        def work() -> tuple[dict[str, Any], Rows]:
            strategy, decision = self._asked(candles, balance, position)
            return decision, lines_of(strategy, candles, given, length) if lines else {}

        told: tuple[dict[str, Any], Rows] = self._guarded(work)
        return told

    def _asked(
        self, candles: pd.DataFrame, balance: float, position: Mapping[str, Any] | None
    ) -> tuple[Any, dict[str, Any]]:
        strategy: Any = self._class.__new__(self._class)
        strategy.parameters, strategy.log = copy.deepcopy(self._class.parameters), self._log
        strategy.__init__(candles, balance, None if position is None else dict(position))
        if position is not None:
            return strategy, {"short": _bool(strategy.should_short)}
        if not _bool(strategy.should_long):
            return strategy, {"long": False}
        size, stop, target = map(
            _number, (strategy.calculate_position_size, strategy.calculate_stop_loss, strategy.calculate_take_profit)
        )
        return strategy, {"long": True, "size": size, "stop": stop, "target": target}

    @staticmethod
    def _guarded(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Fault:
            raise
        except BaseException as error:
            raise _fault(error) from None


def _has_heirs(one: type, classes: list[type]) -> bool:
    return any(issubclass(other, one) and other is not one for other in classes)


def _compiled(code: str) -> CodeType:
    try:
        return compile(code, FILE, "exec")
    except SyntaxError as error:
        raise Fault("syntax", error.msg[:LONGEST_MESSAGE], error.lineno or None) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Fault("syntax", str(error) or type(error).__name__, None) from None


def _fault(error: BaseException) -> Fault:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    told = "".join(traceback.format_exception(error))
    said = f"{type(error).__name__}: {error}"
    return Fault("raised", said[:LONGEST_MESSAGE], lines[-1] if lines else None, told[-LONGEST_TRACEBACK:])


def _bool(method: Callable[[], Any]) -> bool:
    value = method()
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise _wrong(method, value, "True or False")


def _number(method: Callable[[], Any]) -> float:
    value = method()
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            number = float(value)
            if math.isfinite(number):
                return number
    raise _wrong(method, value, "a number")


def _wrong(method: Callable[[], Any], value: object, wanted: str) -> Fault:
    code = getattr(getattr(method, "__func__", method), "__code__", None)
    said = repr(value)[:200] if isinstance(value, int | float | str | None) else type(value).__name__
    line = code.co_firstlineno if code is not None else None
    return Fault("returned", f"{getattr(method, '__name__', 'a method')} returned {said}, not {wanted}", line)
