"""Levels of protection: how well a position is protected at a moment, in one word."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from domain.wish import HUNDRED_PERCENT

CARRIED_OUT = "carried_out"
"""Why nothing rests for what is left: the stop or the target has sold all that it was to sell."""
BELOW_MINIMUM = frozenset({"not_protectable", "too_small_to_protect"})
REFUSED = frozenset({"cannot_rest", "protection_refused", "symbol_unknown", "would_trigger"})
"""Reasons for which nothing rests: what is left is too little for an order, or a rule forbids it."""


class Level(StrEnum):
    """From the best to the worst."""

    NONE = "none"
    """Nothing is wanted."""
    COVERED = "covered"
    PARTLY_COVERED = "partly_covered"
    """A stop rests for a part: for the share that was asked for, or not yet for what was bought last."""
    NO_STOP = "no_stop"
    """No stop is wanted for what is left: only a target is, or the stop has done its work."""
    IN_EXIT = "in_exit"
    """All of it is being sold."""
    OLD_LEVEL = "old_level"
    """A stop rests where it was before the last request."""
    AWAITED = "awaited"
    """The stop is on its way, and nothing rests yet."""
    BELOW_MINIMUM = "below_minimum"
    REFUSED = "refused"
    UNPROTECTED = "unprotected"


TELLING_BY_AGE = frozenset({Level.OLD_LEVEL, Level.AWAITED})
"""Levels that no refusal speaks of: only their age tells that something is wrong.

So does that of a position that is partly covered because it has grown.
"""


def level_of(*, stopped: bool, lost: str | None, rests: bool, moving: bool, share: Decimal, bare: Decimal) -> Level:
    """Return the level of a position for which something is wanted.

    `stopped`: a stop is wanted. `lost`: why nothing rests that should. `rests`: something does. `moving`: something
    else was asked for since. `share` is what is to be under the stop (percent), `bare` how much of that (base) has come
    since what rests was placed.
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
