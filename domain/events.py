"""Events: the class of every event by its name, such as `OrderFilled`. `events.pyi` gives their types."""

from __future__ import annotations

from domain import AGGREGATES
from domain.aggregate import Aggregate

globals().update(
    {
        f"{aggregate.__name__}{name}": event
        for aggregate in AGGREGATES
        for name, event in vars(aggregate).items()
        if isinstance(event, type) and issubclass(event, Aggregate.Event)
    }
)
