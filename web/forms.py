"""The shapes of the console's API. Decimals are texts, times ISO 8601 in UTC."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, PlainSerializer, StringConstraints

LONGEST_TEXT = 200


def _plain(text: str) -> str:
    """Half a surrogate pair is no character: it can be neither hashed nor stored."""
    text.encode()  # raises UnicodeEncodeError, which is a ValueError
    return text


Text = Annotated[str, AfterValidator(_plain), StringConstraints(max_length=LONGEST_TEXT)]
Amount = Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]


class Problem(BaseModel):
    """Every error has this shape; `code` is what the console translates."""

    code: str
    message: str
    field: str | None = None


class LogIn(BaseModel):
    """Name and password."""

    username: Text
    password: Text


class Session(BaseModel):
    """Who is logged in; `csrf` goes into the X-CSRF-Token header of every change."""

    csrf: str
    user: int
    username: str
    role: str
    language: str


class Start(BaseModel):
    """What the console needs before anybody is logged in."""

    first_account: bool


class Language(BaseModel):
    """The language of the console, `fr` or `en`."""

    language: str


class Broker(BaseModel):
    """An account on an exchange."""

    number: int
    exchange: str
    venue: str
    name: str
    fingerprint: str | None
    is_default: bool
    trading_stopped: bool


class Fill(BaseModel):
    """One execution: quantity in base, price in quote per base."""

    trade_id: str
    quantity: Amount
    price: Amount
    fee: Amount
    fee_currency: str | None
    maker: bool | None
    executed_at: datetime


class Trade(BaseModel):
    """An order with what became of it."""

    id: UUID
    broker_id: int
    webhook_id: UUID | None
    source: str
    requester: str
    symbol: str
    side: str
    type: str
    time_in_force: str | None
    wished_quantity: Amount | None
    wished_cost: Amount | None
    wished_percent: Amount | None
    quantity: Amount | None
    cost: Amount | None
    price: Amount | None
    stop_price: Amount | None
    stop_loss: Amount | None
    take_profit: Amount | None
    filled: Amount
    executed_cost: Amount
    average: Amount | None
    fees: dict[str, str]
    profit_loss: Amount | None
    state: str
    status: str
    reason: str | None
    detail: str | None
    client_order_id: str
    exchange_order_id: str | None
    cancel_requested: bool
    created_at: datetime
    updated_at: datetime
    fills: list[Fill]


class Position(BaseModel):
    """What is held of a market. `unrealised` is gross, at `price`, which is `price_age` seconds old; all in quote.

    `protection` is none, awaited, resting or lost; `protected` is the quantity (base) that it covers.
    """

    id: UUID
    broker_id: int
    symbol: str
    owner: str
    is_open: bool
    held: Amount
    average_entry: Amount
    price: Amount | None
    price_age: float | None
    unrealised: Amount | None
    unrealised_percent: float | None
    realised: Amount
    stop_loss: Amount | None
    take_profit: Amount | None
    share: Amount
    protected: Amount
    protection: str
    protection_reason: str | None
    opened_at: datetime | None
    updated_at: datetime


class Gain(BaseModel):
    """A complete trade: `gross` is (average exit - average entry) x quantity, `net` is what it brought after fees."""

    id: str
    broker_id: int
    symbol: str
    owner: str
    opened_at: datetime | None
    closed_at: datetime
    quantity: Amount
    average_entry: Amount
    average_exit: Amount
    gross: Amount
    net: Amount
    fees: dict[str, str]


class Webhook(BaseModel):
    """A delivery and what became of it."""

    id: UUID
    broker_id: int | None
    received_at: datetime
    body: str
    action: str | None
    symbol: str | None
    exchange: str | None
    interval: str | None
    price: Amount | None
    stop_loss: Amount | None
    take_profit: Amount | None
    percent: Amount | None
    indicator: str | None
    bar_time: datetime | None
    status: str
    reason: str | None
    detail: str | None
    repeats: int
    updated_at: datetime


class Brokers(BaseModel):
    """A page of brokers."""

    items: list[Broker]
    next: str | None = None


class Trades(BaseModel):
    """A page, newest first; `next` is the cursor of the following one."""

    items: list[Trade]
    next: str | None


class Positions(BaseModel):
    """All open positions."""

    items: list[Position]
    next: str | None = None


class Gains(BaseModel):
    """A page, newest first; `next` is the cursor of the following one."""

    items: list[Gain]
    next: str | None


class Webhooks(BaseModel):
    """A page, newest first; `next` is the cursor of the following one."""

    items: list[Webhook]
    next: str | None


class WebhookCounts(BaseModel):
    """How the deliveries ended."""

    received: int
    executed: int
    failed: int
    refused: int
    ignored: int
    taken: int


class WebhookUrl(BaseModel):
    """The address for TradingView, with its token."""

    url: str


class Cancelled(BaseModel):
    """For how many orders a cancel was asked."""

    asked: int


class Chapter(BaseModel):
    """One event of a story: when, said by whom, its facts, and the exchange's whole answer where there is one."""

    position: int
    at: datetime
    topic: str
    stream: UUID
    source: str
    facts: dict[str, Any]
    raw: str | None


class Story(BaseModel):
    """Everything that led to a webhook, an order or a position and that followed, oldest first."""

    items: list[Chapter]
    next: str | None = None


class Terminal(BaseModel):
    """A terminal's state (up, stale, down), the age of its last sign in seconds, and its own figures."""

    name: str
    state: str
    age: float | None
    figures: dict[str, Any]


class Health(BaseModel):
    """The platform's state. `lag` counts events not yet in the books, disk is in bytes."""

    terminals: list[Terminal]
    head: int
    lag: int
    spool: int
    stream_age: float | None
    clock_offset_ms: float | None
    disk_free: int
    disk_total: int
    trading_stopped: bool


class Up(BaseModel):
    """The platform answers."""

    up: bool
