"""Cover: how much of a position is under its stop, and how much is to be sold at its target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from domain.amounts import ZERO, difference, product, total
from domain.wish import HUNDRED_PERCENT, Protection


@dataclass(frozen=True)
class Cover:
    """How much of what is held is under a stop, and how much is to be sold at a target: shares (percent) and base.

    Later buys follow the shares. A target sells no more than its stop protects.
    """

    share: Decimal = HUNDRED_PERCENT
    quantity: Decimal = ZERO
    target_share: Decimal = HUNDRED_PERCENT
    target_quantity: Decimal = ZERO

    @classmethod
    def of(
        cls, share: Decimal, quantity: Decimal, target_share: Decimal | None, target_quantity: Decimal | None
    ) -> Cover:
        """Return it as an event tells it; one from before targets had a quantity of their own tells of none."""
        return cls(
            share,
            quantity,
            share if target_share is None else target_share,
            quantity if target_quantity is None else target_quantity,
        )

    def asked(self, protection: Protection, merged: Protection, share: Decimal, held: Decimal) -> Cover:
        """Return what a request makes of it: `protection` names the prices that it moves, `share` is of what is held.

        Without a stop price it never takes coins from under their stop.
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
        """Return it after a buy (base)."""
        return replace(
            self,
            quantity=total((self.quantity, _part(received, self.share))),
            target_quantity=total((self.target_quantity, _part(received, self.target_share))),
        )

    def sold(self, held: Decimal, left: Decimal) -> Cover:
        """Return it after a sale that neither the stop nor the target made: both keep their share."""
        return replace(self, quantity=self.quantity * left / held, target_quantity=self.target_quantity * left / held)

    def carried_out(self, quantity: Decimal, smallest: Decimal, *, by_target: bool) -> Cover:
        """Return it after its stop or its target has sold so much (base): that is covered no more.

        A target of whose part less than the `smallest` order (base) is left is done: no later buy is its business.
        """
        left = max(difference(self.quantity, quantity), ZERO)
        target = max(min(difference(self.target_quantity, quantity if by_target else ZERO), left), ZERO)
        if by_target and target < smallest:
            return replace(self, quantity=left, target_quantity=ZERO, target_share=ZERO)
        return replace(self, quantity=left, target_quantity=target)

    def reduced(self, quantity: Decimal, target_quantity: Decimal | None, target_share: Decimal | None) -> Cover:
        """Return it with what an event of a sale tells; one from before tells no share, and less."""
        share = self.target_share if target_share is None else target_share
        return Cover.of(self.share, quantity, share, target_quantity)

    def left_of(self, protection: Protection | None) -> Protection | None:
        """Return what is wanted of a protection once its target may have sold all that it was to sell."""
        if protection is None or self.target_share:
            return protection
        return None if protection.stop_loss is None else replace(protection, take_profit=None)

    def within(self, held: Decimal) -> Cover:
        """Return it for coins of which some have been sold since."""
        return replace(
            self, quantity=min(self.quantity, held), target_quantity=min(self.target_quantity, self.quantity, held)
        )


def _part(quantity: Decimal, share: Decimal) -> Decimal:
    return product(quantity, share) / HUNDRED_PERCENT
