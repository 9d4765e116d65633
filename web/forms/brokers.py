"""Exchanges and accounts on them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from web.forms.values import Amount, Text


class Loading(BaseModel):
    """Pairs that are being loaded."""

    done: int
    total: int


class Limits(BaseModel):
    """The most that entries may spend per order and per day (UTC), in `currency`; null is no limit."""

    currency: Text = "USDT"
    per_order: Amount | None = None
    per_day: Amount | None = None


class Broker(BaseModel):
    """An account on an exchange. `usage` off, strategies or webhooks; `stop_style` market or limit.

    `oldest_bar` is how many intervals after the end of its bar an entry may still arrive; null is no limit.
    `pairs` counts the tradable pairs that are known of its exchange and venue; `shared` tells that another broker had
    loaded them before.
    """

    number: int
    exchange: str
    venue: str
    name: str
    fingerprint: str | None
    is_default: bool
    trading_stopped: bool
    usage: str
    limits: Limits
    stop_style: str
    oldest_bar: int | None
    tested: bool | None
    tested_detail: str | None
    removed: bool
    pairs: int
    shared: bool
    loading: Loading | None


class Brokers(BaseModel):
    """The user's brokers."""

    items: list[Broker]
    next: str | None = None


class Keys(BaseModel):
    """The keys of an account; they are kept sealed and never come back."""

    key: Text = Field(repr=False)
    secret: Text = Field(repr=False)
    passphrase: Text | None = Field(default=None, repr=False)


class Trial(BaseModel):
    """Keys to be tried before they are kept."""

    exchange: Text
    venue: Text
    keys: Keys


class NewBroker(Trial):
    """An account to connect. `insist` keeps keys that may withdraw, or whose exchange does not answer."""

    name: Text
    insist: bool = False


class NewKeys(BaseModel):
    """Keys that replace those of a broker; `insist` as in `NewBroker`."""

    keys: Keys
    insist: bool = False


class Change(BaseModel):
    """What is to change of a broker; what is not given stays. An `oldest_bar` of 0 takes that limit away."""

    name: Text | None = None
    usage: Text | None = None
    limits: Limits | None = None
    stop_style: Text | None = None
    oldest_bar: int | None = None


class Verdict(BaseModel):
    """How the exchange answered: `ok`, or `code` and its own words; what the account holds and its keys may do.

    `milliseconds` is how long it took to read the account. What the exchange did not say is null.
    """

    ok: bool
    code: str | None = None
    detail: str | None = None
    balances: dict[str, str] = {}
    may_trade: bool | None = None
    may_withdraw: bool | None = None
    address_bound: bool | None = None
    milliseconds: float | None = None


class Exchange(BaseModel):
    """An exchange that the gateway speaks: the fields that its keys have, its venues, and what it can do."""

    name: str
    label: str
    fields: list[str]
    venues: list[str]
    order_types: list[str]
    times_in_force: list[str]
    lists: bool
    locks: bool
    trailing: bool
    amend_quantity: bool
    replace: bool
    requests: str


class Exchanges(BaseModel):
    """Every exchange that the gateway speaks natively."""

    items: list[Exchange]
    next: str | None = None


class Step(BaseModel):
    """One line of a trial: a step that begins (exchange, reaching, account, rights), or the verdict."""

    step: str | None = None
    verdict: Verdict | None = None


class Connected(BaseModel):
    """The number of a new broker, by which webhooks name it."""

    number: int


class Pairs(BaseModel):
    """How many pairs there are, and whether another broker had loaded them."""

    count: int
    shared: bool
