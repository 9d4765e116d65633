"""Exchanges and the accounts on them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from web.forms.values import Amount, Gates, Text


class Loading(BaseModel):
    """The progress of loading pairs: `done` of `total`."""

    done: int
    total: int


class Limits(BaseModel):
    """The most that entries may spend per order and per day (UTC), in `currency`. Null means no limit."""

    currency: Text = "USDT"
    per_order: Amount | None = None
    per_day: Amount | None = None


class Broker(BaseModel):
    """An account on an exchange. `usage` is off, strategies or webhooks; `stop_style` is market or limit.

    `gates` are those with which new streams of webhooks begin. `oldest_bar` is the most intervals that may pass from
    the end of a bar until its entry or its move of protection arrives; null means no limit. `pairs` counts the known
    tradable pairs of its exchange and venue; `shared` is true when another broker had already loaded them. `loading` is
    null unless they are being loaded. `trading_stopped` is true while automatic trading is halted on this broker, since
    `trading_stopped_at`.
    """

    number: int
    exchange: str
    venue: str
    name: str
    fingerprint: str | None
    is_default: bool
    trading_stopped: bool
    trading_stopped_at: datetime | None
    usage: str
    limits: Limits
    stop_style: str
    oldest_bar: int | None
    gates: Gates
    tested: bool | None
    tested_detail: str | None
    removed: bool
    pairs: int
    shared: bool
    loading: Loading | None


class Brokers(BaseModel):
    """The user's brokers, the default one first."""

    items: list[Broker]
    next: str | None = None


class Keys(BaseModel):
    """The keys of an account. They are stored sealed and never returned."""

    key: Text = Field(repr=False)
    secret: Text = Field(repr=False)
    passphrase: Text | None = Field(default=None, repr=False)


class Trial(BaseModel):
    """Keys to be tested before they are kept."""

    exchange: Text
    venue: Text
    keys: Keys


class NewBroker(Trial):
    """An account to connect. `insist` accepts keys that may withdraw, or whose exchange does not answer."""

    name: Text
    insist: bool = False


class NewKeys(BaseModel):
    """Keys that replace those of a broker.

    `insist` accepts keys that may withdraw, or whose exchange does not answer, and a change while orders are open.
    """

    keys: Keys
    insist: bool = False


class Change(BaseModel):
    """Changes of a broker. Omitted fields stay as they are. An `oldest_bar` of 0 removes that limit."""

    name: Text | None = None
    usage: Text | None = None
    limits: Limits | None = None
    stop_style: Text | None = None
    oldest_bar: int | None = None


class Verdict(BaseModel):
    """The outcome of a test: `ok`, or a `code` and the exchange's own words in `detail`.

    `balances` are free plus locked, by currency. `may_trade`, `may_withdraw` and `address_bound` are the rights of the
    keys. `milliseconds` is the time it took to read the account. Values that the exchange did not give are null.
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
    """An exchange that the gateway supports natively: the fields of its keys, its venues and its capabilities.

    `lists`: it has orders of which one cancels the other. `locks`: a resting order locks its coins. `replace`: one call
    cancels an order and sends another, or changes nothing. `amend_triggers`: a stop is moved where it waits.
    `triggers_lock`: a stop locks its coins, null where that is not known. `directed`: a trigger fires from one side
    only. `terms`: the special parameters of an order that it takes. `requests` describes its rate limit.
    """

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
    amend_triggers: bool
    triggers_lock: bool | None
    directed: bool
    terms: list[str]
    requests: str


class Exchanges(BaseModel):
    """All exchanges that the gateway supports natively."""

    items: list[Exchange]
    next: str | None = None


class Step(BaseModel):
    """One line of a test: a step that begins (exchange, reaching, account, rights), or the verdict."""

    step: str | None = None
    verdict: Verdict | None = None


class Connected(BaseModel):
    """The number of the new broker, by which webhooks name it."""

    number: int


class Pairs(BaseModel):
    """The number of pairs. `shared` is true when another broker had already loaded them."""

    count: int
    shared: bool
