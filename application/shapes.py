"""Shapes: in which form each target can rest, by the rules, and by what the exchange has refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from application.exchange import Capabilities, RefusedByExchange
from application.forms import Form, forms_of
from application.protection import Target
from domain.market import Market

REMEMBERED = timedelta(hours=1)
"""For how long a form counts as refused in a market: as long as its rules are loaded."""


@dataclass(frozen=True)
class Refusal:
    """Why a form did not rest, in the platform's code and in the exchange's words."""

    code: str
    detail: str
    at: datetime


Key = tuple[str, Form, Decimal | None]
"""Market, form, and the take-profit that belongs to the form: another price may be taken."""


class Shapes:
    """What one broker's exchange would not let rest."""

    def __init__(self, capabilities: Callable[[], Capabilities], clock: Callable[[], datetime]) -> None:
        self._capabilities = capabilities
        self._clock = clock
        self._refusals: dict[Key, Refusal] = {}

    def best(self, target: Target, market: Market, last: Decimal | None = None, *, listed: bool = True) -> Form | None:
        """Return the best form that can rest, None where there is none. Without `listed`, lists are left out."""
        forms = [form for form in forms_of(target, market, self._capabilities(), last) if listed or not form.listed]
        return next((form for form in forms if not self._is_refused(_key(market, form, target))), None)

    def refuse(self, target: Target, market: Market, form: Form, error: RefusedByExchange) -> None:
        """Remember what the exchange would not take."""
        self._refusals[_key(market, form, target)] = Refusal(error.code, str(error), self._clock())

    def why_not(self, target: Target, market: Market) -> Refusal | None:
        """Return the newest refusal that stands against a better form than the one that rests."""
        forms = forms_of(target, market, self._capabilities())
        found = [self._refusals[key] for form in forms if (key := _key(market, form, target)) in self._refusals]
        return max(found, key=lambda refusal: refusal.at, default=None)

    def forget(self, symbol: str | None = None) -> None:
        """Try everything again: the rules were loaded anew, or nothing else was left to be tried."""
        self._refusals = {key: kept for key, kept in self._refusals.items() if symbol not in {None, key[0]}}

    def _is_refused(self, key: Key) -> bool:
        refusal = self._refusals.get(key)
        return refusal is not None and self._clock() - refusal.at < REMEMBERED


def _key(market: Market, form: Form, target: Target) -> Key:
    return market.symbol, form, target.take_profit if form.take else None
