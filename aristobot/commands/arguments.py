"""What the command line takes: a word that is none is told before anything starts."""

from __future__ import annotations

from argparse import ArgumentTypeError

_HIGHEST_PORT = 65535


def port(text: str) -> int:
    """A port that has a next one, for the paper exchange needs both. Raises `ArgumentTypeError`."""
    number = int(text)
    if not 0 < number < _HIGHEST_PORT:
        raise ArgumentTypeError(f"{text} is not between 1 and {_HIGHEST_PORT - 1}")
    return number


def speed(text: str) -> float:
    """How many times faster than life. Raises `ArgumentTypeError` for what is not above zero, or has no end."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ArgumentTypeError(f"{text} is not above zero")
    return number
