"""The holdings of accounts, and their worth."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from web.forms.values import Amount

Currency = Literal["USDT", "USDC", "EUR", "BTC"]


class Holding(BaseModel):
    """One currency of an account: amounts free and locked in orders; `in_positions` of them belong to open positions.

    `price` is what one unit is worth in the portfolio's currency, `price_age` seconds ago, and `worth` what all of it
    is worth; all three are null while the price is not known or older than a minute.
    """

    currency: str
    free: Amount
    locked: Amount
    in_positions: Amount
    price: Amount | None
    price_age: float | None
    worth: Amount | None


class AccountWorth(BaseModel):
    """One broker's account: what it holds and what that is worth, without the currencies that are `missing` a price.

    `age` is the age of the balances in seconds; null when they are not known, and then nothing else is. `today` is the
    change of its worth since 00:00 UTC (deposits and withdrawals count), `peak` its highest and `drawdown` its distance
    below that (fraction), both of the last 30 days; null when they are not known, or the currency is not USDT.
    """

    broker_id: int
    age: float | None
    holdings: list[Holding]
    worth: Amount | None
    missing: list[str]
    today: Amount | None
    peak: Amount | None
    drawdown: float | None


class Portfolio(BaseModel):
    """All of a user's accounts, valued in one currency at the last prices of each account's own exchange.

    `worth` is null as long as an account is not known at all.
    """

    currency: Currency
    accounts: list[AccountWorth]
    worth: Amount | None
    missing: list[str]
    at: datetime


class EquityPoint(BaseModel):
    """The worth of an account (USDT) at the end of an hour, or last."""

    broker_id: int
    at: datetime
    worth: Amount


class EquityCurve(BaseModel):
    """The worth of each account over time, hour by hour, oldest first."""

    items: list[EquityPoint]
    next: str | None = None
