"""Orders, fills, positions and complete trades."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Amount


class Fill(BaseModel):
    """One execution of an order: quantity in base, price in quote per base.

    `fee_value` is the value (quote) of a fee in a third currency when it was paid, null when unknown.
    """

    trade_id: str
    quantity: Amount
    price: Amount
    fee: Amount
    fee_currency: str | None
    fee_value: Amount | None
    maker: bool | None
    executed_at: datetime


class Trade(BaseModel):
    """An order and its outcome. Quantities are in base, costs in quote, prices in quote per base.

    `worst_cost` is the most that an order in doubt can have spent: in quote for a buy, in base for a sell.
    `may_be_sent_again` is true for an exit that came too late and was neither sent nor judged anew since.
    `valid_until` is the time until which the exchange may still act on the request. A minute later, the absence of the
    order at the exchange proves that it never arrived.
    """

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
    wished_holding: Amount | None
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
    unknown_word: str | None
    reason: str | None
    detail: str | None
    client_order_id: str
    exchange_order_id: str | None
    cancel_requested: bool
    created_at: datetime
    submitted_at: datetime | None
    valid_until: datetime | None
    updated_at: datetime
    worst_cost: Amount | None
    may_be_sent_again: bool
    fills: list[Fill]


class Trades(BaseModel):
    """A page of orders, newest first. `next` is the cursor of the following page, null on the last."""

    items: list[Trade]
    next: str | None


class Position(BaseModel):
    """The holding in one market. `unrealised` is gross, at `price`, which is `price_age` seconds old; all in quote.

    `protection` is none, awaited, resting or lost; `protected` is the quantity (base) that it covers. `level` tells how
    well the position is protected, since `level_since`. `share` and `target_share` (percent) are the parts that are to
    be under the stop and sold at the target. `price` and the unrealised result are null without a recent price.
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
    target_watched: bool
    target_share: Amount
    level: str
    level_since: datetime
    opened_at: datetime | None
    updated_at: datetime


class Positions(BaseModel):
    """The user's open positions, newest first."""

    items: list[Position]
    next: str | None = None


class Closing(BaseModel):
    """The sale of a share of a position (above 0, at most 100 percent). `request` names the attempt."""

    percent: Amount
    request: UUID


class Levels(BaseModel):
    """A stop and a target (quote per base); null where there is none."""

    stop_loss: Amount | None = None
    take_profit: Amount | None = None


class Protecting(Levels):
    """The stop and the target that a position is to have; null leaves one as it is.

    `seen` are those that its owner looked at. `request` names the attempt.
    """

    request: UUID
    seen: Levels


class Closed(BaseModel):
    """The order that sells, the same however often its request is made."""

    order: UUID


class Gain(BaseModel):
    """A complete trade: `gross` is (average exit - average entry) x quantity, `net` is its result after fees.

    `fees_left_out` is true when it paid fees in a third currency (such as BNB) whose value is unknown: `net` does not
    include them.
    """

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
    fees_left_out: bool


class Gains(BaseModel):
    """A page of complete trades, newest first. `next` is the cursor of the following page, null on the last."""

    items: list[Gain]
    next: str | None


class Halted(BaseModel):
    """A halt. `recorded` is false while it waits for the database: the gateway holds automatic orders back already."""

    recorded: bool


class Cancelled(BaseModel):
    """The effect of cancelling all orders: `asked` are or would be cancelled, `stay` protect coins and stay."""

    asked: int
    stay: int
