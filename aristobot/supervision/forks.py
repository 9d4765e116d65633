"""Forks: the children that the fork server makes for the supervisor."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import IO, Any

from aristobot.servers import process
from aristobot.supervision.fork_server import LONGEST_MESSAGE

FORK_SECONDS = 60.0
"""Seconds within which a child has to be there; the first one waits for the server to load all modules."""


class Fork:
    """A child that the server has made, with what a `Popen` says of one."""

    def __init__(self, server: ForkServer, pid: int, handle: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server
        self._handle = handle

    def poll(self) -> int | None:
        """Return how it ended, None while it lives."""
        return self.returncode if self.returncode is not None or not self._has_ended(0) else self._reaped()

    def wait(self, seconds: float | None = None) -> int:
        """Wait for its end and return how it ended. Raises `subprocess.TimeoutExpired` if it lives on."""
        if self.returncode is None:
            if not self._has_ended(seconds):
                raise subprocess.TimeoutExpired(str(self.pid), seconds or 0)
            return self._reaped()
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, number)

    def _has_ended(self, seconds: float | None) -> bool:
        return bool(select.select([self._handle], [], [], seconds)[0])

    def _reaped(self) -> int:
        self.returncode = self._server.code_of(self.pid)
        os.close(self._handle)
        return self.returncode


class ForkServer:
    """The supervisor's end of one fork server. One thread uses it."""

    def __init__(self, log: IO[bytes] | int) -> None:
        self._codes: dict[int, int] = {}
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(FORK_SECONDS)
        words = [sys.executable, "-m", "aristobot", "fork-server", str(theirs.fileno())]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ARISTOBOT_DATABASE")}
        # A library that calculates in threads would have started them before a fork.
        environment |= {"PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = process.start(words, environment=environment, log=log, files=[theirs.fileno()])
        theirs.close()

    def alive(self) -> bool:
        """Return whether it can still make children."""
        return self._process.poll() is None

    def fork(self, arguments: list[str], environment: Mapping[str, str], out: IO[bytes]) -> Fork:
        """Start a command as a child, with a file for what it prints. Raises `OSError` when no child could be made."""
        message = json.dumps({"arguments": arguments, "environment": dict(environment)}).encode()
        socket.send_fds(self._connection, [message], [out.fileno()])
        while True:
            told, handles = self._hear()
            if "born" in told:
                return Fork(self, told["born"], handles[0])

    def code_of(self, pid: int) -> int:
        """Return how a child that has ended did so: those of a server that has died end with it."""
        try:
            while pid not in self._codes:
                self._hear()
        except OSError:
            return -signal.SIGTERM
        return self._codes.pop(pid)

    def _hear(self) -> tuple[dict[str, Any], list[int]]:
        """Return what the server says next, after noting a death. Raises `OSError` when it is gone or says nothing."""
        raw, handles, _, _ = socket.recv_fds(self._connection, LONGEST_MESSAGE, 1)
        if not raw:
            raise ConnectionResetError("the fork server has ended")
        told: dict[str, Any] = json.loads(raw)
        if "died" in told:
            self._codes[told["died"]] = told["code"]
        return told, handles

    def close(self) -> None:
        """End the server, and with it all children that are left."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
