"""The sandbox: workers in which the code of strategies runs, and can reach nothing."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from adapters.sandbox.frames import Torn, read_frame, write_frame
from application.ports.sandbox import Forged, Overrun, Reply, Rows, SandboxError

LONGEST_REPLY = 2 * 2**20
CALL_SECONDS, CPU_SECONDS = 10.0, 3600
"""Seconds of the wall clock that a call may take, and of a processor that a worker may use in its life."""
START_SECONDS = 30.0
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
    "NUMPY_MADVISE_HUGEPAGE": "0",
}  # fmt: skip
"""The whole environment of the zygote: the same for every run, and without any secret.

numpy asks for huge pages unless it is told not to; where memory is fragmented, the kernel takes seconds to find them.
"""


def start_zygote(address: Path, out: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start the process from which all workers are forked; it listens at a socket with this path."""
    return subprocess.Popen(
        [sys.executable, "-s", "-P", "-B", "-m", "adapters.sandbox.zygote", os.fspath(address)],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
    )  # fmt: skip


class Sandbox:
    """One application's connection to the zygote. Its workers end with it. One thread uses it."""

    def __init__(self, address: Path, seconds: float = START_SECONDS) -> None:
        self._control = _connected(address, seconds)
        self._number = 0

    def worker(self, cpu_seconds: int = CPU_SECONDS) -> Worker:
        """Fork a worker and wait until it is locked. Raises `SandboxError` when it cannot be."""
        self._number += 1
        ours, theirs = socket.socketpair()
        with theirs:
            asked = {"start": self._number, "cpu_seconds": cpu_seconds}
            try:
                socket.send_fds(self._control, [json.dumps(asked).encode()], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise SandboxError(str(error)) from None
        return Worker(self, self._number, ours)

    def kill(self, number: int) -> None:
        """End a worker."""
        try:
            self._control.send(json.dumps({"kill": number}).encode())
        except OSError:
            return  # the zygote is gone, and all workers with it

    def close(self) -> None:
        """End all workers of this application."""
        self._control.close()


class Worker:
    """One locked process for the code of one strategy. After an error it is gone."""

    def __init__(self, sandbox: Sandbox, number: int, connection: socket.socket) -> None:
        self._sandbox, self._number, self._connection = sandbox, number, connection
        self._calls = 0
        with self._ended_by_errors():
            told = self._read(START_SECONDS)
            if told.get("locked") is not True:
                raise SandboxError(str(told.get("message", "the worker is not locked")))

    def load(self, code: str, seconds: float = CALL_SECONDS) -> Reply:
        """Load the code of a strategy. Raises as `decide`."""
        return self._call({"code": code}, {}, seconds)

    def decide(
        self, rows: Rows, balance: float, position: Mapping[str, Any] | None = None, seconds: float = CALL_SECONDS
    ) -> Reply:
        """Ask the strategy at the close of the last of these bars.

        `rows` are `opened_at` (milliseconds, UTC), `open`, `high`, `low`, `close` (quote) and `volume` (base). Raises
        `Overrun` when it does not answer in time, `Forged` when what comes is no reply.
        """
        return self._call({"balance": balance, "position": position}, rows, seconds)

    def _call(self, asked: Mapping[str, Any], rows: Rows, seconds: float) -> Reply:
        if self._connection.fileno() < 0:
            raise Overrun("the worker has ended")
        self._calls += 1
        with self._ended_by_errors():
            self._connection.settimeout(seconds)
            write_frame(self._connection.sendall, {**asked, "id": self._calls}, rows)
            return _reply(self._read(seconds), self._calls)

    @contextmanager
    def _ended_by_errors(self) -> Iterator[None]:
        """End the worker at the first error."""
        try:
            yield
        except SandboxError:
            self.close()
            raise
        except OSError:
            self.close()
            raise Overrun("the worker has ended") from None

    def _read(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds

        def read(length: int) -> bytes:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._connection], [], [], left)[0]:
                raise Overrun(f"no answer within {seconds:.0f} s")
            return self._connection.recv(length)

        try:
            told, rows = read_frame(read, LONGEST_REPLY)
        except EOFError:
            raise Overrun("the worker has ended") from None
        except Torn as error:
            raise Forged(str(error)) from None
        if rows:
            raise Forged("a reply with numbers")
        return told

    def close(self) -> None:
        """End the worker."""
        self._connection.close()
        self._sandbox.kill(self._number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_DECISION = {"long": bool, "short": bool, "size": float, "stop": float, "target": float}
_FAULT = {"kind": (str,), "message": (str,), "line": (int, type(None)), "traceback": (str,)}


def _reply(told: Mapping[str, Any], call: int) -> Reply:
    """Read a reply to a call as strictly as if an enemy had written it, which is possible. Raises `Forged`."""
    if told.keys() - {"id", "decision", "fault", "log"} or told.get("id") != call:
        raise Forged("a reply to another call, or with other words")
    log, decision, fault = told.get("log"), told.get("decision"), told.get("fault")
    if not isinstance(log, list) or not all(isinstance(line, str) for line in log):
        raise Forged("a log that is none")
    if decision is not None and (
        not isinstance(decision, dict)
        or any(type(value) is not _DECISION.get(name) for name, value in decision.items())
        or decision.keys() not in ({"long"}, {"short"}, {"long", "size", "stop", "target"})
    ):
        raise Forged("a decision that is none")
    if fault is not None and (
        not isinstance(fault, dict)
        or fault.keys() != _FAULT.keys()
        or not all(isinstance(fault[name], kinds) for name, kinds in _FAULT.items())
    ):
        raise Forged("a fault that is none")
    return Reply(decision, fault, log)


def _connected(address: Path, seconds: float) -> socket.socket:
    deadline = time.monotonic() + seconds
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(os.fspath(address))
        except OSError as error:
            connection.close()
            if time.monotonic() > deadline:
                raise SandboxError(f"no sandbox at {address}: {error}") from None
            time.sleep(0.02)
        else:
            return connection
