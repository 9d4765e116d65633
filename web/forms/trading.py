"""Orders, trades, positions and results."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Amount


class Fill(BaseModel):
    """One execution: quantity in base, price in quote per base.

    `fee_value` is what a fee in a third currency was worth (quote) when it was paid, None where it is not known.
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
    """An order with what became of it.

    `worst_cost` is the most that one in doubt can have spent: quote currency of a buy, base currency of a sell.
    `valid_until` ends what the exchange may still act on; a minute later its absence there proves something.
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
    fills: list[Fill]


class Trades(BaseModel):
    """A page, newest first; `next` is the cursor of the following one."""

    items: list[Trade]
    next: str | None


class Position(BaseModel):
    """What is held of a market. `unrealised` is gross, at `price`, which is `price_age` seconds old; all in quote.

    `protection` is none, awaited, resting or lost; `protected` is the quantity (base) that it covers. `level` tells how
    well it is protected, and since when; `share` and `target_share` (percent) how much is to be under the stop and sold
    at the target.
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
    """All open positions."""

    items: list[Position]
    next: str | None = None


class Gain(BaseModel):
    """A complete trade: `gross` is (average exit - average entry) x quantity, `net` is what it brought after fees.

    `fees_left_out`: it paid fees in a third currency (BNB) of which nobody knows what they were worth: not in `net`.
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
    """A page, newest first; `next` is the cursor of the following one."""

    items: list[Gain]
    next: str | None


class Cancelled(BaseModel):
    """For how many orders a cancel was asked."""

    asked: int
