"""A sandbox, and a world outside of it in which attacks leave their proofs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.sandbox import sandbox as sandboxes
from adapters.sandbox.sandbox import Sandbox
from tests.conftest import short_folder

REPOSITORY = Path(__file__).parents[2]
SECRET = "the secret of the world outside"
_numbers = count(1)


@pytest.fixture(scope="session")
def sandbox(zygote: Path) -> Iterator[Sandbox]:
    """Connect to a zygote whose workers are locked."""
    connected = Sandbox(zygote, 60)
    yield connected
    connected.close()


@pytest.fixture(scope="session", params=["here", "user", "container"])
def locked(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Sandbox]:
    """Connect to a zygote whose workers are locked: as whoever runs the tests, as another user, as in a container."""
    if request.param == "here":
        yield sandbox
    elif os.geteuid() == 0:
        with connected("tests.sandbox.elsewhere", request.param) as elsewhere:
            yield elsewhere
    else:
        pytest.skip("only root becomes another user")


@pytest.fixture(scope="session")
def unlocked() -> Iterator[Sandbox]:
    """Connect to a zygote whose workers are not."""
    with connected("tests.sandbox.unlocked") as open_to_all:
        yield open_to_all


@contextmanager
def connected(module: str, *words: str) -> Iterator[Sandbox]:
    """Start a zygote of the tests' own and connect to it."""
    with short_folder() as folder, (folder / "out").open("wb") as out:
        folder.chmod(0o777)
        command = [sys.executable, "-s", "-m", module, *words, os.fspath(folder / "socket")]
        process = subprocess.Popen(command, cwd=REPOSITORY, env=sandboxes.ENVIRONMENT, stdout=out, stderr=out)
        try:
            there = Sandbox(folder / "socket", 60)
            yield there
            there.close()
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def bars() -> dict[str, Any]:
    """Return two thousand bars that wander around 100."""
    close = np.cumsum(np.random.default_rng(1).normal(0, 1, 2000)) / 10 + 100
    times = np.arange(2000) * 60_000.0 + 1.7e12
    return {
        "opened_at": times, "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": np.ones(2000),
    }  # fmt: skip


class World:
    """The world outside: a folder with a secret, servers that listen, and a process that wants to live."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self.folder = folder
        (folder / "secret").write_text(SECRET)
        folder.chmod(0o777)
        self.heard: list[bytes] = []
        self.victim = subprocess.Popen(["sleep", "600"], start_new_session=True)
        opened.callback(self._bury)
        self.stream, self.datagram = folder / "stream", folder / "datagram"
        tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stream, datagram = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        here = ("127.0.0.1", 0)
        places = ((tcp, here), (udp, here), (stream, str(self.stream)), (datagram, str(self.datagram)))
        for server, address in places:
            server.bind(address)
            opened.callback(server.close)
            connects = server in (tcp, stream)
            if connects:
                server.listen()
            threading.Thread(target=self._listen, args=(server, connects), daemon=True).start()
        self.tcp, self.udp = tcp.getsockname()[1], udp.getsockname()[1]

    def _listen(self, server: socket.socket, connects: bool) -> None:
        with suppress(OSError):
            while True:
                if not connects:
                    self.heard.append(server.recv(1000))
                    continue
                connection, _ = server.accept()
                with connection:
                    self.heard.append(connection.recv(1000))

    def _bury(self) -> None:
        self.victim.kill()
        self.victim.wait()

    def told_of(self, attack: str) -> str:
        """Return the code of an attack on this world."""
        words = {
            "FOLDER": self.folder, "VICTIM": self.victim.pid, "TCP": self.tcp, "UDP": self.udp, "STREAM": self.stream,
            "DATAGRAM": self.datagram,
        }  # fmt: skip
        for word, value in words.items():
            attack = attack.replace(word, str(value))
        return attack

    def is_hurt(self, log: list[str]) -> bool:
        """Return whether an attack has left a proof, here or in the log of its worker."""
        told = "\n".join(log)
        there = os.path.lexists(self.folder / "proof") or self.victim.poll() is not None
        return there or any(b"PROOF" in said for said in self.heard) or "PROOF" in told or SECRET in told


@pytest.fixture
def world() -> Iterator[World]:
    with short_folder() as folder, ExitStack() as opened:
        yield World(folder, opened)
