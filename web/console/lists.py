"""The parameters that the lists of the console share."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from domain.orders.wish import Side
from web.forms.values import Text

MOST_ROWS = 200
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
BrokerNumber = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Wanted = Annotated[Text | None, Query(max_length=40)]
"""The value that a column must have, null when any will do."""
Search = Annotated[Text | None, Query(max_length=100)]
"""A text that the rows must contain, null when all rows are wanted."""
SideWanted = Side | None
State = Literal[
    "live", "placed", "submitted", "unknown", "open", "closed", "cancelled", "expired", "rejected", "refused", "pending"
]
"""A state or a standard status of an order; `live` stands for every order that has not ended."""
