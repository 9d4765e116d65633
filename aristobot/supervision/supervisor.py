"""The supervisor: starts the servers and every terminal, watches them, restarts the dead, and stops all cleanly."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from adapters.bus import STALE_SECONDS, Bus
from adapters.database.migrate import migrate, url_for
from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from aristobot.commands import demo
from aristobot.servers import process, sandbox
from aristobot.servers.postgres import Postgres
from aristobot.servers.valkey import Valkey
from aristobot.settings import SettingError, Settings
from aristobot.supervision.child import Child, Process
from aristobot.supervision.diary import Diary
from aristobot.supervision.forks import ForkServer, without_database
from aristobot.supervision.frozen import Frozen
from aristobot.supervision.liveness import stop_on_signal
from aristobot.supervision.logs import open_log
from aristobot.supervision.ports import check_ports
from aristobot.supervision.rotation import Rotation
from aristobot.supervision.standstill import STILL_SECONDS, Lookout, Standstill
from aristobot.terminals import BACKUP, TERMINALS, WATCHED
from aristobot.wiring import House

SERVERS = "servers.json"
STOP_SECONDS = 30.0
WATCH_SECONDS = 0.2
SERVER_PAUSE = 1.0
NOT_STARTED = (OSError, process.ServerError)


class AlreadyRunning(Exception):
    """Another `aristobot run` uses this HOME."""


class Supervisor:
    """The parent of everything that `aristobot run` starts. Its children die with it, whatever kills it."""

    def __init__(self, settings: Settings, arguments: list[str]) -> None:
        self.settings = settings
        self._paper_arguments = arguments
        self.master = MasterKey(settings.secret_key())
        self._log: Any = None
        self._servers: list[Postgres | Valkey] = []
        self._children: list[Child] = []
        self._diary: Diary | None = None
        self.owner_url = settings.database_url or ""
        self.redis_url = settings.redis_url or ""
        self._lock: Any = None
        self._fork_server: ForkServer | None = None

    def run(self) -> int:
        """Run everything until a signal and return the exit code.

        Raises `AlreadyRunning` when HOME is in use, and `SettingError` when one of the ports is.
        """
        self._take_home()
        check_ports(self.settings)
        self._log = open_log(self.settings.home, "supervisor")
        stopping = stop_on_signal()
        try:
            self._fork_server = self._new_fork_server()
            self._start_servers()
            say("Upgrading the database…")
            self._log.info("migrated", done=migrate(self.owner_url, self.master))
            self._diary = Diary(self._store(), self._log)
            self._diary.started()
            say("Starting the paper exchange…")
            books = str(self.settings.home / "paper" / "books.sqlite")
            port = str(self.settings.paper_port)
            self._start("paper", ["paper", "--port", port, "--books", books, *self._paper_arguments])
            paper = f"http://127.0.0.1:{self.settings.paper_port}"
            _await_http(f"{paper}/paper/orders", stopping)
            told = self._prepare(paper)
            say(f"Starting {len(TERMINALS)} services…")
            for name in TERMINALS:
                self._start(name, ["terminal", name])
            self._start(BACKUP, ["backup", "--daily"])
            if self.settings.own_sandbox:
                self._start_sandbox()
            self._await_own("web", f"http://127.0.0.1:{self.settings.web_port}/api/health", stopping)
            self._await_own("receiver", f"http://127.0.0.1:{self.settings.webhook_port}/", stopping)
            if not stopping.is_set():
                _announce(told)
            self._watch(stopping)
        finally:
            self._stop()
        return 0

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of the database as its owner, with nothing else running: a restore needs the platform stopped.

        Raises `AlreadyRunning` when HOME is in use.
        """
        self._take_home()
        if self.settings.database_url is not None:
            yield self.settings.database_url
            return
        postgres = Postgres(self.settings.home, self.master)
        postgres.start()
        try:
            yield postgres.url
        finally:
            postgres.stop()

    def _take_home(self) -> None:
        self.settings.make_home()
        try:
            self._lock = (self.settings.home / "lock").open("w")
        except OSError as error:
            raise SettingError(f"ARISTOBOT_HOME {self.settings.home} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"another `aristobot run` uses {self.settings.home}") from None
        self.settings.close_home()

    def _start_servers(self) -> None:
        if not self.owner_url:
            first = not (self.settings.home / "postgres").exists()
            say("Creating the database, the first time only…" if first else "Starting the database…")
            postgres = Postgres(self.settings.home, self.master)
            postgres.start()
            self._servers.append(postgres)
            self.owner_url = postgres.url
        if not self.redis_url:
            valkey = Valkey(self.settings.home)
            valkey.start()
            self._servers.append(valkey)
            self.redis_url = valkey.url
        self._write_servers()

    def _write_servers(self) -> None:
        """Write the file in which other commands find the running servers. It holds no database password."""
        database = {k: v for k, v in conninfo_to_dict(self.owner_url).items() if k != "password"}
        (self.settings.home / SERVERS).write_text(json.dumps({"database": database, "redis": self.redis_url}))

    def _prepare(self, paper: str) -> dict[str, Any]:
        settings = Settings.read()
        url = url_for(self.owner_url, TERMINALS["web"].role, self.master)
        house = House(
            Settings(
                **{**settings.__dict__, "database_url": url, "database_direct_url": url, "redis_url": self.redis_url}
            )
        )
        with house.pool:
            return demo.prepare(house, paper) if self.settings.database_url is None else demo.introduce(house, paper)

    def _store(self) -> Store:
        return Store(open_pool(url_for(self.owner_url, "aristobot_writer", self.master), 2), self.master)

    def _environment(self, name: str) -> dict[str, str]:
        """Return a child's environment. Secrets travel there, never in the arguments."""
        given = without_database() | {
            "PGAPPNAME": f"aristobot {name}",
            "ARISTOBOT_HOME": str(self.settings.home),
            "ARISTOBOT_REDIS_URL": self.redis_url,
        }
        if name == BACKUP:
            given |= {"ARISTOBOT_DATABASE_URL": self.owner_url}
        if (terminal := TERMINALS.get(name)) is not None:
            url = url_for(self.owner_url, terminal.role, self.master)
            given |= {"ARISTOBOT_DATABASE_URL": url, "ARISTOBOT_DATABASE_DIRECT_URL": url}
        return given

    def _start(self, name: str, arguments: list[str]) -> None:
        def start() -> Process:
            if self._fork_server is None or not self._fork_server.alive():
                self._fork_server = self._new_fork_server()
            with self._output(name) as out:
                return self._fork_server.fork(arguments, self._environment(name), out)

        self._begin(Child(name, start))

    def _start_sandbox(self) -> None:
        def start() -> Process:
            with self._output("sandbox") as out:
                return sandbox.start(self.settings.sandbox, out)

        self._begin(Child("sandbox", start), needed=False)

    def _begin(self, child: Child, *, needed: bool = True) -> None:
        self._children.append(child)
        self._revive(child)
        if child.process is None:
            self._revive(child)
        if child.process is None and needed:
            raise OSError(f"{child.name} could not be started; see {self.settings.home / 'logs' / 'supervisor.log'}")

    def _new_fork_server(self) -> ForkServer:
        with self._output("fork_server") as out:
            return ForkServer(out)

    def _output(self, name: str) -> IO[bytes]:
        """Open the file that takes what a process prints."""
        return (self.settings.home / "logs" / f"{name}.out").open("ab")

    def _revive(self, child: Child) -> None:
        child.started_at, child.frozen = time.monotonic(), False
        try:
            child.process = child.start()
        except NOT_STARTED as error:  # tried again, with a new fork server if this one makes no children any more
            self._log.error("not_started", terminal=child.name, error=str(error))
            child.died(child.started_at)
            return
        self._log.info("started", terminal=child.name, pid=child.process.pid, restarts=child.restarts)
        if child.name in WATCHED and self._diary is not None:
            self._diary.up(child.name, child.process.pid, again=child.restarts > 0)

    def _watch(self, stopping: threading.Event) -> None:
        bus = Bus(self.redis_url)
        frozen, lookout = Frozen(bus), Lookout(Standstill(bus, self._store()), self._log)
        lookout.watch(stopping)
        rotation = Rotation(self.settings.home)
        while not stopping.wait(WATCH_SECONDS):
            for server in self._servers:
                if not server.alive():
                    self._start_again(server)
            silent, still = frozen.names(), lookout.still
            for child in self._children:
                now = time.monotonic()
                is_silent = child.name in silent and now - child.started_at > STALE_SECONDS
                is_still = child.name in still and now - child.started_at > STILL_SECONDS
                if is_silent or (is_still and child.stands_still(now)):
                    self._end(child)
                self._look_after(child)
            rotation.look()

    def _end(self, child: Child) -> None:
        """Kill a frozen child, which cannot be asked to stop or would not. It is then restarted as if it had died."""
        if child.process is not None and child.process.poll() is None:
            self._log.error("terminal_frozen", terminal=child.name, pid=child.process.pid)
            child.frozen = True
            child.process.kill()
            child.process.wait()

    def _start_again(self, server: Postgres | Valkey) -> None:
        """Restart a dead server. A failed attempt is repeated on the next round.

        What the dead server left behind may still hold its shared memory.
        """
        name = type(server).__name__
        self._log.error("server_died", server=name)
        try:
            server.start()
        except (process.ServerError, psycopg.OperationalError, OSError) as error:
            self._log.error("server_not_started", server=name, error=str(error))
            time.sleep(SERVER_PAUSE)

    def _await_own(self, name: str, url: str, stopping: threading.Event) -> None:
        """Wait until the URL answers while our own terminal lives: another program may answer in its place."""
        _await_http(url, stopping)
        [child] = [one for one in self._children if one.name == name]
        if child.process is None or child.process.poll() is not None:
            raise TimeoutError(f"the service {name} has ended; see {self.settings.home / 'logs' / name}.log")

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None and (code := child.process.poll()) is not None:
            self._log.error("terminal_died", terminal=child.name, code=code)
            if child.name in WATCHED and self._diary is not None:
                self._diary.down(child.name, code, frozen=child.frozen)
            child.died(now)
        if child.process is None and now >= child.next_start:
            self._revive(child)

    def _see_the_end_of(self, child: Child, deadline: float) -> None:
        if child.process is not None:
            try:
                child.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.process.kill()

    def _stop(self) -> None:
        """Stop the terminals in reverse order of their start, then the exchange they talk to, and the servers last."""
        say("Stopping…")
        deadline = time.monotonic() + STOP_SECONDS
        terminals = [child for child in reversed(self._children) if child.name in TERMINALS]
        others = [child for child in reversed(self._children) if child.name not in TERMINALS]
        for children in (terminals, others):
            for child in children:
                if child.process is not None and child.process.poll() is None:
                    child.process.terminate()
            for child in children:
                self._see_the_end_of(child, deadline)
        if self._fork_server is not None:
            self._fork_server.close()
        if self._diary is not None:
            self._diary.stopped()
        for server in reversed(self._servers):
            server.stop()
        # No later command may look for servers that no longer run.
        (self.settings.home / SERVERS).unlink(missing_ok=True)
        if self._log is not None:
            self._log.info("stopped")
        say("Stopped.")


def _await_http(url: str, stopping: threading.Event, seconds: float = 60) -> None:
    """Wait until the URL answers, with any status, or until `stopping`. Raises `TimeoutError` after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not stopping.is_set():
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - loopback
        except urllib.error.HTTPError:
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    if not stopping.is_set():
        raise TimeoutError(f"{url} did not answer within {seconds:.0f} s; see the logs")


def say(text: str) -> None:
    """Print a line for the person who watches the platform start and stop."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _announce(told: dict[str, Any]) -> None:
    lines = ["Aristobot is running.", f"  console   {told['console']}"]
    if "user" in told:
        lines += [
            f"  user      {told['user']}",
            f"  password  {told['password']}",
            f"  webhook   {told['webhook_url']}",
        ]
        lines += ["", "Send an alert (it can be pasted again):", demo.curl(told)]
    elif "code" in told:
        lines += [f"  code      {told['code']}   (makes the first account, which is the admin's)"]
    say("\n".join([*lines, "", "Ctrl+C stops everything."]))
