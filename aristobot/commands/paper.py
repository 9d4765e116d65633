"""The paper exchange alone, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

import uvloop

from aristobot.settings import Settings


def serve(arguments: argparse.Namespace, _: Settings) -> int:
    """Serve the paper exchange until a signal. Returns 0."""
    from adapters.paper.server import PaperServer  # noqa: PLC0415 - no other command needs an HTTP server

    async def work() -> None:
        server = PaperServer(
            arguments.port,
            replay=arguments.replay and Path(arguments.replay),
            speed=arguments.speed,
            symbol=arguments.symbol,
            books=arguments.books and Path(arguments.books),
        )
        await server.start()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await stopping.wait()
        await server.stop()

    uvloop.run(work())
    return 0
