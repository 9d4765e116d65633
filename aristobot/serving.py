"""Serving: the HTTP servers of the receiver and of the web, with the bounds that both need."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
from typing import Any

import uvicorn
from anyio import to_thread

from aristobot.settings import Settings
from aristobot.supervision.liveness import Pulse
from web.connection import Connection

TICKS = 10
"""Uvicorn ticks ten times a second."""
STUCK_MILLISECONDS = 20_000
MOST_FILES = 65_536
"""Open files that a server asks for: each connection is one, and the usual limit of 1,024 is soon reached."""


class Server(uvicorn.Server):
    """A server whose pulse turns as long as its loop runs and has a thread left for the next request."""

    def __init__(self, config: uvicorn.Config, pulse: Pulse) -> None:
        super().__init__(config)
        self._pulse = pulse
        self._turning: asyncio.Task[None] | None = None

    async def on_tick(self, counter: int) -> bool:
        """Begin a turn of the pulse about once a second, unless one is under way."""
        if counter % TICKS == 0 and (self._turning is None or self._turning.done()):
            self._turning = asyncio.create_task(self._turn())
        return await super().on_tick(counter)

    async def _turn(self) -> None:
        await to_thread.run_sync(self._pulse.turn)


def server_for(
    application: Any, settings: Settings, port: int, pulse: Pulse, connection: type[Connection], **more: Any
) -> Server:
    """Return a server for an application on one of our ports. `more` are options of Uvicorn.

    Forwarded addresses are believed only when they come from a proxy that the settings name.
    """
    return Server(
        uvicorn.Config(
            application,
            host=settings.host,
            port=port,
            http=connection,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=[*settings.proxies],
            **more,
        ),
        pulse,
    )


def serve_until(server: uvicorn.Server, stopping: threading.Event) -> None:
    """Serve until `stopping`, and finish requests under way. Sets `stopping` when the server ends by itself."""

    def watch() -> None:
        stopping.wait()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    _allow_many_files()
    listening = server.config.bind_socket()
    # Connections inherit it. Nothing else ends one whose other end is there, but takes nothing more.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MILLISECONDS)
    server.run(sockets=[listening])
    stopping.set()


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
