"""Examples have no deadline: a busy machine would break such a timing.

`make test` tries the same examples each time, so that the code that lands was tried on exactly these.
`HYPOTHESIS_PROFILE=hunt` looks for new ones, thousands of them.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("unhurried", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None, max_examples=3000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))
