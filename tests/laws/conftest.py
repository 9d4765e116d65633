"""Examples have no deadline: a busy machine would break such a timing.

`make test` tries the same examples each time, so that the code that lands was tried on exactly these.
`HYPOTHESIS_PROFILE=hunt` looks for new ones, thousands of them.
Coverage is not traced here: it would more than double the time of thousands of examples, and the tests of
the commands reach the same lines.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None, max_examples=3000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.no_cover)
