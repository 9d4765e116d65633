"""Replies of workers, read as an enemy's: each has run code that its author could make say anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from application.ports.sandbox import LONGEST_LINE_NAME, MOST_LINES, Forged, Reply, Rows

_DECISION = {"long": bool, "short": bool, "size": float, "stop": float, "target": float}
_FAULT = {"kind": (str,), "message": (str,), "line": (int, type(None)), "traceback": (str,)}


def read_reply(told: Mapping[str, Any], rows: Rows, call: int, length: int | None) -> Reply:
    """Read a reply to a call as strictly as if an enemy had written it, which is possible. Raises `Forged`.

    Lines have a value for each of the `length` bars of the call; None allows no lines.
    """
    if told.keys() - {"id", "decision", "fault", "log"} or told.get("id") != call:
        raise Forged("a reply to another call, or with other words")
    log, decision, fault = told.get("log"), told.get("decision"), told.get("fault")
    if not isinstance(log, list) or not all(isinstance(line, str) for line in log):
        raise Forged("a log that is none")
    if decision is not None and (
        not isinstance(decision, dict)
        or any(type(value) is not _DECISION.get(name) for name, value in decision.items())
        or decision.keys() not in ({"long"}, {"short"}, {"long", "size", "stop", "target"})
    ):
        raise Forged("a decision that is none")
    if fault is not None and (
        not isinstance(fault, dict)
        or fault.keys() != _FAULT.keys()
        or not all(isinstance(fault[name], kinds) for name, kinds in _FAULT.items())
    ):
        raise Forged("a fault that is none")
    if len(rows) > (0 if length is None else MOST_LINES) or any(
        type(name) is not str or len(name) > LONGEST_LINE_NAME or len(line) != length for name, line in rows.items()
    ):
        raise Forged("lines that are none")
    return Reply(decision, fault, log, rows)


_FUNCTION = {"name", "parameters", "about"}


def read_functions(told: Mapping[str, Any], call: int) -> list[dict[str, str]]:
    """Read a reply that lists functions, as strictly. Raises `Forged`."""
    functions = told.get("functions")
    if told.get("id") != call or not isinstance(functions, list):
        raise Forged("functions that are none")
    for one in functions:
        if not isinstance(one, dict) or one.keys() != _FUNCTION or not all(type(text) is str for text in one.values()):
            raise Forged("a function that is none")
    return functions
