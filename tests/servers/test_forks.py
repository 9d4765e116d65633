"""The fork server makes children that are like processes of their own, and tells how each has ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from aristobot.supervision import forks
from aristobot.supervision.forks import Fork, ForkServer, ForkServerAway
from tests.support.ports import neighbours
from tests.support.processes import words_of

Start = Callable[..., Fork]
LIVES = 120.0


@pytest.fixture
def server(short_home: Path) -> Iterator[ForkServer]:
    with (short_home / "fork_server.out").open("ab") as out:
        running = ForkServer(out)
    yield running
    running.close()


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


@pytest.fixture
def start(server: ForkServer, said: Path, tmp_path: Path) -> Start:
    """Return `start(*words, **environment)`, which starts a command as a child."""

    def started(*words: str, **environment: str) -> Fork:
        with said.open("ab") as out:
            return server.fork([*words], {"ARISTOBOT_HOME": str(tmp_path), **environment}, out)

    return started


@pytest.fixture
def paper(start: Start, eventually: Callable[..., None]) -> Fork:
    """Start a child that lives until it is ended, and wait until it listens."""
    first = neighbours(3)
    child = start("paper", "--port", str(first))

    def listens() -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", first), 1).close()
            return True
        return False

    eventually(listens)
    return child


def test_what_a_command_prints_and_returns_is_its_own(start: Start, said: Path) -> None:
    assert start("--help").wait(LIVES) == 0
    assert said.read_text().startswith("usage: aristobot")
    assert start("terminal", "nobody").wait(LIVES) == 2
    assert "invalid choice: 'nobody'" in said.read_text()
    assert start("reconcile", ARISTOBOT_HOME="/nowhere").wait(LIVES) == 2


def test_a_child_has_the_environment_it_was_given_and_no_other(start: Start, said: Path) -> None:
    """What the server was started with is nothing of the child's."""
    given = {"ARISTOBOT_SECRET_KEY": "a secret", "ARISTOBOT_CLOCK": "nonsense", "ARISTOBOT_DATABASE_URL": "host=/none"}
    assert start("terminal", "heartbeat", "--alive", **given).wait(LIVES) == 2
    assert "ARISTOBOT_REDIS_URL" in said.read_text()


def test_a_child_is_a_process_of_its_own_session_and_name(paper: Fork) -> None:
    """It holds no socket of the server's, and nothing but its own input and output."""
    assert os.getsid(paper.pid) == paper.pid
    assert Path(f"/proc/{paper.pid}/fd/0").readlink() == Path("/dev/null")
    assert {Path(f"/proc/{paper.pid}/fd/{number}").readlink().name for number in (1, 2)} == {"said"}
    assert words_of(paper.pid)[:3] == ["aristobot", "paper", "--port"]


def test_a_child_that_lives_is_waited_for_no_longer_than_said(paper: Fork) -> None:
    assert paper.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        paper.wait(0.05)
    paper.terminate()
    assert paper.wait(LIVES) == 0
    paper.kill()  # which is too late, and no error
    assert paper.poll() == 0


def test_each_death_is_told_as_it_was_in_whatever_order_it_is_asked_for(start: Start) -> None:
    """Several children end at once, and births come in between."""
    first = [start("paper", "--port", str(neighbours(3))) for _ in range(3)]
    for child in first:
        child.kill()
    later = start("--help")
    assert later.wait(LIVES) == 0
    assert [child.wait(LIVES) for child in reversed(first)] == [-signal.SIGKILL] * 3


def test_an_environment_is_passed_on_whole_or_refused(start: Start) -> None:
    """Whatever bytes it has. One that is too large ends neither the server nor its other children."""
    assert start("--help", ODD="\udcff é" + "x" * 100_000).wait(LIVES) == 0
    with pytest.raises(OSError, match="environment"):
        start("--help", LARGE="x" * 200_000)
    assert start("--help").wait(LIVES) == 0


def test_a_signal_that_comes_too_late_is_no_error(paper: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child may end after it was seen alive and before it is signalled."""
    os.kill(paper.pid, signal.SIGKILL)
    assert paper._has_ended(LIVES)
    monkeypatch.setattr(paper, "poll", lambda: None)
    paper.terminate()
    paper.kill()


def test_a_server_that_stands_still_is_given_up_at_once(
    server: ForkServer, paper: Fork, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its children end with it, and nothing waits for it again and again."""
    monkeypatch.setattr(forks, "CODE_SECONDS", 0.2)
    second = start("paper", "--port", str(neighbours(3)))
    os.kill(server._process.pid, signal.SIGSTOP)
    paper.kill()
    assert paper.wait(LIVES) == -signal.SIGTERM
    assert not server.alive()
    assert second.wait(LIVES) == -signal.SIGTERM
    with pytest.raises(ForkServerAway):
        start("--help")


def test_children_die_with_their_server_and_the_next_one_makes_others(
    server: ForkServer, paper: Fork, start: Start
) -> None:
    os.kill(server._process.pid, signal.SIGKILL)
    assert paper.wait(LIVES) == -signal.SIGTERM
    server._process.wait()
    assert not server.alive()
    with pytest.raises(ForkServerAway):
        start("--help")


SUPERVISOR = """
import os, signal, subprocess, sys
from aristobot.supervision.forks import ForkServer
server = ForkServer(subprocess.DEVNULL)
with open(os.devnull, "ab") as out:
    child = server.fork(["paper", "--port", sys.argv[1]], dict(os.environ), out)
os.kill(server._process.pid, signal.SIGSTOP)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_child_outlives_a_killed_supervisor_whose_server_stands_still(eventually: Callable[..., None]) -> None:
    killed = subprocess.run([sys.executable, "-c", SUPERVISOR, str(neighbours(3))], stdout=subprocess.PIPE, check=False)
    pid = int(killed.stdout)
    eventually(lambda: words_of(pid)[:1] != ["aristobot"])
