"""A process that was asked to stop ends, even if its work does not."""

from __future__ import annotations

import signal
import subprocess
import sys

WORK = """
import sys, time
from aristobot.supervision.liveness import stop_on_signal

stopping = stop_on_signal(float(sys.argv[1]))
print("working", flush=True)
while not (stopping.is_set() and sys.argv[2] == "heeds"):
    time.sleep(0.01)
"""


def ended(within: float, work: str) -> int:
    """Return the exit code of a process that is asked to stop while it works."""
    with subprocess.Popen([sys.executable, "-c", WORK, str(within), work], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"working\n"
        process.send_signal(signal.SIGTERM)
        return process.wait(30)


def test_work_that_does_not_heed_the_signal_is_ended() -> None:
    assert ended(0.1, "goes on") == 1


def test_work_that_heeds_it_ends_by_itself() -> None:
    assert ended(60, "heeds") == 0
