"""Tickets: orders that a trader types, what they come to, and their execution."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from application.trading.weighing import Unit
from domain.orders.wish import Side, TimeInForce, Type
from web.forms.values import Amount, Text


class NewTicket(BaseModel):
    """An order as it is typed. Prices are quote per base.

    `max_slippage` is in percent of the last price, `trailing` the distance (percent) at which a trigger follows it.
    """

    broker: int = Field(ge=1, le=2**31 - 1)
    symbol: Text
    side: Side
    type: Type
    unit: Unit
    amount: Amount
    price: Amount | None = None
    stop_price: Amount | None = None
    time_in_force: TimeInForce | None = None
    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    max_slippage: Amount | None = None
    trailing: Amount | None = None


class Sent(BaseModel):
    """The order as it will be sent: `quantity` in base or `cost` in quote, whichever sizes it.

    `trailing` is in hundredths of a percent.
    """

    side: Side
    type: Type
    quantity: Amount | None
    cost: Amount | None
    price: Amount | None
    stop_price: Amount | None
    trailing: int | None
    time_in_force: TimeInForce | None
    stop_loss: Amount | None
    take_profit: Amount | None


class AtOnce(BaseModel):
    """The trades that an order would make at once, by the best orders of the book: a quantity (base) at an average.

    `slippage` is the distance of the average from the `best` price, in percent. `whole` is false when the levels that
    are known, or those within its limit, hold less than the order.
    """

    quantity: Amount
    average: Amount
    best: Amount
    slippage: float
    whole: bool


class Ticket(BaseModel):
    """A validated order. What is executed under its `id` is `sent`, as it stands, until `expires_at`.

    `price` is the one expected (quote per base), `quantity` (base), `cost` and `fee` (quote) about what it comes to;
    `fee` is null before the first trade of this account in this currency. `loss` and `gain` (quote) are those at the
    stop and the target, before fees. `free` is what the account has of `currency`, which it spends, and `balance_age`,
    `price_age` and `depth_age` are the ages (seconds) of what this was computed from. `at_once` is null for an order
    that rests, and both it and `depth_age` while the book is not followed.
    """

    id: str
    expires_at: datetime
    seconds: float
    sent: Sent
    price: Amount
    quantity: Amount
    cost: Amount
    fee: Amount | None
    loss: Amount | None
    gain: Amount | None
    free: Amount
    currency: str
    balance_age: float
    price_age: float
    depth_age: float | None
    at_once: AtOnce | None


class Executed(BaseModel):
    """The order that a ticket has become, the same however often it is asked for."""

    order: UUID
