"""The number of examples of the laws that take longest."""

from __future__ import annotations

import os

from hypothesis import settings


def examples(count: int) -> int:
    """Return `count`, or thousands while new examples are hunted for (`HYPOTHESIS_PROFILE=hunt`)."""
    return max(count, settings.default.max_examples) if os.environ.get("HYPOTHESIS_PROFILE") == "hunt" else count
