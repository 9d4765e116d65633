"""Cover: the part of a position that is under its stop, and the part that is to be sold at its target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from domain.amounts import ZERO, difference, product, total
from domain.orders.wish import HUNDRED_PERCENT, Protection


@dataclass(frozen=True)
class Cover:
    """The parts of what is held for a stop and for a target, as shares (percent) and quantities (base).

    The shares apply to later buys. A target sells no more than its stop protects.
    """

    share: Decimal = HUNDRED_PERCENT
    quantity: Decimal = ZERO
    target_share: Decimal = HUNDRED_PERCENT
    target_quantity: Decimal = ZERO

    @classmethod
    def of(
        cls, share: Decimal, quantity: Decimal, target_share: Decimal | None, target_quantity: Decimal | None
    ) -> Cover:
        """Return the cover that an event records.

        An event from before targets had a cover of their own has None for both target values: the stop's apply.
        """
        return cls(
            share,
            quantity,
            share if target_share is None else target_share,
            quantity if target_quantity is None else target_quantity,
        )

    def asked(self, protection: Protection, merged: Protection, share: Decimal, held: Decimal) -> Cover:
        """Return the cover after a request for `share` (percent) of what is held (base).

        `protection` names only the prices that the request moves, `merged` also those that stay. A request without a
        stop price never takes coins from under their stop.
        """
        asked = Cover(share, _part(held, share), share, _part(held, share))
        if merged.stop_loss is None or merged.take_profit is None:
            return asked
        if protection.stop_loss is None:
            return replace(asked, share=max(self.share, share), quantity=min(max(self.quantity, asked.quantity), held))
        if protection.take_profit is None:
            return replace(
                asked, target_share=min(self.target_share, share),
                target_quantity=min(self.target_quantity, asked.quantity),
            )  # fmt: skip
        return asked

    def grown(self, received: Decimal) -> Cover:
        """Return the cover after a buy, extended by its shares of `received` (base)."""
        return replace(
            self,
            quantity=total((self.quantity, _part(received, self.share))),
            target_quantity=total((self.target_quantity, _part(received, self.target_share))),
        )

    def sold(self, held: Decimal, left: Decimal) -> Cover:
        """Return the cover after a sale by neither the stop nor the target: both keep their share of what is `left`."""
        return replace(self, quantity=self.quantity * left / held, target_quantity=self.target_quantity * left / held)

    def carried_out(self, quantity: Decimal, smallest: Decimal, *, by_target: bool) -> Cover:
        """Return the cover after its stop or its target has sold `quantity` (base), which is no longer covered.

        A target with less than the `smallest` order (base) left to sell is done: it does not apply to later buys.
        """
        left = max(difference(self.quantity, quantity), ZERO)
        target = max(min(difference(self.target_quantity, quantity if by_target else ZERO), left), ZERO)
        if by_target and target < smallest:
            return replace(self, quantity=left, target_quantity=ZERO, target_share=ZERO)
        return replace(self, quantity=left, target_quantity=target)

    def reduced(self, quantity: Decimal, target_quantity: Decimal | None, target_share: Decimal | None) -> Cover:
        """Return the cover with the values that a sale's event records.

        An older event has no target share, which then stays, and may have no target quantity: the stop's then applies.
        """
        share = self.target_share if target_share is None else target_share
        return Cover.of(self.share, quantity, share, target_quantity)

    def left_of(self, protection: Protection | None) -> Protection | None:
        """Return what is still wanted of a protection: without its target once that has sold all it was to sell."""
        if protection is None or self.target_share:
            return protection
        return None if protection.stop_loss is None else replace(protection, take_profit=None)

    def within(self, held: Decimal) -> Cover:
        """Return the cover limited to what is still held (base), some coins having been sold since."""
        return replace(
            self, quantity=min(self.quantity, held), target_quantity=min(self.target_quantity, self.quantity, held)
        )


NOTHING = Cover()
"""The cover of a position that holds nothing yet: all of what is bought."""


def _part(quantity: Decimal, share: Decimal) -> Decimal:
    return product(quantity, share) / HUNDRED_PERCENT
