"""Indicators that a chart can show, each asked for by its name and numbers: `ema:20`, `macd:12:26:9`."""

from __future__ import annotations

from dataclasses import dataclass

LENGTHS, RSI_LENGTHS = range(2, 201), range(2, 101)
"""The lengths in bars. After a thousand bars no more than 0.005 % of how a line began is left in it."""
DEVIATIONS = range(1, 6)
DEFAULTS: dict[str, tuple[int, ...]] = {"ema": (20,), "rsi": (14,), "macd": (12, 26, 9), "bollinger": (20, 2)}
"""The indicators, and the numbers with which each is commonly drawn: lengths, for Bollinger a length and deviations."""
LINES = {
    "ema": ("ema",),
    "rsi": ("rsi",),
    "macd": ("macd", "histogram", "signal"),
    "bollinger": ("lower", "middle", "upper"),
}
"""The lines of each indicator, in the order in which pandas-ta-classic returns them."""


@dataclass(frozen=True)
class Indicator:
    """One indicator with its numbers, as in `DEFAULTS`."""

    name: str
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        """Return it as it is asked for."""
        return ":".join([self.name, *map(str, self.numbers)])


def indicator_of(text: str) -> Indicator:
    """Read an indicator as it is asked for; without numbers it has the common ones. Raises `ValueError`."""
    name, *given = text.split(":")
    if name not in DEFAULTS:
        raise ValueError(f"{name!r} is not one of {', '.join(DEFAULTS)}")
    if not all(number.isascii() and number.isdecimal() for number in given):
        raise ValueError(f"{text!r} has a number that is not a whole one")
    numbers = tuple(map(int, given)) or DEFAULTS[name]
    if len(numbers) != len(DEFAULTS[name]):
        raise ValueError(f"{name} has {len(DEFAULTS[name])} numbers, as in {Indicator(name, DEFAULTS[name])}")
    lengths = numbers[:1] if name == "bollinger" else numbers
    allowed = RSI_LENGTHS if name == "rsi" else LENGTHS
    if not all(length in allowed for length in lengths):
        raise ValueError(f"a length is from {allowed[0]} to {allowed[-1]} bars")
    if name == "bollinger" and numbers[1] not in DEVIATIONS:
        raise ValueError(f"bands lie {DEVIATIONS[0]} to {DEVIATIONS[-1]} deviations away")
    if name == "macd" and numbers[0] >= numbers[1]:
        raise ValueError("the first length of a MACD is the shorter one")
    return Indicator(name, numbers)
