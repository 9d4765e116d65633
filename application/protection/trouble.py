"""Trouble: what stands in the way of one position's protection, since when, and what was tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from application.protection.target import Target
from domain.amounts import ZERO
from domain.market import Market
from domain.position import Position

DOUBT_BEFORE_ALARM = timedelta(seconds=5)
"""How long a protection may be in doubt before the position counts as unprotected."""
QUIET_FOR = timedelta(seconds=5)
"""How long no part of a target has to be sold before both prices rest as a list again."""
OLD_AFTER = timedelta(seconds=10)
"""How old a price may become that is watched in the place of an order."""
AT_MOST_EVERY = 1.0
"""Seconds between two changes of one position's protection."""
LOOK_EVERY = 2.0
"""Seconds between two looks at the price of what does not rest."""
RESTED_WELL = timedelta(seconds=60)
"""How long after a stop was ended by the exchange the next one that is ended is the first."""
MOST_DOUBLINGS = 6
"""How often the pause between two tries is doubled while the exchange refuses the same protection again and again."""


@dataclass
class Trouble:
    """What is remembered of one position until its protection rests."""

    refused: Target | None = None
    sale: Target | None = None
    """What was last sold because its price had passed."""
    sales: int = 0
    """How often that was tried in a row."""
    sale_not_before: float = 0.0
    """When such a sale may be tried again (by the loop's clock)."""
    needed: Decimal = ZERO
    """How much a stop has to cover (base), as last seen."""
    not_before: float = 0.0
    """When something may be placed again (by the loop's clock); the price is looked at meanwhile."""
    times: int = 0
    """How often this target was refused in a row."""
    since: datetime | None = None
    """Since when nothing could be found out or done at all."""
    reason: str = ""
    detail: str = ""
    lags: int = 0
    """How often the exchange said that coins are missing which had just been freed or bought."""
    short: tuple[datetime, Decimal] | None = None
    """When the account was first seen to have too few coins, and how many it had."""
    cap: tuple[Decimal, Decimal] | None = None
    """What the position held when it was found that only so much of it is there (base)."""
    watched: str = ""
    """The symbol of which every price is looked at, because something that is wanted does not rest."""
    priced_at: datetime | None = None
    """When its price was last seen, or first asked for."""
    apart: Target | None = None
    """What found no place beside what it replaces: that is taken off first."""
    seen_at_target: datetime | None = None
    """Since when the bid is at a target that does not rest."""

    passed_since: datetime | None = None
    """Since when the price is below a stop that rests and has not sold."""
    lost_legs: frozenset[UUID] = frozenset()
    """The stops that the exchange has ended by itself, one shortly after the other, as last seen."""
    losses: int = 0
    """How many those were."""
    lost_at: datetime | None = None
    sold_in_part: datetime | None = None
    """When a target was last seen to have sold a part: until it has stopped, a stop alone takes its place."""

    def sells_in_parts(self, now: datetime) -> bool:
        """Return whether the target is still being executed in parts."""
        return self.sold_in_part is not None and now - self.sold_in_part < QUIET_FOR

    def watch(self, symbol: str, now: datetime) -> None:
        """Every price of this market is looked at from now on."""
        self.watched, self.priced_at = symbol, self.priced_at or now

    def is_blind(self, now: datetime) -> bool:
        """Return whether a price is watched and none has been seen for long."""
        return bool(self.watched) and self.priced_at is not None and now - self.priced_at > OLD_AFTER

    def lose(self, ended: frozenset[UUID], now: datetime) -> bool:
        """The exchange has ended these stops by itself; return whether one of them was not known."""
        new = ended - self.lost_legs
        if not new:
            return False
        if self.lost_at is None or now - self.lost_at > RESTED_WELL:
            self.losses = 0
        self.lost_legs, self.losses, self.lost_at = frozenset(ended), self.losses + 1, now
        return True

    def pause_after_losses(self) -> float:
        """Seconds before another stop is placed: none after the first that was ended, then more with each."""
        return AT_MOST_EVERY * float(2 ** min(self.losses - 2, MOST_DOUBLINGS)) if self.losses > 1 else 0.0

    def rested(self) -> Trouble:
        """Return what is remembered once everything rests."""
        return Trouble(
            not_before=self.not_before, lost_legs=self.lost_legs, losses=self.losses, lost_at=self.lost_at,
        )  # fmt: skip

    def begin(self, reason: str, since: datetime, detail: str = "") -> None:
        """Something stands in the way; what has stood there since before keeps its time."""
        self.since, self.reason, self.detail = self.since or since, reason, detail

    def end(self) -> None:
        """Nothing does any more."""
        self.since = None

    def lasts(self, now: datetime) -> bool:
        """Return whether it has lasted for so long that the owner has to know."""
        return self.since is not None and now - self.since >= DOUBT_BEFORE_ALARM

    def refuse(self, target: Target, detail: str = "") -> None:
        """The exchange would not have it, or nothing has come of it."""
        self.times = self.times + 1 if self.refused == target else 1
        self.refused, self.detail = target, detail or self.detail

    def sell(self, target: Target) -> int:
        """What the target stood for is sold now; return how often it was tried before."""
        self.sales = self.sales + 1 if self.sale == target else 0
        self.sale = target
        return self.sales

    def pause(self, target: Target | None, shortest: float) -> float:
        """Seconds between two tries, more with each refusal of the same."""
        if target is not None and self.refused != target:
            return shortest
        return shortest * float(2 ** min(self.times, MOST_DOUBLINGS))

    def capped(self, target: Target, position: Position, market: Market) -> Target | None:
        """Return the target for the coins that are there, None when there are none."""
        if self.cap is None or self.cap[0] != position.held:
            self.cap = None
            return target
        quantity = min(target.quantity, market.round_quantity(self.cap[1]))
        return replace(target, quantity=quantity) if quantity else None
