"""The stored candles: what is there of each market and timeframe, its holes, and the loads that bring more."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from domain.candles.series import PAIR
from web.forms.heartbeat import Timeframe

Word = Annotated[str, Field(pattern="^[a-z]{1,20}$")]


class Hole(BaseModel):
    """Missing candles, by the opening of the first and of the last one. `absent`: the exchange has none either."""

    first_at: datetime
    last_at: datetime
    absent: bool


class Coverage(BaseModel):
    """The candles that are stored of a market and timeframe: how many, the first and the last opening time (UTC).

    `missing` counts those that are not there in between. `holes` are the newest ones, `more_holes` counts the others.
    """

    exchange: str
    venue: str
    symbol: str
    timeframe: Timeframe
    count: int
    first_at: datetime
    last_at: datetime
    missing: int
    holes: list[Hole]
    more_holes: int


class Load(BaseModel):
    """A load of history from `since` until `until`. Candles are stored up to `reached`.

    `error` is why it does not go on for the moment; it is tried again.
    """

    id: int
    exchange: str
    venue: str
    symbol: str
    timeframe: Timeframe
    since: datetime
    until: datetime
    reached: datetime
    state: Literal["running", "paused", "cancelled", "done"]
    candles: int
    error: str | None
    asked_at: datetime
    ended_at: datetime | None


class StoredCandles(BaseModel):
    """Everything that is stored, and the newest loads, those first that have not ended."""

    coverage: list[Coverage]
    loads: list[Load]


class LoadAsked(BaseModel):
    """The wish to load a market's candles of a time; `until` is now if absent."""

    exchange: Word = "binance"
    venue: Word = "paper"
    symbol: Annotated[str, Field(pattern=f"^{PAIR}$")]
    timeframe: Timeframe
    since: datetime
    until: datetime | None = None


class LoadNumber(BaseModel):
    """The number of a load."""

    load: int


class LoadState(BaseModel):
    """The decision about a load: let it go on, pause it, or give it up."""

    state: Literal["running", "paused", "cancelled"]
