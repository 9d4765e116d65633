"""Types of command-line arguments: an invalid value is reported before anything starts."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime

from adapters.log.audit import PublishedHead
from adapters.paper.faces import PORTS
from domain.candles.series import PAIR

_HIGHEST_PORT = 65535


def port(text: str) -> int:
    """Return a port number that leaves room above it, since the paper exchange needs the next ports too.

    Raises `ArgumentTypeError` when it is out of range.
    """
    number = int(text)
    highest = _HIGHEST_PORT - PORTS + 1
    if not 0 < number <= highest:
        raise ArgumentTypeError(f"{text} is not between 1 and {highest}")
    return number


def pair(text: str) -> str:
    """Return a pair in capitals. Raises `ArgumentTypeError` for anything but BASE/QUOTE."""
    if not re.fullmatch(PAIR, text.upper()):
        raise ArgumentTypeError(f"{text} is no pair such as BTC/USDT")
    return text.upper()


def day(text: str) -> datetime:
    """Return a day, or a moment of one, in UTC. Raises `ArgumentTypeError` for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no day such as 2025-01-01") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def head(text: str) -> PublishedHead:
    """Return a published head. Raises `ArgumentTypeError` for anything but HASH or POSITION:HASH."""
    try:
        return PublishedHead.read(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def speed(text: str) -> float:
    """Return a speed as a multiple of real time. Raises `ArgumentTypeError` unless it is finite and above zero."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ArgumentTypeError(f"{text} is not above zero")
    return number
