"""Reading a request of the WebSocket API: a frame with a JSON object of id, method and parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.paper.binance.parameters import Error, Parameters

_ID = "^[a-zA-Z0-9-_]{1,36}$"
_LARGEST = 2**63


@dataclass(frozen=True)
class Request:
    """What is asked. `method` is without the version before it."""

    id: int | str | None
    method: str
    parameters: Parameters


class Unread(Exception):
    """A frame from which nothing can be asked; `id` is the request's as far as it could be read."""

    def __init__(self, message: str, request_id: int | str | None = None) -> None:
        super().__init__(message)
        self.error, self.id = Error(-1135, message), request_id


def request_in(text: str) -> Request:
    """Reads a frame. Raises `Unread`."""
    try:
        asked = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unread("Invalid JSON Request") from None
    if not isinstance(asked, dict):
        raise Unread("Invalid JSON Request")
    request_id, method, given = asked.get("id"), asked.get("method"), asked.get("params")
    if not is_id(request_id):
        raise Unread(f"Invalid 'id' in JSON request; expected an integer, a string matching '{_ID}', or null.")
    if not isinstance(method, str):
        raise Unread("Invalid 'method' in JSON request; expected a string.", request_id)
    if given is not None and not isinstance(given, dict):
        raise Unread("Invalid 'params' in JSON request; expected an object.", request_id)
    parameters = {name: _text(value) for name, value in (given or {}).items()}
    return Request(request_id, method.removeprefix("v3/"), parameters)


def is_id(given: Any) -> bool:
    """Returns whether a request may have this id."""
    if isinstance(given, int) and not isinstance(given, bool):
        return -_LARGEST <= given < _LARGEST
    return given is None or (
        isinstance(given, str) and re.fullmatch("[a-zA-Z0-9_-]{1,36}", given, re.ASCII) is not None
    )


def _text(value: Any) -> str:
    """Writes a value as REST would have it: a list stays JSON, nothing is empty."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
