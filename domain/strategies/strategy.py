"""A strategy: the code that a trader writes, in versions of which each has been checked before it was saved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id, event
from domain.candles.anchor import HISTORIES
from domain.candles.timeframes import TIMEFRAMES
from domain.refusals import Impossible, Invalid, NotFound

LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_CODE = 60, 500, 100_000
"""Characters of a name, of a description and of the code of one version."""
MOST_VERSIONS = 1000
TEMPLATE = """import pandas_ta as ta


class MaNouvelleStrategie(Strategy):
    def __init__(self, candles, balance, position=None):
        self.candles, self.balance, self.position = candles, balance, position

    def should_long(self) -> bool:
        return False

    def should_short(self) -> bool:
        return False

    def calculate_position_size(self) -> float:
        return 0.0

    def calculate_stop_loss(self) -> float:
        return 0.0

    def calculate_take_profit(self) -> float:
        return 0.0
"""
"""The code that every strategy begins with: it never trades."""


@dataclass(frozen=True)
class Version:
    """One version of the code, without the code itself.

    `digest` is the SHA-256 of the code in UTF-8. `history` is the number of bars that every frame begins with before
    its block. `valid` is None while it has not been tried on bars.
    """

    number: int
    digest: str
    history: int
    valid: bool | None = None


class Strategy(Aggregate):
    """The code of one strategy, its versions, and what was found of them. Only the newest code is kept in memory."""

    @event("Opened")
    def __init__(self, number: int, user: int, name: Personal, description: Personal, timeframe: str) -> None:
        self.number = number
        self.user = user
        self.name = name
        self.description = description
        self.timeframe = timeframe
        self.versions: list[Version] = []
        self.code = ""
        self.deleted = False

    @staticmethod
    def create_id(number: int) -> UUID:
        """Return the id of the strategy with this number."""
        return deterministic_id("strategy", number)

    @classmethod
    def create(cls, number: int, user: int, name: str, description: str, timeframe: str) -> Strategy:
        """Create a strategy without code. Raises `Invalid` for a name, description or timeframe that is not valid."""
        return cls(
            number, user, Personal(checked_name(name)), Personal(_checked_description(description)),
            _checked_timeframe(timeframe),
        )  # fmt: skip

    @property
    def newest(self) -> Version | None:
        """The newest version, None before the first."""
        return self.versions[-1] if self.versions else None

    def version_numbered(self, number: int) -> Version:
        """Return a version. Raises `NotFound` when there is none with this number."""
        if not 1 <= number <= len(self.versions):
            raise NotFound(f"{self.name} has no version {number}")
        return self.versions[number - 1]

    def rename(self, name: str, description: str) -> None:
        """Change name and description. Raises `Invalid` for one that is not valid."""
        self._check_there()
        name, description = checked_name(name), _checked_description(description)
        if (name, description) != (self.name, self.description):
            self._renamed(Personal(name), Personal(description))

    def choose_timeframe(self, timeframe: str) -> None:
        """Choose the timeframe at whose closes it is asked. Raises `Invalid` for one that there is not."""
        self._check_there()
        if _checked_timeframe(timeframe) != self.timeframe:
            self._timeframe_chosen(timeframe)

    def change_code(self, code: str, history: int, based_on: int) -> Version:
        """Save code that was checked, as a new version unless the newest one is the same. Return that version.

        `based_on` is the number of the version that its author began with, 0 for none. Raises `Impossible` when another
        version was saved since, so that nobody overwrites what they have not seen, and `Invalid` for code or a history
        that is not valid.
        """
        self._check_there()
        newest = self.newest
        digest = digest_of(code)
        if newest is not None and (newest.digest, newest.history) == (digest, history):
            return newest
        if based_on != len(self.versions):
            raise Impossible(f"version {len(self.versions)} was saved since", code="strategy_changed", field="code")
        check_code(code)
        if history not in HISTORIES:
            raise Invalid(f"history was {history}", code="history_invalid", field="history")
        if len(self.versions) >= MOST_VERSIONS:
            raise Impossible(f"{self.name} has {MOST_VERSIONS} versions", code="versions_full")
        self._code_changed(len(self.versions) + 1, digest, history, Personal(code))
        return self.versions[-1]

    def validate(self, number: int, bars: int) -> None:
        """Record that a version was tried on so many real bars without a fault."""
        self._check_there()
        if self.version_numbered(number).valid is not True:
            self._validated(number, bars)

    def invalidate(self, number: int, fault: str, line: int | None) -> None:
        """Record that a version has a fault: its code and the line in question, None where no line is.

        Raises `Invalid` for a line that no code has.
        """
        self._check_there()
        if line is not None and not 0 < line <= LONGEST_CODE + 1:
            raise Invalid(f"line was {line}", code="line_invalid", field="line")
        if self.version_numbered(number).valid is not False:
            self._invalidated(number, fault, line)

    def delete(self) -> None:
        """Delete it. Its versions stay in the log, sealed with its author's key."""
        if not self.deleted:
            self._deleted()

    def _check_there(self) -> None:
        if self.deleted:
            raise NotFound("there is no such strategy")

    # --- events ------------------------------------------------------------------------------------------------

    @event("Renamed")
    def _renamed(self, name: Personal, description: Personal) -> None:
        self.name, self.description = name, description

    @event("TimeframeChosen")
    def _timeframe_chosen(self, timeframe: str) -> None:
        self.timeframe = timeframe

    @event("CodeChanged")
    def _code_changed(self, number: int, digest: str, history: int, code: Personal) -> None:
        self.versions = [*self.versions, Version(number, digest, history)]
        self.code = code

    @event("Validated")
    def _validated(self, number: int, bars: int) -> None:
        self._judge(number, valid=True)

    @event("Invalidated")
    def _invalidated(self, number: int, fault: str, line: int | None) -> None:
        self._judge(number, valid=False)

    def _judge(self, number: int, *, valid: bool) -> None:
        self.versions = [replace(one, valid=valid) if one.number == number else one for one in self.versions]

    @event("Deleted")
    def _deleted(self) -> None:
        self.deleted, self.code = True, ""


def digest_of(code: str) -> str:
    """Return what tells versions of code apart: the SHA-256 of its UTF-8, in hexadecimal."""
    return hashlib.sha256(code.encode()).hexdigest()


def check_code(code: str) -> None:
    """Raise `Invalid` for code that cannot be kept: empty, above 100,000 characters, or no text."""
    if not code.strip() or len(code) > LONGEST_CODE:
        raise Invalid(f"the code had {len(code)} characters", code="code_length", field="code")


def checked_name(name: str) -> str:
    """Return a strategy's name, trimmed. Raises `Invalid` for an empty one or one above 60 characters."""
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise Invalid(f"a name has 1 to {LONGEST_NAME} characters", code="strategy_name_invalid", field="name")
    return name.strip()


def _checked_description(description: str) -> str:
    if len(description) > LONGEST_DESCRIPTION:
        raise Invalid(
            f"a description has at most {LONGEST_DESCRIPTION} characters", code="description_invalid",
            field="description",
        )  # fmt: skip
    return description.strip()


def _checked_timeframe(timeframe: str) -> str:
    if timeframe not in TIMEFRAMES:
        raise Invalid(f"{timeframe!r} is no timeframe", code="timeframe_unknown", field="timeframe")
    return timeframe
