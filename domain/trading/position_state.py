"""The state of a position: the values that its events leave, and what follows from them.

Quantities are in the base currency, prices and costs in the quote currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain.amounts import ZERO, difference
from domain.orders.wish import Protection
from domain.protection.cover import Cover
from domain.protection.level import CARRIED_OUT, TELLING_BY_AGE, Level, level_of
from domain.protection.requests import Requests
from domain.trading.trade import Trade


@dataclass(frozen=True)
class Entry:
    """A buy that outlives its trade.

    `protection` is the one that its next fill brings, `brought` the one that it brought at first.
    """

    order_id: UUID
    protection: Protection | None
    brought: Protection | None


class PositionState:
    """A position at one moment."""

    user: int
    broker: int
    symbol: str
    owner: str
    previous: UUID | None
    """The stream of the previous trade, None for the first."""
    trade: Trade
    requests: Requests
    executions: set[str]
    """The keys of the fills that are counted."""
    entries: dict[UUID, Protection | None]
    """The wanted buys, each with the protection that its next fill brings."""
    brought: dict[UUID, Protection]
    """The protection that each buy brought at first, and brings to the next trade too if it outlives its own."""
    exits: list[UUID]
    """The wanted sells of the running trade."""
    in_force: Protection | None
    """The protection that rested last; None once it is known to be lost."""
    resting: list[UUID]
    """The orders that protect it now."""
    protected: Decimal
    """The quantity for which they rest."""
    weighed: Decimal
    """The quantity that was to be covered (base) when they were placed, less what they have sold."""
    lost: str | None
    """The reason why nothing rests that should; None while all is well."""
    target_watched: bool
    """True when the target found no place beside the stop, and is sold when its price is offered."""

    @property
    def held(self) -> Decimal:
        """The coins of the trade (base), dust of the one before included."""
        return self.trade.held

    @property
    def is_open(self) -> bool:
        """True from the first executed buy until what is held is too small to be sold."""
        return self.trade.opened_at is not None

    @property
    def is_over(self) -> bool:
        """True once its trade is complete: what comes next belongs to the stream of the next one."""
        return not self.is_open and bool(self.executions)

    @property
    def wanted(self) -> Protection | None:
        """The protection that is wanted now, whether it rests or not."""
        return self.requests.wanted

    @property
    def cover(self) -> Cover:
        """The parts of what is held that are to be under its stop, and to be sold at its target."""
        return self.requests.cover

    @property
    def covered(self) -> Decimal:
        """The part of what is held (base) that is to be under a stop."""
        return self.cover.quantity

    @property
    def level(self) -> Level:
        """The level of its protection now."""
        if self.is_open and self.lost == CARRIED_OUT:
            return Level.NO_STOP
        if not self.is_open or self.wanted is None:
            return Level.NONE
        return level_of(
            stopped=self.wanted.stop_loss is not None,
            lost=self.lost,
            rests=bool(self.protected) or self.target_watched,
            moving=self.wanted != self.in_force or self.is_asked,
            share=self.cover.share,
            bare=self.bare,
        )

    @property
    def bare(self) -> Decimal:
        """The quantity to be covered (base) that was bought or lost its stop since the resting orders were placed."""
        return max(difference(self.covered, self.weighed), ZERO)

    @property
    def tells_by_age(self) -> bool:
        """True when only the age of its level can show that something is wrong."""
        return self.level in TELLING_BY_AGE or (self.level is Level.PARTLY_COVERED and bool(self.bare))

    @property
    def request(self) -> UUID | None:
        """The webhook or form that asked for the wanted protection."""
        return self.requests.newest

    @property
    def is_asked(self) -> bool:
        """True while a request for a protection is pending: it has not been answered yet."""
        return self.requests.is_pending

    @property
    def wanted_before(self) -> Protection | None:
        """The protection that is wanted again when the pending request is refused."""
        return self.requests.former[0]

    @property
    def is_left_over(self) -> bool:
        """True when a protection is wanted for buys that are not filled. It counts only while one is on its way."""
        return not self.is_open and self.wanted is not None
