"""Shapes: choosing the form in which a target can rest, given the market's rules and the exchange's refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from application.orders.account import NO_PLACE, Account
from application.ports.errors import RefusedByExchange
from application.protection.case import Case
from application.protection.forms import Form, forms_of, why_none, wishes_of
from application.protection.resting import Change, amends_in_place, change_of, go_in_one_call
from application.protection.target import STOPS, Target
from domain.market import Market
from domain.orders.order import Order
from domain.orders.wish import Type

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""The first and the longest time for which a form counts as refused, doubled with each refusal under the same rules.

A form that would take a stop off the book to be tried waits for the longest.
"""
LISTED = "list"
TOO_FAR = "price_too_far"
WEIGHED_FIRST = frozenset({TOO_FAR, NO_PLACE, "filter_failed", "market_lot_exceeded", "notional_refused"})
"""Refusals by a filter. A replacement in one call checks filters before it cancels, and other rules after that."""


@dataclass(frozen=True)
class Refusal:
    """A form's refusal in the exchange's words, with the number in a row. The form may be tried again from `due` on."""

    code: str | None
    detail: str
    at: datetime
    due: datetime
    times: int

    def stands(self, now: datetime, *, bares: bool) -> bool:
        """Return whether the form must still wait. `bares` is True when trying it takes a stop off the book."""
        return now < (self.at + LONGEST if bares else self.due)


Key = tuple[str, Form, Decimal | None, Decimal | None]
"""Symbol, form, the take-profit if the form has one, and the stop if its price was what the exchange refused."""


class Shapes:
    """The choice of forms for one broker, and the refusals of its exchange."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._refusals: dict[Key, Refusal] = {}

    def best(self, case: Case, last: Decimal | None = None, *, listed: bool = True) -> Form | None:
        """Return the best form that rests already or may be tried, or None. Without `listed`, consider no lists."""
        forms = forms_of(case.target, case.market, self._account.exchange.capabilities, last)
        return next((form for form in forms if (listed or not form.listed) and self._is_possible(case, form)), None)

    def _is_possible(self, case: Case, form: Form) -> bool:
        change = change_of(wishes_of(case.target, form, case.market, LISTED), case.resting, case.market)
        if change == Change([], []):
            return True
        takes_off = any(leg.wish.type in STOPS for leg in change.stale)
        safe = self.in_one_call(case, change) or self.in_place(change)
        now, refusals = self._account.clock(), self._refusals_of(case.target, case.market, form)
        return not any(
            one.stands(now, bares=takes_off and not (safe and one.code in WEIGHED_FIRST)) for one in refusals
        )

    def in_one_call(self, case: Case, change: Change) -> bool:
        """Return whether a single call can cancel the stale orders and place the missing one."""
        one = len(change.missing) == 1 and bool(change.stale) and case.trouble.apart != case.target
        return one and self.replaces(case.market, change.stale)

    def in_place(self, change: Change) -> bool:
        """Return whether the stale order can be changed to the missing one where it waits."""
        return amends_in_place(change, self._account.exchange.capabilities)

    def replaces(self, market: Market, resting: Sequence[Order]) -> bool:
        """Return whether a single call can take these orders off and send another."""
        return go_in_one_call(resting, market, self._account.exchange.capabilities)

    # --- what was refused --------------------------------------------------------------------------------------

    def refuse(self, target: Target, market: Market, form: Form, error: RefusedByExchange) -> None:
        """Remember that the exchange refused a form, and the forms that it would refuse for the same reason."""
        now = self._account.clock()
        for one in _alike(form, error.code):
            key = _key(market, one, target, priced=error.code == TOO_FAR)
            times = self._refusals[key].times + 1 if key in self._refusals else 1
            pause = min(SHORTEST * 2 ** min(times - 1, 6), LONGEST)
            self._refusals[key] = Refusal(error.code, str(error), now, now + pause, times)
        self._refusals = {key: kept for key, kept in self._refusals.items() if now - kept.at < 2 * LONGEST}

    def why_not(self, target: Target, market: Market, last: Decimal | None) -> str:
        """Return why no form can rest: the exchange's newest refusal, or else the rule that forbids it."""
        forms, now = forms_of(target, market, self._account.exchange.capabilities, last), self._account.clock()
        found = [one for form in forms for one in self._refusals_of(target, market, form)]
        newest = max((one for one in found if one.stands(now, bares=True)), key=lambda one: one.at, default=None)
        return why_none(target, market, last) if newest is None else newest.detail

    def forget(self, symbol: str) -> None:
        """Forget a market's refusals once its rules have changed: they say nothing about the new rules."""
        self._refusals = {key: kept for key, kept in self._refusals.items() if key[0] != symbol}

    def try_again(self, symbol: str) -> None:
        """Allow another try of every refused form of a market that takes no stop off the book.

        Meant for when no other form is left to try.
        """
        now = self._account.clock()
        for key, kept in self._refusals.items():
            if key[0] == symbol:
                self._refusals[key] = replace(kept, due=min(kept.due, now))

    def _refusals_of(self, target: Target, market: Market, form: Form) -> list[Refusal]:
        keys = {_key(market, form, target, priced=priced) for priced in (True, False)}
        return [self._refusals[key] for key in keys if key in self._refusals]


def _key(market: Market, form: Form, target: Target, *, priced: bool) -> Key:
    """Return the key of a refusal.

    The stop is part of it only if `priced` and at a limit: a stop at the market has no price that could be too far,
    though its take-profit may have one.
    """
    stop = target.stop_loss if priced and form.stop is Type.STOP_LOSS_LIMIT else None
    return market.symbol, form, target.take_profit if form.take else None, stop


def _alike(form: Form, code: str | None) -> list[Form]:
    """Return the forms for which the same refusal holds.

    Lists with either type of stop take up the same places in the book, and have the same take-profit.
    """
    too_far = code == TOO_FAR and form.stop is Type.STOP_LOSS
    if form.listed and (code == NO_PLACE or too_far):
        return [replace(form, stop=kind) for kind in sorted(STOPS)]
    return [form]
