"""Holdings: checking that one broker's account still holds what its positions say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from application.orders.account import Account
from application.reconciliation.memory import SECOND_LOOK
from application.reconciliation.run import Run
from domain.amounts import ZERO, difference
from domain.trading.position import Position

Shortage = tuple[Decimal, Decimal]
"""The amount of a currency that all positions hold together, and the amount that the account holds."""


class Holdings:
    """The coins of one broker's account, checked against its positions.

    The account may hold more than the positions do, as its owner may have other coins. When it holds less, coins were
    sold or withdrawn elsewhere.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._since: dict[tuple[str, Shortage], datetime] = {}
        """The time at which each shortage of a currency was first seen with its present amounts."""
        self._told: dict[str, Shortage] = {}

    def compare(self, run: Run, positions: Sequence[Position], balances: Mapping[str, Decimal]) -> None:
        """Leave a shortage to a person once it has lasted unchanged for `SECOND_LOOK`.

        Until then, an execution that explains it may be on its way.
        """
        now = self._account.clock()
        since = {short: self._since.get(short, now) for short in self._short(positions, balances).items()}
        for (currency, shortage), seen in since.items():
            if now - seen < SECOND_LOOK:
                continue
            left = run.left_to_a_person(currency, first=self._told.get(currency) != shortage)
            if left is not None:
                run.note_holding(currency, *shortage, left)
            if not run.dry:
                self._told[currency] = shortage
        if not run.dry:
            self._since = since

    def _short(self, positions: Sequence[Position], balances: Mapping[str, Decimal]) -> dict[str, Shortage]:
        """Return the shortages by currency that are large enough to be traded: above the largest quantity step."""
        held, least = defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal)
        for position in positions:
            market = self._account.markets.get(position.symbol)
            if market is not None:
                held[market.base] += position.held
                least[market.base] = max(least[market.base], market.quantity_step)
        there = {currency: balances.get(currency, ZERO) for currency in held}
        return {
            currency: (amount, there[currency])
            for currency, amount in held.items()
            if difference(amount, there[currency]) > least[currency]
        }
