"""The whole platform as a user starts it: `aristobot run` with a HOME and ports of its own, in real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from json import loads
from pathlib import Path
from typing import Any, ClassVar

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from websockets.sync.client import ClientConnection, connect

from adapters.database.migrate import OWNER
from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from tests.conftest import short_folder
from tests.support.ports import neighbours

REPOSITORY = Path(__file__).parents[2]
ENDS = {"executed", "failed", "refused", "ignored"}
_numbers = count(1)


class Platform:
    """One HOME and the platform that runs on it."""

    program = "aristobot"
    own_environment: ClassVar[dict[str, str]] = {}

    def __init__(self, home: Path, eventually: Callable[..., Any], *arguments: str) -> None:
        self.home = home
        self.arguments = arguments
        self.eventually = eventually
        web, door, paper, *_ = range(first := neighbours(5), first + 5)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("ARISTOBOT_")} | {
            "ARISTOBOT_HOME": str(home),
            "ARISTOBOT_WEB_PORT": str(web),
            "ARISTOBOT_WEBHOOK_PORT": str(door),
            "ARISTOBOT_PAPER_PORT": str(paper),
            "ARISTOBOT_PRIVATE_CHANNELS": "true",
            **self.own_environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.printed = ""
        self.told: dict[str, Any] = {}

    def start(self) -> None:
        """Run the platform, wait until it has printed how to use it, and log in."""
        command = [sys.executable, "-m", self.program, "run", *self.arguments]
        with (self.home.parent / f"{self.home.name}.out").open("w+b") as out:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, env=self.environment, stdout=out, stderr=out, start_new_session=True
            )
            self.eventually(lambda: self._has_said(Path(out.name)), 240)
        self.told = loads((self.home / "run.json").read_text())
        self.console = httpx.Client(base_url=self.told["console"], timeout=30)
        self.paper = httpx.Client(base_url=self.told["paper"], timeout=30)
        self.door = httpx.Client(timeout=30)
        self.log_in(self.console)
        self.eventually(lambda: self.pids().keys() >= {"web", "engine", "gateway", "receiver", "projector"})

    def _has_said(self, out: Path) -> bool:
        self.printed = out.read_text()
        assert self.process.poll() is None, self.printed
        return "Ctrl+C stops everything." in self.printed

    def stop(self) -> None:
        """Stop the platform as Ctrl+C does. It ends with 0 and leaves no process behind."""
        assert self._end(signal.SIGTERM) == 0, self.printed

    def die(self) -> None:
        """Kill the supervisor alone (kill -9). No other process survives it."""
        assert self._end(signal.SIGKILL) == -signal.SIGKILL

    def _end(self, with_signal: int) -> int:
        family = {pid: _born(pid) for pid in self.family()}
        for client in (self.console, self.paper, self.door):
            client.close()
        self.process.send_signal(with_signal)
        code = self.process.wait(60)
        self.process = None
        assert len(family) > 7
        self.eventually(lambda: not [pid for pid, born in family.items() if born and _born(pid) == born])
        return code

    def kill(self) -> None:
        """Kill the platform if a failed test has left it running."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def family(self) -> list[int]:
        """Return the process ids of the supervisor and of all its descendants."""
        parents = {int(folder.name): _stat(int(folder.name))[1:2] for folder in Path("/proc").glob("[0-9]*")}
        found = [self.process.pid]
        for member in found:
            found += [child for child, parent in parents.items() if parent == [str(member)]]
        return found

    def log_in(self, client: httpx.Client) -> dict[str, Any]:
        """Open a session of the demo user in this client and return the answer."""
        asked = client.post("/api/session", json={"username": self.told["user"], "password": self.told["password"]})
        assert asked.status_code == 200, asked.text
        client.headers["X-CSRF-Token"] = asked.json()["csrf"]
        return asked.json()

    def ask(self, path: str, **query: Any) -> Any:
        """Return the response of the console's API to a GET."""
        answer = self.console.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def do(self, path: str) -> httpx.Response:
        """Change something through the console's API."""
        answer = self.console.post(path)
        assert answer.is_success, answer.text
        return answer

    def all_of(self, path: str) -> list[dict[str, Any]]:
        """Return every row of a list, read page by page."""
        rows, cursor = [], {}
        while True:
            page = self.ask(path, limit=200, **cursor)
            rows += page["items"]
            if page["next"] is None:
                return rows
            cursor = {"cursor": page["next"]}

    def pids(self) -> dict[str, int]:
        """Return the process ids of the terminals that show a sign of life, by name."""
        terminals = self.ask("/api/health/terminals")["terminals"]
        return {t["name"]: t["figures"]["pid"] for t in terminals if t["state"] == "up" and "pid" in t["figures"]}

    def alert(self, action: str = "BuyMarket", name: str | None = None, **changed: str) -> tuple[str, str]:
        """Return an alert like the printed one, and the indicator's name that identifies its webhook.

        `changed` holds fields as they stand in the text, so with quotes where the text has quotes.
        """
        name = name or f"Story {next(_numbers)}"
        text = re.search(r"-d '(\{.*\})'", self.printed)[1].replace("'$(date -u +%FT%TZ)'", "2026-03-02T09:30:00Z")
        for key, value in {"Action": f'"{action}"', "IndicateurName": f'"{name}"', **changed}.items():
            text, times = re.subn(rf'"{key}":("[^"]*"|[^,}}]*)', lambda _, k=key, v=value: f'"{k}":{v}', text)
            assert times == 1, f"the printed alert has no {key}"
        return text, name

    def post(self, body: str | bytes, url: str | None = None) -> httpx.Response:
        """Deliver a body at the door."""
        return self.door.post(url or self.told["webhook_url"], content=body)

    def webhooks(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of an indicator's webhooks, newest first."""
        return [row for row in self.all_of("/api/webhooks/history") if name in row["body"]]

    def ended(self, name: str, seconds: float = 30) -> dict[str, Any]:
        """Wait until the one webhook of an indicator has ended and return its row."""

        def row() -> dict[str, Any] | None:
            rows = self.webhooks(name)
            assert len(rows) <= 1
            return rows[0] if rows and rows[0]["status"] in ENDS else None

        return self.eventually(row, seconds)

    def order_of(self, webhook: dict[str, Any], state: str) -> dict[str, Any]:
        """Wait until the books show a webhook's order in this state and return its row."""

        def row() -> dict[str, Any] | None:
            rows = [order for order in self.all_of("/api/orders") if order["webhook_id"] == webhook["id"]]
            assert len(rows) <= 1
            return rows[0] if rows and rows[0]["state"] == state else None

        return self.eventually(row)

    def on_exchange(self) -> list[dict[str, Any]]:
        """Return all orders that the paper exchange ever took."""
        return self.paper.get("/paper/orders").json()

    def price(self, price: str, symbol: str = "BTC/USDT") -> None:
        """Set a price and hold it."""
        assert self.paper.put("/paper/price", json={"symbol": symbol, "price": price}).status_code == 200

    def live(self, client: httpx.Client | None = None, **options: Any) -> ClientConnection:
        """Open the live socket as the console does."""
        cookies = "; ".join(f"{name}={value}" for name, value in (client or self.console).cookies.items())
        options = {"origin": self.told["console"], "additional_headers": {"Cookie": cookies}, **options}
        return connect(self.told["console"].replace("http", "ws", 1) + "/api/live", **options)

    def database(self) -> psycopg.Connection[Any]:
        """Connect to the database as its owner, who also runs the audit."""
        known = loads((self.home / "servers.json").read_text())["database"]
        password = MasterKey((self.home / "secret_key").read_text().strip()).password_of(OWNER)
        return psycopg.connect(make_conninfo(**known, password=password), autocommit=True)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the log as its owner's commands do."""
        known = loads((self.home / "servers.json").read_text())["database"]
        master = MasterKey((self.home / "secret_key").read_text().strip())
        with open_pool(make_conninfo(**known, password=master.password_of(OWNER))) as pool:
            yield Store(pool, master)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a second command on the same HOME."""
        command = [sys.executable, "-m", "aristobot", *arguments]
        return subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )


def _stat(pid: int) -> list[str]:
    """Return the state, parent and further fields of a process, or nothing once it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _born(pid: int) -> str | None:
    """Return the start time of a process that still runs. It tells a process from a later one with the same id."""
    known = _stat(pid)
    return known[19] if known and known[0] not in "ZX" else None


@pytest.fixture(scope="session")
def new_platform(eventually: Callable[..., Any]) -> Iterator[Callable[..., Platform]]:
    """Yield `new_platform(*arguments)`, which runs a platform on a new HOME with more arguments for `run`.

    The test stops the platform itself.
    """
    made: list[Platform] = []
    with short_folder() as folder:

        def make(*arguments: str, kind: type[Platform] = Platform) -> Platform:
            made.append(kind(folder / f"h{len(made)}", eventually, *arguments))
            made[-1].start()
            return made[-1]

        yield make
        for platform in made:
            platform.kill()


@pytest.fixture(scope="session")
def platform(new_platform: Callable[[], Platform]) -> Iterator[Platform]:
    """Yield the platform that all stories share. Its end is a story too: exit code 0 and no process left."""
    running = new_platform()
    yield running
    running.stop()
