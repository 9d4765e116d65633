"""Replies of workers, read as an enemy's: each has run code that its author could make say anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from adapters.sandbox.bounds import (
    KINDS,
    LONGEST_LOGGED,
    LONGEST_MESSAGE,
    LONGEST_TRACEBACK,
    MOST_CODE_LINES,
    MOST_LOGGED,
)
from application.ports.sandbox import LONGEST_LINE_NAME, MOST_LINES, Forged, Reply, Rows

_NUMBERS = ("size", "stop", "target")
_FAULT = {"kind", "message", "line", "traceback"}


def read_reply(told: Mapping[str, Any], rows: Rows, call: int, length: int | None, held: bool | None) -> Reply:
    """Read a reply to a call as strictly as if an enemy had written it, which is possible. Raises `Forged`.

    Lines have a value for each of the `length` bars of the call; None allows no lines. A strategy that has `held`
    something was asked whether to sell it, another one whether to buy; None was asked for no decision.
    """
    if told.keys() - {"id", "decision", "fault", "log"} or told.get("id") != call:
        raise Forged("a reply to another call, or with other words")
    log, decision, fault = told.get("log"), told.get("decision"), told.get("fault")
    if not isinstance(log, list) or len(log) > MOST_LOGGED or not all(_is_text(line, LONGEST_LOGGED) for line in log):
        raise Forged("a malformed log")
    if decision is not None and (held is None or not _is_decision(decision, held)):
        raise Forged("a malformed decision")
    if fault is not None and not _is_fault(fault):
        raise Forged("a malformed fault")
    if len(rows) > (0 if length is None else MOST_LINES) or any(
        not _is_text(name, LONGEST_LINE_NAME) or len(line) != length for name, line in rows.items()
    ):
        raise Forged("malformed lines")
    said = (
        None if fault is None else {**fault, "message": _told(fault["message"]), "traceback": _told(fault["traceback"])}
    )
    return Reply(decision, said, [_told(line) for line in log], {_told(name): line for name, line in rows.items()})


def _is_decision(told: Any, held: bool) -> bool:
    if not isinstance(told, dict):
        return False
    if held or told.get("long") is not True:
        return told.keys() == {"short" if held else "long"} and all(isinstance(said, bool) for said in told.values())
    return told.keys() == {"long", *_NUMBERS} and all(
        type(told[name]) is float and math.isfinite(told[name]) for name in _NUMBERS
    )


def _is_fault(told: Any) -> bool:
    return (
        isinstance(told, dict)
        and told.keys() == _FAULT
        and told["kind"] in KINDS
        and _is_text(told["message"], LONGEST_MESSAGE)
        and _is_text(told["traceback"], LONGEST_TRACEBACK)
        and (told["line"] is None or (type(told["line"]) is int and 0 < told["line"] <= MOST_CODE_LINES))
    )


def _is_text(told: Any, longest: int) -> bool:
    return type(told) is str and len(told) <= longest


def _told(text: str) -> str:
    """Return a text without what no page and no table can hold: halves of surrogate pairs, and zero bytes."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


_FUNCTION = {"name", "parameters", "about"}


def read_functions(told: Mapping[str, Any], call: int) -> list[dict[str, str]]:
    """Read a reply that lists functions, as strictly. Raises `Forged`."""
    functions = told.get("functions")
    if told.get("id") != call or not isinstance(functions, list):
        raise Forged("malformed functions")
    for one in functions:
        if not isinstance(one, dict) or one.keys() != _FUNCTION or not all(type(text) is str for text in one.values()):
            raise Forged("a malformed function")
    return functions
