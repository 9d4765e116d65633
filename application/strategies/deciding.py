"""Deciding: what the answers of a strategy come to, the same in a dry run, in a backtest and live.

Answers are binary numbers; what comes out is exact, rounded as the market takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.amounts import ZERO, difference, down_to_step, product, total
from domain.market import Market
from domain.orders.wish import Type
from domain.refusals import Invalid

ONE = Decimal(1)
MOST_TARGET = 1000
"""The farthest target, as a multiple of the entry price above it."""


@dataclass(frozen=True)
class Refusal:
    """A decision to do nothing: a code, what it is about, and the method whose answer it was, if it was one."""

    code: str
    about: str
    method: str | None = None


@dataclass(frozen=True)
class Entry:
    """A buy at the market of so much (base), which costs about `cost` (quote) without its fee.

    `stop` and `target` are prices on the tick, measured from the price at which the entry is decided; `levels` moves
    them to the price at which it is filled. None means that there is none.
    """

    quantity: Decimal
    cost: Decimal
    stop: Decimal | None
    target: Decimal | None


@dataclass(frozen=True)
class Exit:
    """A sale of all that is held."""


Decision = Entry | Exit | Refusal | None
"""An act that is due; None for nothing."""


def decide(answers: Mapping[str, Any], market: Market, price: Decimal, free: Decimal, fee: Decimal) -> Decision:
    """Return what the answers of a strategy (`Reply.decision`) come to at a price (quote per base).

    `free` is what may be spent (quote), its fee included; `fee` the taker's, as a fraction. An amount of zero is no
    order. What is more than free is cut to what is.
    """
    if answers.get("short"):
        return Exit()
    if not answers.get("long"):
        return None
    refused = refusal_of(answers)
    if refused is not None or not answers["size"]:
        return refused
    if free <= 0:
        return Refusal("insufficient_funds", f"{free:f} {market.quote}")
    return _entry(answers, market, price, free / (ONE + fee))


def _entry(answers: Mapping[str, Any], market: Market, price: Decimal, affordable: Decimal) -> Entry | Refusal:
    quantity = market.round_quantity(min(_exact(answers["size"]), affordable) / price, Type.MARKET)
    stop, target = levels(price, answers["stop"], answers["target"], market)
    if stop is not None and stop <= 0:
        return Refusal("stop_out_of_range", f"{answers['stop']}", "calculate_stop_loss")
    try:
        market.check(Type.MARKET, quantity, None, None, price)
    except Invalid as error:
        return Refusal(error.code, str(error))
    return Entry(quantity, product(quantity, price), stop, target)


def refusal_of(answers: Mapping[str, Any]) -> Refusal | None:
    """Return what is wrong with the numbers of a decision wherever it is taken, None when nothing is."""
    if not answers.get("long"):
        return None
    size, stop, target = answers["size"], answers["stop"], answers["target"]
    if size < 0:
        return Refusal("size_negative", f"{size}", "calculate_position_size")
    if not 0 <= stop < 1:
        return Refusal("stop_out_of_range", f"{stop}", "calculate_stop_loss")
    if not 0 <= target <= MOST_TARGET:
        return Refusal("target_out_of_range", f"{target}", "calculate_take_profit")
    return None


def levels(entry: Decimal, stop: float, target: float, market: Market) -> tuple[Decimal | None, Decimal | None]:
    """Return the prices of a stop and a target that lie so far (fractions) below and above an entry price.

    The stop is rounded down to the tick and the target up, so that neither comes closer than was asked for. Zero means
    that there is none.
    """
    below = product(entry, difference(ONE, _exact(stop))) if stop else None
    above = product(entry, total([ONE, _exact(target)])) if target else None
    return (
        None if below is None else down_to_step(below, market.price_tick),
        None if above is None else _up_to_step(above, market.price_tick),
    )


def _exact(number: float) -> Decimal:
    """Return the decimal that a binary number stands for: the shortest that reads back as it."""
    return Decimal(str(number))


def _up_to_step(amount: Decimal, step: Decimal) -> Decimal:
    down = down_to_step(amount, step)
    return down if down == amount or not step else difference(down, ZERO - step)
