"""The events of orders that have older versions in the log, and how each of those is read."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.aggregate import Aggregate, Personal
from domain.sentences import contradiction_of, silence_of


class Doubted(Aggregate.Event):
    """The beginning of a doubt. Version 1 had a sentence as its reason."""

    class_version = 2
    reason: str
    detail: str

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Read the code and the words from the sentence."""
        state["reason"], state["detail"] = silence_of(state["reason"])


class Contradicted(Aggregate.Event):
    """A statement of the exchange that cannot be true. Version 1 put it into a sentence."""

    class_version = 2
    reason: str
    values: dict[str, str]
    raw: Personal

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Read the values from the sentence."""
        state["values"] = contradiction_of(state["reason"], state.pop("detail"))


class AmendRequested(Aggregate.Event):
    """A request to change an order where it rests. Version 1 knew no triggers."""

    class_version = 2
    client_order_id: str
    quantity: Decimal | None
    price: Decimal | None
    valid_until: datetime
    stop_price: Decimal | None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Leave the trigger as it is."""
        state["stop_price"] = None


class Amended(Aggregate.Event):
    """A change of an order where it rests. Version 1 knew no triggers."""

    class_version = 2
    exchange_order_id: str
    quantity: Decimal | None
    price: Decimal | None
    raw: Personal
    stop_price: Decimal | None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Leave the trigger as it is."""
        state["stop_price"] = None
