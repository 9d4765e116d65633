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


class Gates(BaseModel):
    """The gates of a stream of webhooks, which hold entries back and nothing else.

    `rest` and `rest_after_loss` are minutes without an entry after the last one, and after a trade that ended with a
    loss; `most_entries` is the number for one day (UTC). The first `approved` entries have to be approved. Null opens a
    gate. `twin` is the paper broker on which everything is carried out too, whatever the gates say.
    """

    locked: bool = False
    rest: int | None = None
    rest_after_loss: int | None = None
    most_entries: int | None = None
    approved: int | None = None
    twin: int | None = None
