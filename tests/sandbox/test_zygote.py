"""The zygote: workers wait for room, end with whoever asked for them, are measured, and leave nothing behind."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adapters.sandbox.sandbox import MEASURED_EVERY, Sandbox, one_worker
from adapters.sandbox.zygote import room
from application.ports.sandbox import Forged, Overrun, SandboxError
from tests.sandbox.conftest import connected
from tests.sandbox.test_answers import strategy
from tests.sandbox.test_attacks import CALM
from tests.support.processes import children_of
from tests.support.samples import thoroughly

GROWS = CALM.replace("pass", "Calm.kept = getattr(Calm, 'kept', []) + [bytearray(10**6)]")


@pytest.fixture
def narrow() -> Iterator[Sandbox]:
    """Connect to a zygote with room for two workers."""
    with connected("tests.sandbox.narrow") as sandbox:
        yield sandbox


def asked_for(sandbox: Sandbox, number: int) -> socket.socket:
    """Ask for a worker without waiting for it, and return our end of its connection."""
    ours, theirs = socket.socketpair()
    with theirs:
        asked = json.dumps({"start": number, "cpu_seconds": 10}).encode()
        socket.send_fds(sandbox._control, [asked], [theirs.fileno()])
    return ours


def is_there(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return bool(connection.recv(1))
    except TimeoutError:
        return False


def test_the_newest_worker_waits_for_room(narrow: Sandbox) -> None:
    """Two are there; the third is forked once one of them has ended, before the fourth."""
    first, second = narrow.worker(), narrow.worker()
    third, fourth = asked_for(narrow, 103), asked_for(narrow, 104)
    assert not is_there(third, 0.3)
    first.close()
    assert is_there(third, 20)
    assert not is_there(fourth, 0.3)
    second.close()
    assert is_there(fourth, 20)


def test_who_no_longer_waits_takes_no_room(narrow: Sandbox) -> None:
    first, second = narrow.worker(), narrow.worker()
    given_up, third = asked_for(narrow, 103), asked_for(narrow, 104)
    narrow.kill(103)
    assert given_up.recv(1) == b""
    first.close()
    assert is_there(third, 20)
    second.close()
    with narrow.worker() as worker:
        assert worker.load(CALM).fault is None


def test_there_is_room_for_a_fourth_of_the_memory() -> None:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 2 <= room() <= max(memory // 4 // (256 * 2**20), 2)


def test_a_worker_that_has_grown_is_spent(sandbox: Sandbox, bars: Any) -> None:
    """One that keeps a megabyte of each call is to be replaced after the calls at which it is measured."""
    with sandbox.worker() as worker:
        worker.load(GROWS)
        calls = 0
        while not worker.is_spent:
            worker.decide(bars, 1000.0)
            calls += 1
        assert calls == MEASURED_EVERY - 1, "loading is a call as well"
    with sandbox.worker() as worker:
        worker.load(CALM)
        for _ in range(MEASURED_EVERY):
            worker.decide(bars, 1000.0)
        assert not worker.is_spent


def test_a_life_ends(zygote: Path) -> None:
    """Whoever sleeps in each call has used up its time after the first of them."""
    with one_worker(zygote, 20, 1) as worker, pytest.raises(Overrun):
        worker.load("import time\ntime.sleep(5)\n" + CALM)


def test_a_sandbox_that_dies_is_not_the_fault_of_a_strategy(bars: Any) -> None:
    """What was under way is unanswered, and not judged."""
    with connected("tests.sandbox.narrow") as sandbox:
        worker = sandbox.worker()
        worker.load(CALM)
        sandbox._control.shutdown(socket.SHUT_RDWR)
        with pytest.raises(SandboxError) as away:
            worker.decide(bars, 1000.0)
        assert away.value.code == "sandbox_away"


def test_applications_use_one_zygote_at_once(zygote: Path, bars: Any) -> None:
    """Each thread has a connection of its own; none hears what another one was told."""
    heard: dict[int, Any] = {}

    def work(number: int) -> None:
        with one_worker(zygote, 20, 30) as worker:
            worker.load(strategy(size=f"{number}.0"))
            heard[number] = [worker.decide(bars, 1000.0).decision["size"] for _ in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert heard == {number: [float(number)] * 20 for number in range(1, 6)}


def _mutant(code: str, random: Random) -> str:
    """Return code with one thing that is wrong, or not quite right."""
    at, lines = random.randrange(len(code)), code.splitlines()
    return random.choice([
        code[:at],
        code[:at] + random.choice("()[]:=\t #'\"\\") + code[at:],
        "\n".join(random.sample(lines, len(lines))),
        code.replace("return", random.choice(["yield", "raise", "print(", "while 1: pass; return"]), 1),
        code.replace("self.balance", random.choice(["None", "1/0", "self", "[0] * 10**8", "'x' * 10**9"])),
        code.replace("candles", random.choice(["balance", "self.candles", "candels"]), 3),
        code + random.choice(["\nimport os; os._exit(1)", "\n" + "a=" * 999 + "1", "\nclass B(One): pass"]),
    ])  # fmt: skip


@pytest.mark.parametrize("mutants", [100, thoroughly(1000)])
def test_bad_strategies_leave_nothing_behind(mutants: int, bars: Any) -> None:
    """One mutant after the other: none hangs, and the zygote has as many descriptors, children and bytes as before."""
    random, code = Random(5), strategy("self.candles['close'].iloc[-1] > 0")
    with connected("tests.sandbox.narrow") as sandbox:
        before = None
        for number in range(mutants):
            mutant = _mutant(code, random)
            with sandbox.worker(5, 3) as worker:
                try:
                    if worker.load(mutant, 1).fault is None:
                        worker.decide(bars, 1000.0, seconds=1)
                except (Overrun, Forged):
                    pass
            if number == 10:
                before = _held(sandbox)
        assert before is not None
        after = _held(sandbox)
        assert after[0] == before[0]
        assert after[1] - before[1] < 2 * 2**20


def _held(sandbox: Sandbox) -> tuple[int, int]:
    """Return the descriptors and the resident bytes of a zygote, once its last worker is reaped."""
    pid = sandbox._control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4]
    zygote = int.from_bytes(pid, "little")
    while children_of(zygote):
        sandbox.growth_of(0)
    resident = int(Path(f"/proc/{zygote}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return len([*Path(f"/proc/{zygote}/fd").iterdir()]), resident
