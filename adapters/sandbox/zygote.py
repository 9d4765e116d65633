"""The zygote: a process that has loaded pandas, and forks a worker for every connection that the application hands it.

It is started with an empty environment and opens nothing. It listens at a socket (`python -m adapters.sandbox.zygote
SOCKET`); each connection is one application, whose workers die with it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pkgutil
import resource
import selectors
import signal
import socket
import sys
from collections import deque
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from adapters.sandbox import worker
from adapters.sandbox.lockdown import MEMORY, make_killable

PRELOADED = (
    "math", "datetime", "statistics", "decimal", "random", "encodings.idna", "encodings.latin_1",
    "zoneinfo", "pandas.core.methods.describe", "traceback", "linecache",
)  # fmt: skip
"""Modules that strategies may import, and those that are imported late by them: inside, nothing can be loaded."""
LONGEST_MESSAGE = 4096
SHARE_OF_MEMORY, FEWEST_WORKERS = 4, 2
"""All workers together may take a fourth of the machine's memory, or two of them what each may."""
PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Running:
    """A worker: its process id, and the bytes that it had from the beginning."""

    pid: int
    resident: int


@dataclass
class Application:
    """One connected application, and its workers by their numbers."""

    connection: socket.socket
    workers: dict[int, Running] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """A worker that is to be started: its application, its number, its seconds of a processor, its connection."""

    application: Application
    number: int
    cpu_seconds: int
    descriptor: int


class Zygote:
    """The listening process."""

    def __init__(self, listening: socket.socket, most_workers: int) -> None:
        self._listening = listening
        self._most_workers = most_workers
        self._waiting = deque[Start]()
        """Starts for which there is no room yet, the oldest first."""
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        self._applications: dict[socket.socket, Application] = {}
        self._woken, self._wakes = socket.socketpair()
        for end in (self._woken, self._wakes):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        self._number = 0

    def serve(self) -> None:
        """Serve for ever."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listening:
                    connection, _ = self._listening.accept()
                    application = self._applications[connection] = Application(connection)
                    self._selector.register(connection, selectors.EVENT_READ, application)
                elif key.fileobj is self._woken:
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4096)
                    self._reap()
                    self._start_waiting()
                elif isinstance(key.data, Application):
                    self._hear(key.data)

    def _hear(self, application: Application) -> None:
        try:
            raw, files, _, _ = socket.recv_fds(application.connection, LONGEST_MESSAGE, 1)
        except OSError:
            raw, files = b"", []
        if not raw:
            self._forget(application)
            return
        told = json.loads(raw)
        if "kill" in told:
            self._kill(application, told["kill"])
        if "measure" in told:
            running = application.workers.get(told["measure"])
            grown = 0 if running is None else resident(running.pid) - running.resident
            with contextlib.suppress(OSError):  # it has hung up, which is seen next
                application.connection.send(json.dumps({"grown": grown}).encode())
        if "start" in told:
            self._waiting.append(Start(application, told["start"], told["cpu_seconds"], files[0]))
            self._start_waiting()

    def _kill(self, application: Application, number: int) -> None:
        """End a worker, also one that waits for its start."""
        if (running := application.workers.get(number)) is not None:
            os.kill(running.pid, signal.SIGKILL)  # not reaped yet, so no other process has its id
        self._drop([start for start in self._waiting if start.application is application and start.number == number])

    def _drop(self, starts: list[Start]) -> None:
        for start in starts:
            self._waiting.remove(start)
            os.close(start.descriptor)

    def _start_waiting(self) -> None:
        """Fork the workers that wait, while there is room for what each may take."""
        while self._waiting and sum(len(one.workers) for one in self._applications.values()) < self._most_workers:
            self._fork(self._waiting.popleft())

    def _fork(self, start: Start) -> None:
        self._number += 1
        try:
            before = resident(os.getpid())
            pid = os.fork()
            if pid == 0:
                self._become_worker(start.descriptor, start.cpu_seconds)
            start.application.workers[start.number] = Running(pid, before)
        except OSError as error:  # no worker now, which its application sees at the connection
            sys.stderr.write(f"no worker: {error}\n")
        finally:
            os.close(start.descriptor)

    def _become_worker(self, descriptor: int, cpu_seconds: int) -> None:
        """Keep nothing but the connection of this worker, and work."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDWR)
            for place in (0, 1, 2):
                os.dup2(nothing, place)
            os.dup2(descriptor, 3)
            os.closerange(4, 65_536)
            worker.work(3, self._number, cpu_seconds)
        finally:
            os._exit(0)

    def _reap(self) -> None:
        """Take note of the workers that have ended: their applications see it at the connection of each."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                for application in self._applications.values():
                    application.workers = {number: one for number, one in application.workers.items() if one.pid != pid}

    def _forget(self, application: Application) -> None:
        """End the workers of an application that has hung up."""
        for running in application.workers.values():
            os.kill(running.pid, signal.SIGKILL)
        self._drop([start for start in self._waiting if start.application is application])
        del self._applications[application.connection]
        self._selector.unregister(application.connection)
        application.connection.close()


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has, those included that it shares; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def room() -> int:
    """Return the number of workers for which there is room, each with all that it may take.

    Where a control group bounds the memory of this process, they leave a fourth of that alone.
    """
    most = os.sysconf("SC_PHYS_PAGES") * PAGE // SHARE_OF_MEMORY
    with contextlib.suppress(OSError, ValueError):
        most = min(most, int(Path("/sys/fs/cgroup/memory.max").read_text()) * 3 // 4)
    return max(most // MEMORY, FEWEST_WORKERS)


def main(address: str) -> None:
    """Load what strategies need, listen at this address, and serve."""
    for module in PRELOADED:
        import_module(module)
    ta = import_module("pandas_ta_classic")
    for found in pkgutil.walk_packages(ta.__path__, "pandas_ta_classic."):
        with contextlib.suppress(ImportError):  # parts that want other libraries
            import_module(found.name)
    sys.modules["pandas_ta"] = ta
    make_killable()
    gc.collect()
    gc.freeze()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    Path(address).unlink(missing_ok=True)
    listening.bind(address)
    listening.listen(64)
    Zygote(listening, room()).serve()


if __name__ == "__main__":
    main(sys.argv[1])
