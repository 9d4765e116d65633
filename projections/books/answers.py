"""Answers of exchanges, as the books keep them."""

from __future__ import annotations

import json
from typing import Any

from projections.books.readmodel import storable


def parsed_answer(text: str | None) -> Any:
    """Parse an answer as JSON. Text that is not JSON, or that PostgreSQL's JSON cannot hold, stays text."""
    if not text:
        return None
    try:
        parsed = json.loads(text, parse_float=str, parse_constant=_no_constant)
        plain = json.dumps(parsed, ensure_ascii=False)
        plain.encode()
    except (ValueError, RecursionError):
        return storable(text)
    return parsed if "\\u0000" not in plain else text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
