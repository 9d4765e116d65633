"""Trouble: what stands in the way of one position's protection, since when, and what was tried."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from application.protection.target import Target
from domain.amounts import ZERO
from domain.market import Market
from domain.trading.position import Position

DOUBT_BEFORE_ALARM = timedelta(seconds=5)
"""The time for which a protection may be in doubt before the position counts as unprotected."""
QUIET_FOR = timedelta(seconds=5)
"""The time without a partial fill of the take-profit after which both prices rest as a list again."""
OLD_AFTER = timedelta(seconds=10)
"""The greatest age of a price that is watched in place of an order."""
AT_MOST_EVERY = 1.0
"""Seconds between two changes of one position's protection."""
LOOK_EVERY = 2.0
"""Seconds between two looks at the price of what does not rest."""
RESTED_WELL = timedelta(seconds=60)
"""The time after the exchange has ended a stop from which the next ended stop counts as the first again."""
MOST_DOUBLINGS = 6
"""The most times that the pause between two attempts doubles while the same protection keeps being refused."""


@dataclass
class Trouble:
    """The memory of one position until its protection rests."""

    refused: Target | None = None
    sale: Target | None = None
    """The target that was last sold because the market had passed its price."""
    sales: int = 0
    """The number of attempts to sell the same target in a row, not counting the first."""
    sale_not_before: float = 0.0
    """The time at which such a sale may be tried again (seconds on the loop's clock)."""
    needed: Decimal = ZERO
    """The quantity (base) that a stop has to cover, as last seen."""
    not_before: float = 0.0
    """The time at which something may be placed again (seconds on the loop's clock). Looks at the price go on."""
    times: int = 0
    """The number of refusals of this target in a row."""
    since: datetime | None = None
    """The start of the present trouble, None when nothing stands in the way."""
    reason: str = ""
    detail: str = ""
    lags: int = 0
    """The number of times that the exchange called coins missing that had just been freed or bought."""
    short: tuple[datetime, Decimal] | None = None
    """The time at which the account was first seen with too few coins, and how many it had (base)."""
    cap: tuple[Decimal, Decimal] | None = None
    """The quantity that the position held when coins were found missing, and the quantity that is there (base)."""
    watched: str = ""
    """The symbol whose every price is looked at, as a wanted order does not rest; empty for none."""
    priced_at: datetime | None = None
    """The time at which its price was last seen, or the watch began."""
    apart: Target | None = None
    """The target that found no place beside the orders it replaces: they are taken off first."""
    seen_at_target: datetime | None = None
    """The time since which the bid has met a take-profit that does not rest."""

    passed_since: datetime | None = None
    """The time since which the price has been at or below a stop that rests and has not sold."""
    lost_legs: frozenset[UUID] = frozenset()
    """The stops that the exchange has ended by itself, as last seen."""
    losses: int = 0
    """The number of times that the exchange ended stops in quick succession."""
    lost_at: datetime | None = None
    looked: dict[UUID, Decimal] = field(default_factory=dict)
    """The trigger of each leg (quote per base) at which the price was seen on its right side after it was placed."""
    sold_in_part: datetime | None = None
    """The time at which a take-profit was last seen filled in part.

    Until its partial fills stop, a stop alone rests in place of the list.
    """

    def sells_in_parts(self, now: datetime) -> bool:
        """Return whether the take-profit is still being filled in parts."""
        return self.sold_in_part is not None and now - self.sold_in_part < QUIET_FOR

    def watch(self, symbol: str, now: datetime) -> None:
        """Watch every price of this market from now on."""
        self.watched, self.priced_at = symbol, self.priced_at or now

    def is_blind(self, now: datetime) -> bool:
        """Return whether a price is watched but has not been seen for longer than `OLD_AFTER`."""
        return bool(self.watched) and self.priced_at is not None and now - self.priced_at > OLD_AFTER

    def lose(self, ended: frozenset[UUID], now: datetime) -> bool:
        """Note the stops that the exchange has ended by itself. Return whether one of them is new."""
        new = ended - self.lost_legs
        if not new:
            return False
        if self.lost_at is None or now - self.lost_at > RESTED_WELL:
            self.losses = 0
        self.lost_legs, self.losses, self.lost_at = frozenset(ended), self.losses + 1, now
        return True

    def pause_after_losses(self) -> float:
        """Return the seconds to wait before another stop is placed.

        There is no wait after the first loss. From the second on, it doubles with each, up to a limit.
        """
        return AT_MOST_EVERY * float(2 ** min(self.losses - 2, MOST_DOUBLINGS)) if self.losses > 1 else 0.0

    def rested(self) -> Trouble:
        """Return the memory to keep once everything rests."""
        return Trouble(
            not_before=self.not_before, lost_legs=self.lost_legs, losses=self.losses, lost_at=self.lost_at,
            looked=self.looked,
        )  # fmt: skip

    def begin(self, reason: str, since: datetime, detail: str = "") -> None:
        """Note what stands in the way. A trouble that has begun already keeps its start."""
        self.since, self.reason, self.detail = self.since or since, reason, detail

    def end(self) -> None:
        """Note that nothing stands in the way any longer."""
        self.since = None

    def lasts(self, now: datetime) -> bool:
        """Return whether the trouble has lasted so long that the owner has to know."""
        return self.since is not None and now - self.since >= DOUBT_BEFORE_ALARM

    def refuse(self, target: Target, detail: str = "") -> None:
        """Count a refusal of the target, or an attempt that came to nothing."""
        self.times = self.times + 1 if self.refused == target else 1
        self.refused, self.detail = target, detail or self.detail

    def sell(self, target: Target) -> int:
        """Note a sale in place of the target. Return the number of attempts before it in a row."""
        self.sales = self.sales + 1 if self.sale == target else 0
        self.sale = target
        return self.sales

    def pause(self, target: Target | None, shortest: float) -> float:
        """Return the seconds between two attempts, doubled with each refusal of the same target up to a limit.

        With None for the target, all counted refusals lengthen the pause.
        """
        if target is not None and self.refused != target:
            return shortest
        return shortest * float(2 ** min(self.times, MOST_DOUBLINGS))

    def capped(self, target: Target, position: Position, market: Market) -> Target | None:
        """Return the target cut to the coins that are there, None when there are none.

        A cap found for another held quantity no longer applies and is dropped.
        """
        if self.cap is None or self.cap[0] != position.held:
            self.cap = None
            return target
        quantity = min(target.quantity, market.round_quantity(self.cap[1]))
        return replace(target, quantity=quantity) if quantity else None
