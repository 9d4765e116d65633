"""The arrangement of the console."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from web.forms.heartbeat import Indicators
from web.forms.portfolio import Currency

MOST_TABLES = 40
Name = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
Names = Annotated[list[Name], Field(max_length=40)]
Pair = Annotated[str, StringConstraints(pattern=r"^[^\s/]{1,30}/[^\s/]{1,30}$")]
Share = Annotated[float, Field(ge=10, le=80, allow_inf_nan=False)]
DockTab = Literal["positions", "open", "executed", "alerts"]


class TableLayout(BaseModel):
    """The columns of one table in their order, and those among them that are hidden."""

    order: Names
    hidden: Names


class Frame(BaseModel):
    """The parts of a layout besides its tables, as they are at first."""

    unlocked: bool = False
    rail_pinned: bool = False
    dock: Share = 34
    dock_open: bool = True
    dock_tab: DockTab = "positions"
    inspector: Share = 26
    currency: Currency = "USDT"
    favourites: Annotated[list[Pair], Field(max_length=200)] = []
    desk: Literal["chart", "order"] = "chart"
    desk_depth: bool = True
    indicators: Indicators = []


class Layout(Frame):
    """A user's arrangement of the console.

    `dock` is the share of the height (percent) that the dock takes, `dock_tab` its chosen tab, `inspector` the share of
    the width that the inspector takes. `currency` is what the portfolio is valued in, `favourites` are pairs.
    `desk` is the part of the trading desk that is wide, `desk_depth` says whether it shows the order book.
    `indicators` are those of the charts. `tables` has an entry for each table whose columns were changed.
    """

    tables: Annotated[dict[Name, TableLayout], Field(max_length=MOST_TABLES)] = {}


class LayoutChange(Frame):
    """The parts of a layout that are to change; what is left out stays. A table that is null loses its entry."""

    tables: Annotated[dict[Name, TableLayout | None], Field(max_length=MOST_TABLES)] = {}
