"""Levels of protection: one word for how well a position is protected at a moment."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from domain.orders.wish import HUNDRED_PERCENT

CARRIED_OUT = "carried_out"
"""The reason why nothing rests for what is left: the stop or the target has sold all that it was to sell."""
BELOW_MINIMUM = frozenset({"not_protectable", "too_small_to_protect"})
REFUSED = frozenset({"cannot_rest", "protection_refused", "symbol_unknown", "would_trigger"})
"""The reasons why nothing rests: what is left is too small for an order (`BELOW_MINIMUM`), or a rule forbids it."""


class Level(StrEnum):
    """The levels, from the best to the worst."""

    NONE = "none"
    """No protection is wanted."""
    COVERED = "covered"
    PARTLY_COVERED = "partly_covered"
    """A stop rests for a part: only for the share that was asked for, or not yet for the last coins bought."""
    NO_STOP = "no_stop"
    """No stop is wanted for what is left: only a target is, or the protection was carried out."""
    IN_EXIT = "in_exit"
    """The whole position is being sold."""
    OLD_LEVEL = "old_level"
    """The protection from before the last request still rests."""
    AWAITED = "awaited"
    """The protection is on its way, and nothing rests yet."""
    BELOW_MINIMUM = "below_minimum"
    REFUSED = "refused"
    UNPROTECTED = "unprotected"


TELLING_BY_AGE = frozenset({Level.OLD_LEVEL, Level.AWAITED})
"""Levels that come without a refusal: only their age shows that something is wrong.

The same holds for a position that is partly covered because it has grown.
"""


def level_of(*, stopped: bool, lost: str | None, rests: bool, moving: bool, share: Decimal, bare: Decimal) -> Level:
    """Return the level of a position for which a protection is wanted.

    `stopped` means that a stop is wanted, `lost` is the reason why nothing rests that should, `rests` means that
    something rests, and `moving` that something else has been asked for since. `share` (percent) is the part that is
    to be under the stop, `bare` the quantity of it (base) that has come, or lost its stop, since the resting orders
    were placed.
    """
    if lost is not None:
        return _of_reason(lost)
    if moving or not rests:
        return Level.OLD_LEVEL if rests else Level.AWAITED
    if not stopped:
        return Level.NO_STOP
    return Level.COVERED if share >= HUNDRED_PERCENT and not bare else Level.PARTLY_COVERED


def _of_reason(reason: str) -> Level:
    if reason == "in_exit":
        return Level.IN_EXIT
    if reason in BELOW_MINIMUM:
        return Level.BELOW_MINIMUM
    if reason == CARRIED_OUT:
        return Level.NO_STOP
    return Level.REFUSED if reason in REFUSED else Level.UNPROTECTED
