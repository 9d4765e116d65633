"""A webhook message: the content of a TradingView alert, read strictly but in the form in which it really arrives.

Unknown fields change no order, but they distinguish one alert from another.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.aggregate import deterministic_id
from domain.orders.wish import Side, check_holding
from domain.refusals import Invalid
from domain.webhooks.webhook_body import read
from domain.webhooks.webhook_fields import (
    CHART_PRICE,
    FIGURES,
    HOLDING,
    INTEGERS,
    KNOWN,
    NUMBERS,
    TEXTS,
    canonical,
    check_spelling,
    integer_of,
    is_no_holding,
    length_of,
    number_of,
    text_of,
    time_of,
)


class Action(StrEnum):
    """The request that an alert makes."""

    BUY_MARKET = "BuyMarket"
    SELL_MARKET = "SellMarket"
    BUY_LIMIT = "BuyLimit"
    SELL_LIMIT = "SellLimit"
    POSITION = "Position"
    UPDATE_PROTECTION = "MAJ"
    PING = "PING"


EXITS = frozenset({Action.SELL_MARKET, Action.SELL_LIMIT})
ENTRIES = frozenset({Action.BUY_MARKET, Action.BUY_LIMIT})
TRADING = EXITS | ENTRIES | {Action.POSITION}
SIDES = {action: side for side, actions in ((Side.SELL, EXITS), (Side.BUY, ENTRIES)) for action in actions}
"""The side of the actions that name one. `Position` buys or sells, whichever leads to the share that is to be held."""

LONGEST_ACTION = 40
"""The most characters that are shown of an action, which may be any text."""

_FORMERLY = (
    "action", "symbol", "exchange", "currency", "base_currency", "interval", "open", "high", "low", "close", "volume",
    "bar_time", "price", "stop_loss", "take_profit", "percent", "user", "broker", "indicator",
)  # fmt: skip
"""The fields of the former id. Keep their order: ids in logs depend on it."""


@dataclass(frozen=True)
class WebhookMessage:
    """One alert, with its fields named as everywhere else in the platform.

    Prices are in quote per base, `percent` is 0-100, and so is `holding`: the share of the account's worth that is to
    be held afterwards. `bar_time` is the bar's opening (UTC), `user` and `broker` are the platform's numbers. The bar's
    figures are kept as the texts that arrived: no order needs them. `said` is the
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
    holding: Decimal | None = None
    said: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, body: bytes) -> WebhookMessage:
        """Read an alert. Raises `Invalid` with a code and the field's name in TradingView's template."""
        pairs = read(body)
        check_spelling(pairs)
        return cls._of(pairs)

    @classmethod
    def understood(cls, body: bytes) -> WebhookMessage:
        """Read an alert, even one with a misspelt key: older logs hold such alerts as taken.

        To them `Position` was any text.
        """
        pairs = read(body)
        try:
            return cls._of(pairs)
        except Invalid:
            return cls._of({key: text for key, text in pairs.items() if key != "Position"})

    @staticmethod
    def readable(body: bytes) -> dict[str, Any]:
        """Return every field that can be read by itself, so that a refused alert can be told from others.

        The action is its text, even an unknown one. Raises `Invalid` when the body has no keys and texts at all.
        """
        pairs = read(body)
        found: dict[str, Any] = {name: text_of(pairs, key) for key, name in TEXTS.items()}
        found["action"] = pairs.get("Action", "").strip()[:LONGEST_ACTION] or None
        readings = ((number_of, NUMBERS | CHART_PRICE), (integer_of, INTEGERS), (time_of, {"BarTime": "bar_time"}))
        for reading, fields in readings:
            for key, name in fields.items():
                with suppress(Invalid):
                    found[name] = reading(pairs, key)
        return found

    @classmethod
    def _of(cls, pairs: dict[str, str]) -> WebhookMessage:
        word = pairs.get("Action", "").strip()
        if word not in set(Action):
            raise Invalid(f"Action was {word[:40]!r}", code="action_unknown", field="Action")
        known: dict[str, Any] = {name: text_of(pairs, key) for key, name in (TEXTS | FIGURES).items()}
        no_holding = HOLDING in pairs and is_no_holding(pairs, HOLDING)
        known |= {name: number_of(pairs, key) for key, name in NUMBERS.items() if not (no_holding and key == HOLDING)}
        known |= {name: integer_of(pairs, key) for key, name in INTEGERS.items()}
        known |= {"action": Action(word), "bar_time": time_of(pairs, "BarTime")}
        message = cls(**known, said=_said(pairs, known))
        message._check()
        return message

    def _check(self) -> None:
        for key, name in NUMBERS.items():
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
        self._check_size()
        if self.action in {Action.BUY_LIMIT, Action.SELL_LIMIT} and not self.price:
            raise Invalid("Prix is missing", code="price_missing", field="Prix")
        if self.action is Action.UPDATE_PROTECTION and not (self.stop_loss or self.take_profit):
            raise Invalid("neither PrixSL nor PrixTP is given", code="protection_missing", field="PrixSL")

    def _check_size(self) -> None:
        if self.action is Action.POSITION and self.holding is None:
            raise Invalid("Position is missing", code="position_missing", field="Position")
        if self.action in TRADING and self.percent is None and self.holding is None:
            raise Invalid("PourCent is missing", code="percent_missing", field="PourCent")
        if self.holding is None:
            return
        if self.action not in TRADING:
            raise Invalid(f"{self.action} takes no Position", code="position_contradicts", field="Position")
        if self.percent is not None:
            raise Invalid("both PourCent and Position are given", code="size_ambiguous", field="Position")
        check_holding(self.holding, SIDES.get(self.action))

    @property
    def is_exit(self) -> bool:
        """True when it sells, whatever is held."""
        return self.action in EXITS or (self.action is Action.POSITION and self.holding == 0)

    @property
    def length(self) -> timedelta | None:
        """The duration of one bar of its interval; None when the interval names no length of time."""
        return length_of(self.interval or "")

    def bars_old(self, received_at: datetime) -> float | None:
        """Return how many intervals after the end of its bar it was received; None as `bars_between`."""
        return bars_between(self.interval, self.bar_time, received_at)

    def webhook_id(self, user: int, received_at: datetime) -> UUID:
        """Return the id of the alert, the same for each delivery.

        It is made from all that the alert says and, when `BarTime` is absent, the minute of its reception (UTC).
        """
        said = json.dumps(self.said)
        return deterministic_id("webhook", user, said, *([] if self.bar_time else [_minute(received_at)]))

    def former_id(self, user: int, received_at: datetime) -> UUID:
        """Return the id that this alert had before unknown fields counted; logs and spools from then hold it."""
        said = [canonical(name, getattr(self, name)) for name in _FORMERLY]
        if self.bar_time is None:
            said.append(_minute(received_at))
        return deterministic_id("webhook", user, json.dumps(said))


def ticker_of(symbol: str) -> str:
    """Return a pair as exchanges write it: `BTCUSDT` for `BINANCE:BTC/USDT`."""
    return symbol.rpartition(":")[2].strip().upper().replace("/", "").replace("-", "")


def bars_between(interval: str | None, bar_time: datetime | None, received_at: datetime) -> float | None:
    """Return how many intervals lie between the end of a bar that opened at `bar_time` and a reception.

    None without a bar time or an interval that names a length of time.
    """
    length = length_of(interval or "")
    return None if bar_time is None or length is None else (received_at - bar_time) / length - 1


def again_id(webhook_id: UUID) -> UUID:
    """Return the id, always the same, for the next delivery of an alert whose webhook came to nothing."""
    return deterministic_id("webhook", webhook_id, "again")


def twin_id_of(webhook_id: UUID) -> UUID:
    """Return the id, always the same, of the webhook by which a paper twin carries out an alert."""
    return deterministic_id("webhook", webhook_id, "twin")


def unparsable_id(user: int, body: bytes, received_at: datetime) -> UUID:
    """Return the id of an unreadable delivery, the same for the same bytes within one minute."""
    return deterministic_id("webhook", user, hashlib.sha256(body).hexdigest(), _minute(received_at))


def _said(pairs: dict[str, str], known: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return all that an alert says, in one order and one spelling."""
    said = dict[str, str]()
    for key in pairs:
        name = None if key == HOLDING and "holding" not in known else KNOWN.get(key)
        text = text_of(pairs, key) if name is None else canonical(name, known[name])
        if text is not None:
            said[key] = text
    return tuple(sorted(said.items()))


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
