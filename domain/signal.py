"""What a TradingView alert says: the message of the Pine template, read strictly but as it really arrives.

`BarTime`, `Action` and `IndicateurName` may stand without quotes, numbers with them; `NaN`, `na` and `null` mean
absent. Whatever is ambiguous (several objects, a key twice, an unresolved placeholder) is refused, never guessed.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.aggregate import deterministic_id
from domain.amounts import plain
from domain.refusals import Invalid

ABSENT = frozenset({"", "nan", "na", "null"})
# Possessive throughout: the bodies come from outside, and reading one must stay linear in its length.
_PAIR = re.compile(
    r"""\s*+"(?P<key>[^"\\]{1,64}+)"\s*+:\s*+"""
    r"""(?:"(?P<text>(?:[^"\\\r\n]|\\.)*+)"|(?P<bare>(?:[^",\r\n{}\[\]]|,(?!\s*+(?:"|\Z)))*+))\s*+"""
    r"""(?P<end>,(?=\s*+")|,?\s*+\Z)""",
    re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}+(?:\.[0-9]{0,40}+)?|\.[0-9]{1,40}+)(?:[eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
_PLAIN_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"'})


class Action(StrEnum):
    """What an alert asks for."""

    BUY_MARKET = "BuyMarket"
    SELL_MARKET = "SellMarket"
    BUY_LIMIT = "BuyLimit"
    SELL_LIMIT = "SellLimit"
    UPDATE_PROTECTION = "MAJ"
    PING = "PING"


TRADING = frozenset({Action.BUY_MARKET, Action.SELL_MARKET, Action.BUY_LIMIT, Action.SELL_LIMIT})


@dataclass(frozen=True)
class Signal:
    """One alert, its fields named as everywhere else in the platform.

    Prices are in quote per base, `percent` is 0-100, `bar_time` is the bar's opening (UTC), `user` and `broker` are
    the platform's numbers.
    """

    action: Action
    symbol: str | None = None
    exchange: str | None = None
    currency: str | None = None
    base_currency: str | None = None
    interval: str | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    close: Decimal | None = None
    volume: Decimal | None = None
    bar_time: datetime | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    percent: Decimal | None = None
    user: int | None = None
    broker: int | None = None
    indicator: str | None = None

    @classmethod
    def parse(cls, body: bytes) -> Signal:
        """Read an alert. Raises `Invalid` with a code and the field as TradingView's template names it."""
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
        return cls._of(_pairs(text.strip()))

    @classmethod
    def _of(cls, pairs: dict[str, str]) -> Signal:
        word = pairs.get("Action", "").strip()
        if word not in set(Action):
            raise Invalid(f"Action was {word[:40]!r}", code="action_unknown", field="Action")
        said: dict[str, Any] = {name: _text(pairs, key) for key, name in _TEXTS.items()}
        said |= {name: _number(pairs, key) for key, name in _NUMBERS.items()}
        said |= {name: _integer(pairs, key) for key, name in _INTEGERS.items()}
        signal = cls(action=Action(word), bar_time=_time(pairs, "BarTime"), **said)
        signal._check()
        return signal

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

    def webhook_id(self, user: int, received_at: datetime) -> UUID:
        """The same alert delivered twice has one id: all its fields, and the reception minute without `BarTime`."""
        said = [_canonical(getattr(self, f.name)) for f in fields(self)]
        if self.bar_time is None:
            said.append(_minute(received_at))
        return deterministic_id("webhook", user, json.dumps(said))


def unparsable_id(user: int, body: bytes, received_at: datetime) -> UUID:
    """The id of a delivery that could not be read: its bytes within one minute."""
    return deterministic_id("webhook", user, hashlib.sha256(body).hexdigest(), _minute(received_at))


_TEXTS = {
    "Symbol": "symbol",
    "Exchange": "exchange",
    "Currency": "currency",
    "BaseCurrency": "base_currency",
    "Interval": "interval",
    "IndicateurName": "indicator",
}
_NUMBERS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
    "Prix": "price",
    "PrixSL": "stop_loss",
    "PrixTP": "take_profit",
    "PourCent": "percent",
}
_INTEGERS = {"UserID": "user", "UserExchangeID": "broker"}
_LONGEST_NUMBER = 40
_HIGHEST_INTEGER = 2**31 - 1


def _placeholder(text: str) -> str | None:
    """The first `{{…}}` that TradingView did not fill in. Two searches, not a pattern: each looks at the text once."""
    start = text.find("{{")
    end = text.find("}}", start) if start >= 0 else -1
    return text[start : end + 2] if end >= 0 else None


def _pairs(text: str) -> dict[str, str]:
    """The keys and values of one flat object, each value as text."""
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
        said = str(json.loads(f'"{text}"', strict=False))
        said.encode()  # an escaped half of a surrogate pair is no text, and neither table nor log could keep it
    except ValueError:
        raise Invalid(f"cannot read {text[:40]!r}", code="not_json") from None
    if "\0" in said:
        raise Invalid(f"cannot read {text[:40]!r}", code="not_json")
    return said


def _text(pairs: dict[str, str], key: str) -> str | None:
    value = pairs.get(key, "").strip()
    return None if value.lower() in ABSENT else value


def _number(pairs: dict[str, str], key: str) -> Decimal | None:
    value = pairs.get(key, "").strip()
    if value.lower() in ABSENT:
        return None
    number = Decimal(value) if len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value) else None
    if number is None or abs(number.adjusted()) > _LONGEST_NUMBER:
        raise Invalid(f"{key} was {value[:40]!r}, not a number", code="not_a_number", field=key)
    return number


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
    # Anything but a date and a time would be guessed at: milliseconds as a year, a bare date as midnight.
    with suppress(ValueError, OverflowError):
        if _DATE.match(value):
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    raise Invalid(f"{key} was {value[:40]!r}, not a time", code="not_a_time", field=key)


def _canonical(value: object) -> str | None:
    if value is None:
        return None
    return plain(value) if isinstance(value, Decimal) else str(value)


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
