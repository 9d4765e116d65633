"""The Host check: the console answers only under names that are its own.

A page elsewhere can let its own name lead to this machine (DNS rebinding) and would then be the same origin. A browser
sends that name as Host. An address cannot be bent that way.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from web.forms.platform import Problem

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
LOCAL = "localhost"
MISDIRECTED, WRONG_HOST = 421, 4403


class KnownHosts:
    """The application behind the check. `names` are allowed in addition to addresses and `localhost`."""

    def __init__(self, app: Any, names: Collection[str]) -> None:
        self._app = app
        self._names = {LOCAL, *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 421."""
        if scope["type"] not in {"http", "websocket"} or self._knows(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(WRONG_HOST)(scope, receive, send)
        else:
            said = Problem(code="host_unknown", message="this name is not in ARISTOBOT_NAMES").model_dump()
            await JSONResponse(said, MISDIRECTED, {"Cache-Control": "no-store"})(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        return len(hosts) == 1 and self._is_known(hosts[0])

    def _is_known(self, host: str) -> bool:
        """Return True for a known name or any address, with or without a port."""
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].strip("[]")
        try:
            return name in self._names or bool(ipaddress.ip_address(name))
        except ValueError:
            return False
