"""The sandbox: workers in which the code of strategies runs, and can reach nothing."""

from __future__ import annotations

import json
import math
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

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.frames import Torn, read_frame, write_frame
from adapters.sandbox.replies import read_functions, read_reply
from application.ports.sandbox import Forged, Overrun, Reply, Rows, SandboxError
from domain.candles.indicators import LINES, Indicator

LONGEST_REPLY = 2 * 2**20
CALL_SECONDS, CPU_SECONDS = 10.0, 3600
"""Seconds of the wall clock that a call may take, and of a processor that a worker may use in its life."""
START_SECONDS = 30.0
MOST_CALLS, MOST_GROWTH, MEASURED_EVERY = 10_000, 30 * 2**20, 100
"""Calls, and bytes beyond what it began with, after which a worker is to be replaced; it is measured now and then."""
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
    "NUMPY_MADVISE_HUGEPAGE": "0",
}  # fmt: skip
"""The whole environment of the zygote: the same for every run, and without any secret.

numpy asks for huge pages unless it is told not to; where memory is fragmented, the kernel takes seconds to find them.
"""


def zygote_words(address: Path) -> list[str]:
    """Return the command of the process from which all workers are forked; it listens at a socket with this path."""
    return [sys.executable, "-s", "-P", "-B", "-m", "adapters.sandbox.zygote", os.fspath(address)]


def start_zygote(address: Path, out: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start a zygote, which its caller ends."""
    return subprocess.Popen(
        zygote_words(address),
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
    )  # fmt: skip


class Sandbox:
    """One application's connection to the zygote. Its workers end with it. One thread uses it."""

    def __init__(self, address: Path, seconds: float = START_SECONDS) -> None:
        self._control = _connected(address, seconds)
        self._number = 0

    def worker(self, cpu_seconds: int = CPU_SECONDS, life: float = math.inf) -> Worker:
        """Fork a worker and wait until it is locked. Raises `SandboxError` when it cannot be.

        It may calculate for `cpu_seconds`, and answers nothing later than `life` seconds from now.
        """
        self._number += 1
        ours, theirs = socket.socketpair()
        with theirs:
            asked = {"start": self._number, "cpu_seconds": cpu_seconds}
            try:
                socket.send_fds(self._control, [json.dumps(asked).encode()], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise SandboxError(str(error)) from None
        return Worker(self, self._number, ours, time.monotonic() + life)

    def growth_of(self, number: int) -> int:
        """Return the bytes by which a worker has grown since it was forked. Raises `SandboxError`."""
        try:
            self._control.send(json.dumps({"measure": number}).encode())
            if not _is_readable(self._control, START_SECONDS):
                raise SandboxError("the sandbox does not answer")
            return int(json.loads(self._control.recv(4096))["grown"])
        except (OSError, ValueError) as error:
            raise SandboxError(str(error)) from None

    def has_died(self) -> bool:
        """Return whether the zygote is gone, and all workers with it."""
        if self._control.fileno() < 0:
            return True
        try:
            return _is_readable(self._control, 0) and not self._control.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

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

    def __init__(self, sandbox: Sandbox, number: int, connection: socket.socket, until: float) -> None:
        self._sandbox, self._number, self._connection = sandbox, number, connection
        self._until = until
        self._calls = self._grown = 0
        with self._ended_by_errors():
            told, _ = self._read(START_SECONDS)
            if told.get("locked") is not True:
                raise SandboxError(str(told.get("message", "the worker is not locked")))

    def load(self, code: str, seconds: float = CALL_SECONDS) -> Reply:
        """Load the code of a strategy. Raises as `decide`."""
        return self._call({"code": code}, {}, seconds)

    def decide(
        self, rows: Rows, balance: float, position: Mapping[str, Any] | None = None, *, lines: bool = False,
        seconds: float = CALL_SECONDS,
    ) -> Reply:  # fmt: skip
        """Ask the strategy at the close of the last of these bars, and for its indicators too if `lines`.

        `rows` are `opened_at` (milliseconds, UTC), `open`, `high`, `low`, `close` (quote) and `volume` (base). Raises
        `Overrun` when it does not answer in time, `Forged` when what comes is no reply.
        """
        asked = {"balance": balance, "position": position, "lines": lines}
        length = len(rows["close"]) if lines else None
        return self._call(asked, rows, seconds, length, held=position is not None)

    def draw(self, close: NDArray[np.float64], indicator: Indicator) -> Rows:
        """Return the lines of an indicator at each of these prices (quote). Raises as `decide`."""
        asked = {"indicator": indicator.name, "numbers": indicator.numbers, "names": LINES[indicator.name]}
        reply = self._call(asked, {"close": close}, CALL_SECONDS, length=len(close))
        if reply.fault is not None:
            self.close()
            raise SandboxError(reply.fault["message"])
        return reply.lines

    def functions(self) -> list[dict[str, str]]:
        """Return the functions of pandas-ta-classic: `name`, `parameters` and `about`. Raises as `decide`."""
        with self._ended_by_errors():
            told, _ = self._told({"functions": True}, {}, CALL_SECONDS)
            return read_functions(told, self._calls)

    @property
    def is_spent(self) -> bool:
        """True when another worker is to take its place: it has worked enough, has grown too much, or has ended."""
        return self._connection.fileno() < 0 or self._calls >= MOST_CALLS or self._grown > MOST_GROWTH

    def _call(
        self, asked: Mapping[str, Any], rows: Rows, seconds: float, length: int | None = None, held: bool | None = None
    ) -> Reply:
        """Call the worker, and read its reply as `read_reply`."""
        with self._ended_by_errors():
            told, lines = self._told(asked, rows, seconds)
            reply = read_reply(told, lines, self._calls, length, held)
            if self._calls % MEASURED_EVERY == 0:
                self._grown = self._sandbox.growth_of(self._number)
            return reply

    def _told(self, asked: Mapping[str, Any], rows: Rows, seconds: float) -> tuple[dict[str, Any], Rows]:
        if self._connection.fileno() < 0:
            raise Overrun("the worker has ended")
        self._calls += 1
        self._connection.settimeout(seconds)
        write_frame(self._connection.sendall, {**asked, "id": self._calls}, rows)
        return self._read(seconds)

    @contextmanager
    def _ended_by_errors(self) -> Iterator[None]:
        """End the worker at the first error. A worker that has ended with the zygote is not to blame."""
        try:
            yield
        except (SandboxError, OSError) as error:
            died = self._sandbox.has_died()
            self.close()
            if died:
                raise SandboxError("the sandbox has ended") from None
            if isinstance(error, OSError):
                raise Overrun("the worker has ended") from None
            raise

    def _read(self, seconds: float) -> tuple[dict[str, Any], Rows]:
        deadline = min(time.monotonic() + seconds, self._until)

        def read(length: int) -> bytes:
            left = max(deadline - time.monotonic(), 0)
            if not _is_readable(self._connection, left):
                raise Overrun("no answer in time")
            return self._connection.recv(length)

        try:
            return read_frame(read, LONGEST_REPLY)
        except EOFError:
            raise Overrun("the worker has ended") from None
        except Torn as error:
            raise Forged(str(error)) from None

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


def _is_readable(connection: socket.socket, seconds: float) -> bool:
    """Return whether something comes, or the other end hangs up, within some seconds; its number may be any."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


@contextmanager
def one_worker(address: Path, seconds: float, life: int) -> Iterator[Worker]:
    """Yield a worker of a connection of its own, so that any thread may use it. Raises `SandboxError`.

    It waits `seconds` for a zygote that is being started; `life` seconds are all that the worker has.
    """
    sandbox = Sandbox(address, seconds)
    try:
        with sandbox.worker(life, life) as worker:
            yield worker
    finally:
        sandbox.close()


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
