"""The control messages of Binance's market streams: the streams that a connection follows, and their format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from adapters.paper.binance.frames import is_id

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_COMBINED = "combined"
_VALUES = 2


@dataclass
class Following:
    """The streams that one connection follows. With `combined`, each message names its stream."""

    combined: bool
    names: set[str] = field(default_factory=set)


class Wrong(Exception):
    """A control message that cannot be carried out, with Binance's code 0 to 3."""

    def __init__(self, code: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.told = {"code": code, "msg": message, **more}


@dataclass(frozen=True)
class Controlled:
    """The response to a control message, and the streams that the message newly subscribes to."""

    told: dict[str, Any]
    joined: list[str] = field(default_factory=list)


def control(following: Following, text: str) -> Controlled:
    """Carry out a control message and return the response. An invalid message gets a response with the error."""
    try:
        asked = _asked(text)
        return _carried_out(following, asked)
    except Wrong as wrong:
        return Controlled(wrong.told)


def _asked(text: str) -> dict[str, Any]:
    try:
        asked = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Wrong(3, "Invalid JSON: expected value at line 1 column 1") from None
    if not isinstance(asked, dict):
        raise Wrong(2, "Invalid request: expected an object at line 1 column 1")
    if "method" not in asked:
        raise Wrong(2, f"Invalid request: missing field `method` at line 1 column {len(text)}")
    if asked["method"] not in _METHODS:
        expected = ", ".join(f"`{method}`" for method in _METHODS)
        raise Wrong(2, f"Invalid request: unknown variant `{asked['method']}`, expected one of {expected}")
    if "id" not in asked or not is_id(asked["id"]):
        raise Wrong(2, "Invalid request: request ID must be an unsigned integer")
    return asked


def _carried_out(following: Following, asked: dict[str, Any]) -> Controlled:
    method, given = asked["method"], asked.get("params")
    result: Any = None
    joined: list[str] = []
    if method in {"SUBSCRIBE", "UNSUBSCRIBE"}:
        names = _names(given)
        if method == "SUBSCRIBE":
            joined = [name for name in dict.fromkeys(names) if name not in following.names]
            following.names.update(names)
        else:
            following.names.difference_update(names)
    elif method == "LIST_SUBSCRIPTIONS":
        if given:
            raise Wrong(2, "Invalid request: too many parameters")
        result = sorted(following.names)
    else:
        result = _property(following, method, given, asked["id"])
    return Controlled({"result": result, "id": asked["id"]}, joined)


def _names(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise Wrong(2, "Invalid request: params must be a list of strings")
    return given


def _property(following: Following, method: str, given: Any, request_id: Any) -> bool | None:
    values = given if isinstance(given, list) else []
    if len(values) > (_VALUES if method == "SET_PROPERTY" else 1):
        raise Wrong(2, "Invalid request: too many parameters")
    if not values or not isinstance(values[0], str):
        raise Wrong(2, "Invalid request: property name must be a string")
    if values[0] != _COMBINED:
        raise Wrong(0, "Unknown property", id=request_id)
    if method == "GET_PROPERTY":
        return following.combined
    if len(values) < _VALUES or not isinstance(values[1], bool):
        raise Wrong(1, "Invalid value type: expected Boolean")
    following.combined = values[1]
    return None
