"""The fork server: a process that has loaded what all terminals need, and makes each of them by a fork.

A terminal that has died is back at once: loading its modules takes more than a second of one processor. Forks share the
memory of what was loaded. The server has one thread and has opened nothing, so that no fork takes along what is in use.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from setproctitle import setproctitle

from aristobot.servers.process import dies_with_parent
from aristobot.terminals import TERMINALS

PRELOADED = (*(terminal.module for terminal in TERMINALS.values()), "adapters.paper.server")
LONGEST_MESSAGE = 128 * 1024
"""Bytes of one message: the words of a command and its whole environment."""
Enter = Callable[[list[str]], int]


def serve(connection: socket.socket, enter: Enter) -> int:
    """Make a child for every message of the supervisor, and tell how each has ended, until the supervisor is gone.

    Returns in the server with 0, and in each child with what `enter` has returned for its command.
    """
    for module in PRELOADED:
        import_module(module)
    if len([*Path("/proc/self/task").iterdir()]) > 1:
        raise RuntimeError("a module has started a thread, which no fork would have")
    gc.collect()
    gc.freeze()
    setproctitle("aristobot fork-server")
    server = _Server(connection)
    while (asked := server.next()) is not None:
        message, out = asked
        parent = os.getpid()
        try:
            child = os.fork()
        except OSError as error:  # no child now; those that there are go on
            server.tell({"failed": error.errno})
        else:
            if child == 0:
                server.leave()
                _become(message, out, parent)
                return enter(message["arguments"])
            server.tell_birth(child)
        os.close(out)
    return 0


def _become(message: dict[str, Any], out: int, server: int) -> None:
    """Make this process a child of its own: its session, its files, its environment, its name, bound to the server."""
    os.setsid()
    dies_with_parent(signal.SIGTERM, server)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, place in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, place)
    os.close(nothing)
    os.close(out)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(message["environment"])
    setproctitle(" ".join(["aristobot", *message["arguments"]]))


class _Server:
    """The server's end of the connection, and the ends of its children."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._woken, self._wakes = socket.socketpair()
        self._woken.setblocking(False)
        self._wakes.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        self._selector = selectors.DefaultSelector()
        for end in (connection, self._woken):
            self._selector.register(end, selectors.EVENT_READ)

    def next(self) -> tuple[dict[str, Any], int] | None:
        """Wait for the next message and return it with the file for the child's words; None when there are no more."""
        while True:
            ready = {key.fileobj for key, _ in self._selector.select()}
            if self._woken in ready:
                with suppress(BlockingIOError):
                    self._woken.recv(4096)
                self._tell_deaths()
            if self._connection in ready:
                told, files, _, _ = socket.recv_fds(self._connection, LONGEST_MESSAGE, 1)
                return (json.loads(os.fsdecode(told)), files[0]) if told else None

    def tell_birth(self, pid: int) -> None:
        """Send the process id of a child, and a handle on it that no other process can take over."""
        try:
            handle = os.pidfd_open(pid)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            self.tell({"failed": error.errno})
            return
        socket.send_fds(self._connection, [json.dumps({"born": pid}).encode()], [handle])
        os.close(handle)

    def tell(self, said: dict[str, Any]) -> None:
        """Say something to the supervisor."""
        self._connection.send(json.dumps(said).encode())

    def _tell_deaths(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                self.tell({"died": ended[0], "code": os.waitstatus_to_exitcode(ended[1])})

    def leave(self) -> None:
        """Let go of everything here in a child."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for end in (self._connection, self._woken, self._wakes):
            end.close()
