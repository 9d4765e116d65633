"""A webhook message: the content of a TradingView alert, read strictly but in the form in which it really arrives.

The values of `BarTime`, `Action` and `IndicateurName` may lack quotes, and numbers may have them; `NaN`, `na` and
`null` mean absent. Anything ambiguous (several objects, a duplicate key, a misspelt key, an unresolved placeholder)
is refused, never guessed. Unknown fields change no order, but they distinguish one alert from another.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.aggregate import deterministic_id
from domain.amounts import plain
from domain.refusals import Invalid

ABSENT = frozenset({"", "nan", "na", "null"})
# Possessive quantifiers throughout: the bodies come from outside, and reading one must stay linear in its length.
_PAIR = re.compile(
    r"""\s*+"(?P<key>[^"\\]{1,64}+)"\s*+:\s*+"""
    r"""(?:"(?P<text>(?:[^"\\\r\n]|\\.)*+)"|(?P<bare>(?:[^",\r\n{}\[\]]|,(?!\s*+(?:"|\Z)))*+))\s*+"""
    r"""(?P<end>,(?=\s*+")|,?\s*+\Z)""",
    re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}+(?:\.[0-9]{0,40}+)?|\.[0-9]{1,40}+)(?:[eE][+-]?[0-9]{1,3})?")
_INTERVAL = re.compile(r"([0-9]{0,4}+)([SHDWM]?+)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
_PLAIN_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"'})


class Action(StrEnum):
    """The request that an alert makes."""

    BUY_MARKET = "BuyMarket"
    SELL_MARKET = "SellMarket"
    BUY_LIMIT = "BuyLimit"
    SELL_LIMIT = "SellLimit"
    UPDATE_PROTECTION = "MAJ"
    PING = "PING"


EXITS = frozenset({Action.SELL_MARKET, Action.SELL_LIMIT})
TRADING = EXITS | {Action.BUY_MARKET, Action.BUY_LIMIT}


@dataclass(frozen=True)
class WebhookMessage:
    """One alert, with its fields named as everywhere else in the platform.

    Prices are in quote per base, `percent` is 0-100, `bar_time` is the bar's opening (UTC), `user` and `broker` are
    the platform's numbers. The bar's figures are kept as the texts that arrived: no order needs them. `said` is the
    whole alert, unknown fields included and absent ones left out, as sorted pairs of key and canonical text.
    """

    action: Action
    symbol: str | None = None
    exchange: str | None = None
    currency: str | None = None
    base_currency: str | None = None
    interval: str | None = None
    open: str | None = None
    high: str | None = None
    low: str | None = None
    close: str | None = None
    volume: str | None = None
    bar_time: datetime | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    percent: Decimal | None = None
    user: int | None = None
    broker: int | None = None
    indicator: str | None = None
    said: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, body: bytes) -> WebhookMessage:
        """Read an alert. Raises `Invalid` with a code and the field's name in TradingView's template."""
        pairs = read(body)
        _check_spelling(pairs)
        return cls._of(pairs)

    @classmethod
    def understood(cls, body: bytes) -> WebhookMessage:
        """Read an alert to show it, even one with a misspelt key, so that alerts in older logs keep their rows."""
        return cls._of(read(body))

    @classmethod
    def _of(cls, pairs: dict[str, str]) -> WebhookMessage:
        word = pairs.get("Action", "").strip()
        if word not in set(Action):
            raise Invalid(f"Action was {word[:40]!r}", code="action_unknown", field="Action")
        known: dict[str, Any] = {name: _text(pairs, key) for key, name in (_TEXTS | _FIGURES).items()}
        known |= {name: _number(pairs, key) for key, name in _NUMBERS.items()}
        known |= {name: _integer(pairs, key) for key, name in _INTEGERS.items()}
        known |= {"action": Action(word), "bar_time": _time(pairs, "BarTime")}
        message = cls(**known, said=_said(pairs, known))
        message._check()
        return message

    def _check(self) -> None:
        for key, name in _NUMBERS.items():
            value = getattr(self, name)
            if value is not None and value < 0:
                raise Invalid(f"{key} was {value}", code="not_positive", field=key)
        if self.percent is not None and not 0 < self.percent <= 100:  # noqa: PLR2004 - per cent
            raise Invalid(f"PourCent was {self.percent}", code="percent_out_of_range", field="PourCent")
        if self.action is Action.PING:
            return
        for key, value in (("Symbol", self.symbol), ("UserExchangeID", self.broker), ("UserID", self.user)):
            if value is None:
                raise Invalid(f"{key} is missing", code="field_missing", field=key)
        if self.action in TRADING and self.percent is None:
            raise Invalid("PourCent is missing", code="percent_missing", field="PourCent")
        if self.action in {Action.BUY_LIMIT, Action.SELL_LIMIT} and not self.price:
            raise Invalid("Prix is missing", code="price_missing", field="Prix")
        if self.action is Action.UPDATE_PROTECTION and not (self.stop_loss or self.take_profit):
            raise Invalid("neither PrixSL nor PrixTP is given", code="protection_missing", field="PrixSL")

    @property
    def is_exit(self) -> bool:
        """True when it sells."""
        return self.action in EXITS

    @property
    def length(self) -> timedelta | None:
        """The duration of one bar of its interval; None when the interval names no length of time."""
        return _length(self.interval or "")

    def bars_old(self, received_at: datetime) -> float | None:
        """Return how many intervals after the end of its bar it was received.

        None without a bar time or an interval that names a length of time.
        """
        if self.bar_time is None or self.length is None:
            return None
        return (received_at - self.bar_time) / self.length - 1

    def webhook_id(self, user: int, received_at: datetime) -> UUID:
        """Return the id of the alert, the same for each delivery.

        It is made from all that the alert says and, when `BarTime` is absent, the minute of its reception (UTC).
        """
        said = json.dumps(self.said)
        return deterministic_id("webhook", user, said, *([] if self.bar_time else [_minute(received_at)]))

    def former_id(self, user: int, received_at: datetime) -> UUID:
        """Return the id that this alert had before unknown fields counted; logs and spools from then hold it."""
        said = [_canonical(name, getattr(self, name)) for name in _FORMERLY]
        if self.bar_time is None:
            said.append(_minute(received_at))
        return deterministic_id("webhook", user, json.dumps(said))


def again_id(webhook_id: UUID) -> UUID:
    """Return the id, always the same, for the next delivery of an alert whose webhook came to nothing."""
    return deterministic_id("webhook", webhook_id, "again")


def read(body: bytes) -> dict[str, str]:
    """Return the keys and values of a delivery, each value as text.

    Raises `Invalid` when it is not one flat object in UTF-8 or holds an unresolved placeholder.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("the body is not UTF-8", code="not_utf8") from None
    if not text.strip():
        raise Invalid("the body is empty", code="body_empty")
    if "\0" in text:
        raise Invalid("the body holds a NUL character", code="not_json")
    if (found := _placeholder(text)) is not None:
        raise Invalid(f"{found[:60]} was not filled in", code="placeholder_unresolved")
    pairs = _json_pairs(text)
    return _pairs(text.strip()) if pairs is None else pairs


def unparsable_id(user: int, body: bytes, received_at: datetime) -> UUID:
    """Return the id of an unreadable delivery, the same for the same bytes within one minute."""
    return deterministic_id("webhook", user, hashlib.sha256(body).hexdigest(), _minute(received_at))


_TEXTS = {
    "Symbol": "symbol",
    "Exchange": "exchange",
    "Currency": "currency",
    "BaseCurrency": "base_currency",
    "Interval": "interval",
    "IndicateurName": "indicator",
}
_FIGURES = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
}
"""The figures that describe the bar. No order needs them, so no value in them gets an alert refused."""
_NUMBERS = {
    "Prix": "price",
    "PrixSL": "stop_loss",
    "PrixTP": "take_profit",
    "PourCent": "percent",
}
_INTEGERS = {"UserID": "user", "UserExchangeID": "broker"}
_KNOWN = {**_TEXTS, **_FIGURES, **_NUMBERS, **_INTEGERS, "Action": "action", "BarTime": "bar_time"}
_FORMERLY = (
    "action", "symbol", "exchange", "currency", "base_currency", "interval", "open", "high", "low", "close", "volume",
    "bar_time", "price", "stop_loss", "take_profit", "percent", "user", "broker", "indicator",
)  # fmt: skip
"""The fields of the former id. Keep their order: ids in logs depend on it."""
_SHORTEST_MISSPELT = 4
"""The shortest known key that can be one letter off. A letter turns `Low` into another word: `Slow`, `Lot`."""
_LONGEST_KEY = 64
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


def _placeholder(text: str) -> str | None:
    """Return the first `{{…}}` that TradingView did not fill in, None when there is none.

    It makes two searches instead of using a pattern, so that each scans the text once.
    """
    start = text.find("{{")
    end = text.find("}}", start) if start >= 0 else -1
    return text[start : end + 2] if end >= 0 else None


class _Pairs(list[tuple[str, Any]]):
    """The pairs of an object as the JSON reader found them, duplicate keys included."""


def _json_pairs(text: str) -> dict[str, str] | None:
    """Return the pairs of a valid flat JSON object; None for anything else, which is left to the tolerant reader.

    Raises `Invalid` for a duplicate key and for text that cannot be kept.
    """
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, _Pairs) or any(not _is_flat(key, value) for key, value in found):
        return None
    pairs = dict[str, str]()
    for key, value in found:
        if key in pairs:
            raise Invalid(f"{key} stands twice", code="key_twice", field=key)
        pairs[_checked(key)] = _checked(value) if isinstance(value, str) else json.dumps(value)
    return pairs


def _is_flat(key: str, value: object) -> bool:
    return 0 < len(key) <= _LONGEST_KEY and not isinstance(value, list)


def _check_spelling(pairs: dict[str, str]) -> None:
    """Refuse a key that differs from a known one only by case or one letter: to ignore it could be to ignore a stop.

    Raises `Invalid`, naming the key that was probably meant.
    """
    for key in pairs:
        meant = None if key in _KNOWN else _meant(key.casefold())
        if meant is not None:
            raise Invalid(f"{key} is unknown, {meant} was probably meant", code="key_misspelt", field=meant)


def _meant(key: str) -> str | None:
    """Return the known key that a misspelt one means, None when none is near.

    The longest of several is taken: `PrixS` means `PrixSL`, not `Prix`.
    """
    near = [known for known in _KNOWN if _is_near(key, known.casefold())]
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


def _pairs(text: str) -> dict[str, str]:
    """Return the pairs of a flat object whose values may lack quotes, or whose quotes may be curly.

    Raises `Invalid` for anything else and for a duplicate key.
    """
    if text.count("{") != 1 or not (text.startswith("{") and text.endswith("}")):
        raise Invalid("the body is not one flat JSON object", code="not_one_object")
    inner, position, pairs = text[1:-1].translate(_PLAIN_QUOTES).strip(), 0, dict[str, str]()
    while position < len(inner):
        match = _PAIR.match(inner, position)
        if match is None:
            raise Invalid(f"cannot read from {inner[position : position + 40].strip()!r}", code="not_json")
        key = match["key"]
        if key in pairs:
            raise Invalid(f"{key} stands twice", code="key_twice", field=key)
        pairs[key] = match["bare"] if match["text"] is None else _unescaped(match["text"])
        position = match.end()
    return pairs


def _unescaped(text: str) -> str:
    try:
        return _checked(str(json.loads(f'"{text}"', strict=False)))
    except ValueError:
        raise Invalid(f"cannot read {text[:40]!r}", code="not_json") from None


def _checked(text: str) -> str:
    """Return the text itself. Raises `Invalid` if no table or log could keep it: NUL, half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid(f"cannot read {text[:40]!r}", code="not_json") from None
    if "\0" in text:
        raise Invalid(f"cannot read {text[:40]!r}", code="not_json")
    return text


def _text(pairs: dict[str, str], key: str) -> str | None:
    value = pairs.get(key, "").strip()
    return None if value.lower() in ABSENT else value


def _number(pairs: dict[str, str], key: str) -> Decimal | None:
    value = pairs.get(key, "").strip()
    if value.lower() in ABSENT:
        return None
    if (number := _amount(value)) is None:
        raise Invalid(f"{key} was {value[:40]!r}, not a number", code="not_a_number", field=key)
    return number


def _amount(value: str) -> Decimal | None:
    number = Decimal(value) if len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value) else None
    return None if number is None or abs(number.adjusted()) > _LONGEST_NUMBER else number


def _integer(pairs: dict[str, str], key: str) -> int | None:
    number = _number(pairs, key)
    if number is None:
        return None
    if number != number.to_integral_value() or not 1 <= number <= _HIGHEST_INTEGER:
        raise Invalid(f"{key} was {number}", code="not_a_number", field=key)
    return int(number)


def _time(pairs: dict[str, str], key: str) -> datetime | None:
    value = _text(pairs, key)
    if value is None:
        return None
    # Only a date with a time is read. Anything else would be a guess: milliseconds as a year, a bare date as midnight.
    with suppress(ValueError, OverflowError):
        if _DATE.match(value):
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    raise Invalid(f"{key} was {value[:40]!r}, not a time", code="not_a_time", field=key)


def _length(interval: str) -> timedelta | None:
    match = _INTERVAL.fullmatch(interval)
    if match is None or not (match[1] or match[2]):
        return None
    return int(match[1] or 1) * _LENGTHS[match[2]] or None


def _said(pairs: dict[str, str], known: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return all that an alert says, in one order and one spelling."""
    said = dict[str, str]()
    for key in pairs:
        name = _KNOWN.get(key)
        text = _text(pairs, key) if name is None else _canonical(name, known[name])
        if text is not None:
            said[key] = text
    return tuple(sorted(said.items()))


def _canonical(name: str, value: object) -> str | None:
    """Return the one text of a value, None for None: equal numbers are written alike, the bar's figures included."""
    if value is None:
        return None
    number = _amount(str(value)) if name in _FIGURES.values() else value
    return plain(number) if isinstance(number, Decimal) else str(value)


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
