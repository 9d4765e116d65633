"""The class that strategies derive from, and what a strategy may ask of its host."""

from __future__ import annotations

from typing import Any


class Strategy:
    """A trading strategy: decides at the close of a bar, from the candles up to it.

    `parameters` are the class's own, as its author set them; `log(text)` adds a line to its log.
    """

    parameters: dict[str, Any] = {}  # noqa: RUF012 - a strategy replaces it as a whole
