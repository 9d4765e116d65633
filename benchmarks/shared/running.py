"""The whole platform as a user starts it, for the benchmarks that measure it from outside."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from adapters.database.migrate import OWNER, url_for
from adapters.vault.keys import MasterKey
from aristobot.settings import Settings
from aristobot.wiring import House

_SECRET = "the secret of the benchmark"


@dataclass(frozen=True)
class Running:
    """`aristobot run` in a home of its own: what it told its user, and the owner's access to the database."""

    process: subprocess.Popen[bytes]
    home: Path
    told: dict[str, Any]
    owner: str
    master: MasterKey
    redis: str

    def url(self, role: str) -> str:
        """Return the database's URL for one of the platform's roles."""
        return url_for(self.owner, role, self.master)

    def house(self) -> House:
        """Return what the web terminal works with."""
        settings = Settings.read().__dict__ | {"database_url": self.url("aristobot_web"), "redis_url": self.redis}
        return House(Settings(**settings))

    def await_word(self, log: str, what: str, times: int) -> None:
        """Wait until a terminal's log contains a word this many times. Raises `TimeoutError`."""
        _await_word(self.home / "logs" / log, what, times, self.process)


@contextmanager
def running() -> Iterator[Running]:
    """Start the platform on free ports and embedded servers; stop it and remove its home afterwards."""
    home, first = Path(tempfile.mkdtemp(prefix="ab-")), free_ports(6)
    home.chmod(0o755)
    os.environ |= {"ARISTOBOT_HOME": str(home), "ARISTOBOT_SECRET_KEY": _SECRET}
    for number, name in enumerate(("WEB", "WEBHOOK", "PAPER")):
        os.environ[f"ARISTOBOT_{name}_PORT"] = str(first + number)
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL"):
        os.environ.pop(f"ARISTOBOT_{name}", None)
    said = home / "said.txt"
    with said.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "aristobot", "run"], stdout=out)
    try:
        _await_word(said, "is running", 1, process)
        servers, master = json.loads((home / "servers.json").read_text()), MasterKey(_SECRET)
        owner = make_conninfo(**servers["database"], password=master.password_of(OWNER))
        yield Running(process, home, json.loads((home / "run.json").read_text()), owner, master, servers["redis"])
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(home, ignore_errors=True)


def _await_word(path: Path, what: str, times: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists() or path.read_text(errors="replace").count(what) < times:
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not say {what!r} {times} times")
        time.sleep(0.05)


def free_ports(count: int) -> int:
    """Return the first of several neighbouring free ports."""
    while True:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            first: int = found.getsockname()[1]
        try:
            for port in range(first, first + count):
                with socket.socket() as tried:
                    tried.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            continue
        return first
