"""A webhook's fields: the keys of TradingView's template, and the values that their texts stand for.

`NaN`, `na` and `null` mean absent. A misspelt key is refused; unknown keys change no order.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.amounts import plain
from domain.refusals import Invalid

ABSENT = frozenset({"", "nan", "na", "null"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}+(?:\.[0-9]{0,40}+)?|\.[0-9]{1,40}+)(?:[eE][+-]?[0-9]{1,3})?")
_INTERVAL = re.compile(r"([0-9]{0,4}+)([SHDWM]?+)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
TEXTS = {
    "Symbol": "symbol",
    "Exchange": "exchange",
    "Currency": "currency",
    "BaseCurrency": "base_currency",
    "Interval": "interval",
    "IndicateurName": "indicator",
}
FIGURES = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
}
"""The figures that describe the bar. No order needs them, so no value in them gets an alert refused."""
CHART_PRICE = {"Close": "close"}
"""The price on the chart when an alert was sent, by which the price of its order is measured."""
NUMBERS = {
    "Prix": "price",
    "PrixSL": "stop_loss",
    "PrixTP": "take_profit",
    "PourCent": "percent",
    "Position": "holding",
}
INTEGERS = {"UserID": "user", "UserExchangeID": "broker"}
KNOWN = {**TEXTS, **FIGURES, **NUMBERS, **INTEGERS, "Action": "action", "BarTime": "bar_time"}
HOLDING = "Position"
"""The key of the share that is to be held, and the action that buys or sells whichever leads to it."""
_SHORTEST_MISSPELT = 4
"""The shortest known key that can be one letter off. A letter turns `Low` into another word: `Slow`, `Lot`."""
_LENGTHS = {
    "S": timedelta(seconds=1),
    "": timedelta(minutes=1),
    "H": timedelta(hours=1),
    "D": timedelta(days=1),
    "W": timedelta(weeks=1),
    "M": timedelta(days=31),
}
"""The lengths of TradingView's units. A month counts 31 days, so that no bar is taken for older than it is."""
_LONGEST_NUMBER = 40
_HIGHEST_INTEGER = 2**31 - 1


def check_spelling(pairs: dict[str, str]) -> None:
    """Refuse a key that differs from a known one only by case or one letter: to ignore it could be to ignore a stop.

    Raises `Invalid`, naming the key that was probably meant.
    """
    for key in pairs:
        meant = None if key in KNOWN else _meant(key.casefold())
        if meant is not None and not (meant == HOLDING and is_no_holding(pairs, key)):
            raise Invalid(f"{key} is unknown, {meant} was probably meant", code="key_misspelt", field=meant)


def is_no_holding(pairs: dict[str, str], key: str) -> bool:
    """Return True when a key such as `position` has another meaning than the share that is to be held.

    Strategies send the side of their position under that name. In an alert whose action is not `Position`, it is a
    share if it is a number and, unless it is spelt exactly so, if no other size is given.
    """
    if pairs.get("Action", "").strip() == HOLDING:
        return False
    sized = text_of(pairs, "PourCent") is not None
    return _amount(pairs[key].strip()) is None or (sized and key != HOLDING)


def _meant(key: str) -> str | None:
    """Return the known key that a misspelt one means, None when none is near.

    The longest of several is taken: `PrixS` means `PrixSL`, not `Prix`.
    """
    near = [known for known in KNOWN if _is_near(key, known.casefold())]
    return max(near, key=len, default=None)


def _is_near(key: str, known: str) -> bool:
    return key == known or (len(known) >= _SHORTEST_MISSPELT and _is_one_letter_off(key, known))


def _is_one_letter_off(one: str, other: str) -> bool:
    """Return True when one letter inserted, omitted or replaced, or two neighbours swapped, turn one into the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[same:], other[same:]
    swapped = one[1::-1] + one[2:] == other
    return swapped or one[1:] == other or one == other[1:] or one[1:] == other[1:]


def text_of(pairs: dict[str, str], key: str) -> str | None:
    value = pairs.get(key, "").strip()
    return None if value.lower() in ABSENT else value


def number_of(pairs: dict[str, str], key: str) -> Decimal | None:
    value = pairs.get(key, "").strip()
    if value.lower() in ABSENT:
        return None
    if (number := _amount(value)) is None:
        raise Invalid(f"{key} was {value[:40]!r}, not a number", code="not_a_number", field=key)
    return number


def _amount(value: str) -> Decimal | None:
    number = Decimal(value) if len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value) else None
    return None if number is None or abs(number.adjusted()) > _LONGEST_NUMBER else number


def integer_of(pairs: dict[str, str], key: str) -> int | None:
    number = number_of(pairs, key)
    if number is None:
        return None
    if number != number.to_integral_value() or not 1 <= number <= _HIGHEST_INTEGER:
        raise Invalid(f"{key} was {number}", code="not_a_number", field=key)
    return int(number)


def time_of(pairs: dict[str, str], key: str) -> datetime | None:
    value = text_of(pairs, key)
    if value is None:
        return None
    # Only a date with a time is read. Anything else would be a guess: milliseconds as a year, a bare date as midnight.
    with suppress(ValueError, OverflowError):
        if _DATE.match(value):
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    raise Invalid(f"{key} was {value[:40]!r}, not a time", code="not_a_time", field=key)


def length_of(interval: str) -> timedelta | None:
    match = _INTERVAL.fullmatch(interval)
    if match is None or not (match[1] or match[2]):
        return None
    return int(match[1] or 1) * _LENGTHS[match[2]] or None


def canonical(name: str, value: object) -> str | None:
    """Return the one text of a value, None for None: equal numbers are written alike, the bar's figures included."""
    if value is None:
        return None
    number = _amount(str(value)) if name in FIGURES.values() else value
    return plain(number) if isinstance(number, Decimal) else str(value)
