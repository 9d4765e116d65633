"""The types of the API's fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, PlainSerializer, StringConstraints

LONGEST_TEXT = 200


def _plain(text: str) -> str:
    """Reject text with half a surrogate pair, which can be neither hashed nor stored. Raises `ValueError`."""
    text.encode()  # raises UnicodeEncodeError, which is a ValueError
    return text


Text = Annotated[str, AfterValidator(_plain), StringConstraints(max_length=LONGEST_TEXT)]
Amount = Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]


class Statement(BaseModel):
    """A statement of one side about an order, a holding or a market.

    `kind` is order (with status, filled and size among its `values`), holding (amount, currency), nothing, not_found,
    unreadable, listed or not_listed. Values are texts by name, amounts exact decimals.
    """

    kind: str
    values: dict[str, str]
