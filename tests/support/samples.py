"""The sample that `make test` tries where many cases are possible. The rest is `thorough`: `make faults` adds it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import pytest


def thoroughly(*values: Any) -> Any:
    """Return a parameter that only `make faults` tries, and that may take longer than a test of `make test`."""
    return pytest.param(*values, marks=[pytest.mark.thorough, pytest.mark.timeout(1800)])


def sample(rows: Iterable[Sequence[Any]], kinds: Callable[..., set[Hashable]]) -> list[Any]:
    """Return all rows as parameters; a row that adds no kind to those before it is only tried thoroughly."""
    seen: set[Hashable] = set()
    parameters = []
    for row in rows:
        new = kinds(*row) - seen
        seen |= new
        parameters.append(pytest.param(*row) if new else thoroughly(*row))
    return parameters
