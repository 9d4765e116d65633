"""What `make test` tries of what can be tried many times. The rest is `thorough`, and `make faults` tries it too."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import pytest


def thoroughly(*values: Any) -> Any:
    """A parameter that only `make faults` tries, and that may take longer than a test of `make test`."""
    return pytest.param(*values, marks=[pytest.mark.thorough, pytest.mark.timeout(1800)])


def sample(rows: Iterable[Sequence[Any]], kinds: Callable[..., set[Hashable]]) -> list[Any]:
    """All rows as parameters. One that shows no kind that a row before it does not show is tried thoroughly only."""
    seen: set[Hashable] = set()
    parameters = []
    for row in rows:
        new = kinds(*row) - seen
        seen |= new
        parameters.append(pytest.param(*row) if new else thoroughly(*row))
    return parameters
