"""Forks: the children that the fork server makes for the supervisor."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from aristobot.servers import process
from aristobot.supervision.fork_server import LONGEST_MESSAGE

LOAD_SECONDS, FORK_SECONDS = 60.0, 10.0
"""Seconds within which a child has to be there: the first one, which waits for all modules, and each later one."""
CODE_SECONDS = 2.0
"""Seconds within which the server has to tell how a child has ended, which is known to have ended."""


def without_database() -> dict[str, str]:
    """Return this process's environment as its children get it: each is told the database as its own role."""
    given = {key: value for key, value in os.environ.items() if not key.startswith("ARISTOBOT_DATABASE")}
    return given | {"PYTHONUNBUFFERED": "1"}


class ForkServerAway(OSError):
    """The server has died, or does not answer: it makes no more children."""


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
            with suppress(ProcessLookupError):  # it has ended in between
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
        self._patience = LOAD_SECONDS
        words = [sys.executable, "-m", "aristobot", "fork-server", str(theirs.fileno())]
        # A library that calculates in threads would have started them before a fork.
        environment = without_database() | {"OPENBLAS_NUM_THREADS": "1"}
        # Killed, not asked to end: a server that stands still would outlive the supervisor, and its children with it.
        self._process = process.start(
            words, environment=environment, log=log, files=[theirs.fileno()], death_signal=signal.SIGKILL
        )
        theirs.close()

    def alive(self) -> bool:
        """Return whether it can still make children."""
        return self._connection.fileno() >= 0 and self._process.poll() is None

    def fork(self, arguments: list[str], environment: Mapping[str, str], out: IO[bytes]) -> Fork:
        """Start a command as a child, with a file for what it prints.

        Raises `OSError` when no child could be made, `ForkServerAway` when this server makes none any more.
        """
        asked = {"arguments": arguments, "environment": dict(environment)}
        message = os.fsencode(json.dumps(asked, ensure_ascii=False))
        if len(message) > LONGEST_MESSAGE:
            raise OSError(errno.E2BIG, f"the environment has more than {LONGEST_MESSAGE} bytes")
        try:
            socket.send_fds(self._connection, [message], [out.fileno()])
        except OSError as error:
            raise ForkServerAway(str(error)) from None
        while True:
            told, handle = self._hear(self._patience)
            if "failed" in told:
                raise OSError(told["failed"], os.strerror(told["failed"]))
            if "born" in told:
                self._patience = FORK_SECONDS
                if handle is None:  # nobody could watch or end this child
                    self.close()
                    raise ForkServerAway("a child came without a handle")
                return Fork(self, told["born"], handle)

    def code_of(self, pid: int) -> int:
        """Return how a child that has ended did so: those of a server that has died end with it."""
        try:
            while pid not in self._codes:
                self._hear(CODE_SECONDS)
        except ForkServerAway:
            return -signal.SIGTERM
        return self._codes.pop(pid)

    def _hear(self, seconds: float) -> tuple[dict[str, Any], int | None]:
        """Return what the server says next and a handle that comes with it, after noting a death.

        Raises `ForkServerAway` when it is gone or says nothing in time; it is then ended, so that nothing waits again.
        """
        try:
            self._connection.settimeout(seconds)
            raw, handles, _, _ = socket.recv_fds(self._connection, LONGEST_MESSAGE, 1)
        except OSError as error:
            self.close()
            raise ForkServerAway(str(error)) from None
        if not raw:
            self.close()
            raise ForkServerAway("the fork server has ended")
        for handle in handles:
            os.set_inheritable(handle, False)
        told: dict[str, Any] = json.loads(raw)
        if "died" in told:
            self._codes[told["died"]] = told["code"]
        return told, handles[0] if handles else None

    def close(self) -> None:
        """End the server, and with it all children that are left."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
