"""The requests of the WebSocket API: frames that hold a JSON object of id, method and parameters."""

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
    """One request. `method` comes without its version prefix."""

    id: int | str | None
    method: str
    parameters: Parameters


class Unread(Exception):
    """A frame without a valid request; `id` is the request's, if it could be read."""

    def __init__(self, message: str, request_id: int | str | None = None) -> None:
        super().__init__(message)
        self.error, self.id = Error(-1135, message), request_id


def request_in(text: str) -> Request:
    """Read a frame. Raises `Unread` when it holds no valid request."""
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
    """Return True when a request may have this id."""
    if isinstance(given, int) and not isinstance(given, bool):
        return -_LARGEST <= given < _LARGEST
    return given is None or (
        isinstance(given, str) and re.fullmatch("[a-zA-Z0-9_-]{1,36}", given, re.ASCII) is not None
    )


def _text(value: Any) -> str:
    """Return a value as REST would send it: a list stays JSON, null becomes an empty string."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
