"""Folders and processes of the server tests. Every test starts its own servers."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import aristobot
from aristobot.servers import process
from tests.conftest import short_folder

LAUNCHER = """
import json, os, sys
from pathlib import Path
import psycopg
from adapters.vault.keys import MasterKey
from aristobot.servers import process
from aristobot.servers.postgres import Postgres
from aristobot.servers.valkey import Valkey

home, mode = Path(sys.argv[1]), sys.argv[2]
if mode == "account":
    process._namespaces_work = lambda: False
postgres, valkey = Postgres(home, MasterKey("secret")), Valkey(home)
postgres.start()
valkey.start()
with psycopg.connect(postgres.url, autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS kept (starts int)")
    connection.execute("INSERT INTO kept VALUES (1)")
    starts = connection.execute("SELECT count(*) FROM kept").fetchone()[0]
pids = {"postgres": postgres._process.pid, "valkey": valkey._process.pid}
print(json.dumps({"mode": process.as_unprivileged()[0], "starts": starts, **pids}), flush=True)
sys.stdin.read()
valkey.stop()
postgres.stop()
"""
PACKAGES = ("adapters", "application", "aristobot", "domain", "projections", "web")


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a folder of the test with a short path, which any account can enter."""
    with short_folder() as folder:
        yield folder


@pytest.fixture
def deep_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder whose path is too long for a socket. Temporary files go into the test's own folder as well."""
    monkeypatch.setenv("TMPDIR", str(home))
    monkeypatch.setattr(tempfile, "tempdir", None)
    deep = home / ("deep" * 30)
    deep.mkdir()
    return deep


class Launched:
    """A separate process that runs both servers."""

    def __init__(self, command: list[Any], user: str | None, environment: dict[str, str]) -> None:
        options: dict[str, Any] = {"user": user, "group": _group(), "extra_groups": []} if user else {}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd="/", env=environment, stdin=pipe, stdout=pipe, **options)
        self.said: dict[str, Any] = {}
        self.family: list[int] = []

    def await_ready(self) -> None:
        """Wait until both servers run, and note their processes."""
        said = self.process.stdout.readline()
        assert said, f"the launcher ended with {self.process.wait()}"
        self.said = json.loads(said)
        self.family = [pid for server in ("postgres", "valkey") for pid in family(self.said[server])]

    def end(self) -> None:
        """End the process as Ctrl+C would."""
        self.process.communicate(timeout=60)

    def kill(self) -> None:
        """Kill the process as `kill -9` does."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="session")
def python_for_all() -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a Python of this version that every account of the machine can run, and its environment."""
    repository, libraries = Path(aristobot.__file__).parents[1], Path(sysconfig.get_path("platlib"))
    prefix, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp"))
    folder.chmod(0o755)
    if os.geteuid() == 0:  # root's files may be closed to others; any other account starts only what it runs itself
        if not _reaches(libraries):
            libraries = _copied(libraries, folder / "libraries")
        if not _reaches(repository):
            for package in PACKAGES:
                _copied(repository / package, folder / "repository" / package)
            repository = folder / "repository"
        if not _reaches(prefix / "bin" / version):
            prefix = _copied(prefix, folder / "python")
    path = os.pathsep.join([str(repository), str(libraries), *(sys.path if os.geteuid() else ())])
    yield (
        prefix / "bin" / version,
        {
            "PYTHONPATH": path,
            "LD_LIBRARY_PATH": str(prefix / "lib"),
            "PATH": "/usr/bin:/bin",
        },
    )
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def launch(home: Path, python_for_all: tuple[Path, dict[str, str]]) -> Iterator[Callable[..., Launched]]:
    """Yield a function that starts both servers in a separate process, on the test's folder: `launch(mode)`.

    It waits until they run if `ready`. `plain` is an ordinary account, `namespace` and `account` are root's two ways.
    A mode that cannot be tried here skips the test.
    """
    launched: list[Launched] = []

    def start(mode: str, *, ready: bool = True) -> Launched:
        user = None
        if os.geteuid() == 0 and mode == "plain":
            user = "nobody"
            shutil.chown(home, "nobody")
        elif os.geteuid() != 0 and mode != "plain":
            pytest.skip(f"the mode {mode} is root's own, and these tests run as {os.geteuid()}")
        elif mode == "namespace" and not process._namespaces_work():
            pytest.skip("user namespaces are refused on this machine")
        python, environment = python_for_all
        launched.append(Launched([python, "-c", LAUNCHER, home, mode], user, environment))
        if ready:
            launched[-1].await_ready()
        return launched[-1]

    yield start
    for one in launched:
        one.kill()


def _reaches(path: Path) -> bool:
    command, nobody = ["/usr/bin/test", "-r", path, "-a", "-x", path], {"user": "nobody", "group": _group()}
    return subprocess.run(command, extra_groups=[], cwd="/", check=False, **nobody).returncode == 0


def _group() -> int:
    return pwd.getpwnam("nobody").pw_gid


def _copied(source: Path, target: Path) -> Path:
    def link(of: str, to: str) -> None:
        try:
            os.link(of, to)
        except OSError:
            shutil.copy2(of, to)

    ignored = shutil.ignore_patterns("test", "tests", "site-packages")
    shutil.copytree(source, target, ignore=ignored, copy_function=link, symlinks=True, dirs_exist_ok=True)
    return target


def family(pid: int) -> list[int]:
    """Return the ids of a process and all its descendants."""
    parents = {int(folder.name): _status(folder).get("PPid") for folder in Path("/proc").glob("[0-9]*")}
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == str(member)]
    return found


def _status(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / "status").read_text().splitlines()
    except OSError:
        return {}
    return {
        name: value.split()[0] if value.split() else "" for name, _, value in (line.partition(":") for line in lines)
    }


@pytest.fixture(scope="session")
def status_of() -> Callable[[int], dict[str, str]]:
    """Return a function that reads the kernel's status of a process, empty once it is gone: `status_of(pid)`."""

    def status(pid: int) -> dict[str, str]:
        said = _status(Path(f"/proc/{pid}"))
        return {} if said.get("State") in {"Z", "X"} else said

    return status


@pytest.fixture(scope="session")
def network_sockets() -> Callable[[int], set[str]]:
    """Return a function that lists the TCP and UDP sockets of a process and its children: `network_sockets(pid)`."""

    def sockets(pid: int) -> set[str]:
        held = set()
        for member in family(pid):
            with suppress(FileNotFoundError):  # the process has ended
                for descriptor in Path(f"/proc/{member}/fd").iterdir():
                    with suppress(FileNotFoundError):  # the file was closed
                        held.add(str(descriptor.readlink()))
        known = set()
        for table in ("tcp", "tcp6", "udp", "udp6"):
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            known |= {f"socket:[{line.split()[9]}]" for line in lines}
        return held & known

    return sockets
