"""The place where the benchmarks keep what they measured."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_RESULTS = Path(__file__).parents[1] / "results"


def keep(name: str, **figures: Any) -> None:
    """Write figures and the machine's load to `results/{name}.json`."""
    _RESULTS.mkdir(parents=True, exist_ok=True)
    (_RESULTS / f"{name}.json").write_text(json.dumps(figures | {"load": os.getloadavg()}, indent=2))
