"""Shapes: in which form each target can rest, by the rules, and by what the exchange has refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from application.orders.account import NO_PLACE
from application.ports.exchange import Capabilities, RefusedByExchange
from application.protection.case import Case
from application.protection.forms import Form, forms_of, why_none, wishes_of
from application.protection.resting import Change, change_of, go_in_one_call
from application.protection.target import STOPS, Target
from domain.market import Market
from domain.order import Order
from domain.wish import Type

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""For how long a form counts as refused at first, and at most: twice as long each time, while its rules are the same.

One that would take a stop off the book to be tried is not tried before the longest of these has passed.
"""
LISTED = "list"
TOO_FAR = "price_too_far"
WEIGHED_FIRST = frozenset({TOO_FAR, NO_PLACE, "filter_failed", "market_lot_exceeded", "notional_refused"})
"""Refusals by a filter: in one call it is weighed before anything is taken off, other rules after that."""


@dataclass(frozen=True)
class Refusal:
    """Why a form did not rest, in the exchange's words, and how often in a row; from `due` on it may be tried."""

    code: str | None
    detail: str
    at: datetime
    due: datetime
    times: int

    def stands(self, now: datetime, *, bares: bool) -> bool:
        """Return whether the form is not to be tried now; `bares` where that takes a stop off the book."""
        return now < (self.at + LONGEST if bares else self.due)


Key = tuple[str, Form, Decimal | None, Decimal | None]
"""Market, form, the take-profit that belongs to the form, and the stop where its price was what was refused."""


class Shapes:
    """What one broker's exchange would not let rest."""

    def __init__(self, capabilities: Callable[[], Capabilities], clock: Callable[[], datetime]) -> None:
        self._capabilities = capabilities
        self._clock = clock
        self._refusals: dict[Key, Refusal] = {}

    def best(self, case: Case, last: Decimal | None = None, *, listed: bool = True) -> Form | None:
        """Return the best form that rests or may be tried, None where there is none. Without `listed`, no list is."""
        forms = forms_of(case.target, case.market, self._capabilities(), last)
        return next((form for form in forms if (listed or not form.listed) and self._is_possible(case, form)), None)

    def _is_possible(self, case: Case, form: Form) -> bool:
        change = change_of(wishes_of(case.target, form, case.market, LISTED), case.resting, case.market)
        if change == Change([], []):
            return True
        takes_off, safe = any(leg.wish.type in STOPS for leg in change.stale), self.in_one_call(case, change)
        now, refusals = self._clock(), self._refusals_of(case.target, case.market, form)
        return not any(
            one.stands(now, bares=takes_off and not (safe and one.code in WEIGHED_FIRST)) for one in refusals
        )

    def in_one_call(self, case: Case, change: Change) -> bool:
        """Return whether one call puts what is missing in the place of what goes."""
        one = len(change.missing) == 1 and bool(change.stale) and case.trouble.apart != case.target
        return one and self.replaces(case.market, change.stale)

    def replaces(self, market: Market, resting: Sequence[Order]) -> bool:
        """Return whether one call can take these off and send an order."""
        return go_in_one_call(resting, market, self._capabilities())

    # --- what was refused --------------------------------------------------------------------------------------

    def refuse(self, target: Target, market: Market, form: Form, error: RefusedByExchange) -> None:
        """Remember what the exchange would not take, and what it would not take for the same reason."""
        now = self._clock()
        for one in _alike(form, error.code):
            key = _key(market, one, target, priced=error.code == TOO_FAR)
            times = self._refusals[key].times + 1 if key in self._refusals else 1
            pause = min(SHORTEST * 2 ** min(times - 1, 6), LONGEST)
            self._refusals[key] = Refusal(error.code, str(error), now, now + pause, times)
        self._refusals = {key: kept for key, kept in self._refusals.items() if now - kept.at < 2 * LONGEST}

    def why_not(self, target: Target, market: Market, last: Decimal | None) -> str:
        """Return why no form can rest: the exchange's newest refusal, or else the rule that forbids it."""
        forms, now = forms_of(target, market, self._capabilities(), last), self._clock()
        found = [one for form in forms for one in self._refusals_of(target, market, form)]
        newest = max((one for one in found if one.stands(now, bares=True)), key=lambda one: one.at, default=None)
        return why_none(target, market, last) if newest is None else newest.detail

    def forget(self, symbol: str) -> None:
        """Its rules have changed: what was refused under the old ones says nothing any more."""
        self._refusals = {key: kept for key, kept in self._refusals.items() if key[0] != symbol}

    def try_again(self, symbol: str) -> None:
        """Nothing else is left to be tried: all may be tried that takes no stop off."""
        now = self._clock()
        for key, kept in self._refusals.items():
            if key[0] == symbol:
                self._refusals[key] = replace(kept, due=min(kept.due, now))

    def _refusals_of(self, target: Target, market: Market, form: Form) -> list[Refusal]:
        keys = {_key(market, form, target, priced=priced) for priced in (True, False)}
        return [self._refusals[key] for key in keys if key in self._refusals]


def _key(market: Market, form: Form, target: Target, *, priced: bool) -> Key:
    """A stop at the market has no price that could be too far, its take-profit may have."""
    stop = target.stop_loss if priced and form.stop is Type.STOP_LOSS_LIMIT else None
    return market.symbol, form, target.take_profit if form.take else None, stop


def _alike(form: Form, code: str | None) -> list[Form]:
    """Return the forms for which the same refusal holds: lists take the same places, and have the same target."""
    too_far = code == TOO_FAR and form.stop is Type.STOP_LOSS
    if form.listed and (code == NO_PLACE or too_far):
        return [replace(form, stop=kind) for kind in sorted(STOPS)]
    return [form]
