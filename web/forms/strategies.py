"""Strategies: their code, its versions and drafts, and what checks have found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from domain.candles.anchor import HISTORIES, HISTORY
from domain.candles.series import PAIR
from domain.strategies.strategy import LONGEST_DESCRIPTION
from web.forms.candles import Word
from web.forms.heartbeat import ChartCandle, Timeframe
from web.forms.values import Text

LONGEST_DRAFT = 500_000
"""Characters of a draft, which may be longer than any code that can be saved."""


def _storable(code: str) -> str:
    """Reject what no database keeps: zero bytes, and halves of surrogate pairs. Raises `ValueError`."""
    code.encode()
    if "\x00" in code:
        raise ValueError("code has no zero bytes")
    return code


def _history(bars: int) -> int:
    if bars not in HISTORIES:
        raise ValueError(f"a history is one of {HISTORIES}")
    return bars


Code = Annotated[str, AfterValidator(_storable), StringConstraints(max_length=LONGEST_DRAFT)]
Description = Annotated[str, AfterValidator(_storable), StringConstraints(max_length=LONGEST_DESCRIPTION)]
History = Annotated[int, AfterValidator(_history)]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


class NewStrategy(BaseModel):
    """A strategy to be created. It is asked at the close of every bar of its timeframe."""

    name: Text
    description: Description = ""
    timeframe: Timeframe


class StrategyChange(BaseModel):
    """The fields of a strategy to be changed; those omitted stay."""

    name: Text | None = None
    description: Description | None = None
    timeframe: Timeframe | None = None


class StrategyCreated(BaseModel):
    """The number of a strategy that was created."""

    number: int


class Strategy(BaseModel):
    """A strategy as it is listed. `version` is the number of its newest version, 0 before the first.

    `valid` is null while that version has not been tried on bars. `history` is the number of bars before each block.
    """

    number: int
    name: str
    description: str
    timeframe: Timeframe
    version: int
    history: int
    valid: bool | None
    deleted: bool
    created_at: datetime
    changed_at: datetime


class Strategies(BaseModel):
    """The strategies of a user, those changed last first."""

    items: list[Strategy]


class StrategyDraft(BaseModel):
    """Code that was written and not saved yet. `based_on` is the version it began with, 0 for none."""

    code: Code
    based_on: Number
    history: History = HISTORY


class WrittenDraft(StrategyDraft):
    """A draft to be kept in place of the one that was last written at `seen`, null for none that is known."""

    seen: datetime | None = None


class DraftKept(BaseModel):
    """When a draft was written (UTC)."""

    saved_at: datetime


class KeptStrategyDraft(StrategyDraft):
    """A draft, and when it was last written (UTC)."""

    saved_at: datetime


class OpenStrategy(BaseModel):
    """A strategy as it is opened in the editor: its newest code, or the template before the first version.

    `draft` is what was written since and not saved, null for nothing.
    """

    number: int
    name: str
    description: str
    timeframe: Timeframe
    version: int
    history: int
    valid: bool | None
    code: str
    draft: KeptStrategyDraft | None


class StrategyVersion(BaseModel):
    """One version: the SHA-256 of its code, its history, and what the last check found.

    `fault` is the code of what is wrong with it, at the line `fault_line`.
    """

    number: int
    digest: str
    history: int
    valid: bool | None
    fault: str | None
    fault_line: int | None
    saved_at: datetime


class StrategyVersions(BaseModel):
    """The versions of a strategy, newest first."""

    items: list[StrategyVersion]


class VersionCode(BaseModel):
    """The code of one version."""

    number: int
    history: int
    code: str


class Place(BaseModel):
    """The market whose newest bars a strategy is tried on."""

    exchange: Word = "binance"
    venue: Word = "paper"
    symbol: Annotated[str, Field(pattern=f"^{PAIR}$")] = "BTC/USDT"


class NewVersion(Place):
    """Code to be saved. `based_on` is the version that its author began with: no other may have come since."""

    code: Code
    history: History = HISTORY
    based_on: Number


class AskedPreview(Place):
    """Code, and the timeframe, history and market on whose bars it is tried."""

    code: Code
    timeframe: Timeframe
    history: History = HISTORY


class AskedCheck(AskedPreview):
    """Code to be checked. Unless it is to be `tried` it is only read."""

    tried: bool = True


class CodeProblem(BaseModel):
    """One thing that is wrong with code: its code, its line (null for no line), what it is about, and a traceback."""

    code: str
    line: int | None
    about: str
    traceback: str = ""


class HistoryNeeds(BaseModel):
    """The history that a strategy needs, found by asking it at `looked` bars with each of the `tried` histories.

    `enough` is the shortest with which nothing differed, null when none was. `lines` are indicators that depend on how
    many bars there are, whatever the history.
    """

    looked: int
    tried: list[int]
    enough: int | None
    lines: list[str]


class CodeCheck(BaseModel):
    """The result of a check. It is valid when there are no `problems`.

    It was `asked` at so many real bars, of which `short` had less history than it asks for; at `longs` and `shorts` of
    them it would have bought and sold. Without stored bars it is not asked at all.
    """

    problems: list[CodeProblem]
    asked: int
    short: int
    longs: int
    shorts: int
    log: list[str]
    needs: HistoryNeeds | None


class SavedVersion(BaseModel):
    """The number of the version that was saved, and the check that it has passed."""

    version: int
    check: CodeCheck


class CodeSignal(BaseModel):
    """A signal at the close of the bar that opened at this time (UTC)."""

    opened_at: datetime
    side: Literal["buy", "sell"]


class StrategyLine(BaseModel):
    """An indicator of a strategy at each bar of its preview; null where it has not begun."""

    name: str
    values: list[float | None]


class CodePreview(BaseModel):
    """The last bars of a market, and the signals and indicators of a strategy at them, without stops and targets."""

    candles: list[ChartCandle]
    signals: list[CodeSignal]
    lines: list[StrategyLine]
    problem: CodeProblem | None


class LibraryFunction(BaseModel):
    """A function of pandas-ta-classic: its parameters as they are written, and what it is in one line."""

    name: str
    parameters: str
    about: str


class LibraryFunctions(BaseModel):
    """The functions that a strategy can call as `ta.NAME`."""

    items: list[LibraryFunction]
