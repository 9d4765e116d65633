"""When a child is started and ended again, and how logs that we do not write ourselves rotate."""

from __future__ import annotations

from itertools import pairwise

import pytest

from aristobot.supervision.child import FIRST_PATIENCE, LONGEST_PATIENCE, Child
from aristobot.supervision.rotation import KEPT, LOOK_SECONDS, MOST_BYTES, Rotation
from tests.support.clock import Clock


def test_who_dies_again_and_again_is_started_with_growing_pauses():
    child = Child("engine", lambda: None)
    pauses = []
    for _ in range(12):
        child.died(now=10.0)
        pauses.append(child.next_start - 10.0)
    assert pauses[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert pauses[-1] == 30.0
    child.died(now=1000.0)
    assert child.next_start == pytest.approx(1000.2)


def test_a_restart_that_did_not_help_is_not_repeated_at_once():
    """Something else makes it stand still. It is told, and ended again later and later."""
    child, ended, now = Child("engine", lambda: None), [], 0.0
    while now < 4 * LONGEST_PATIENCE:
        if child.stands_still(now):
            ended.append(now)
        now += 5
    between = [later - earlier for earlier, later in pairwise(ended)]
    assert between[:4] == [FIRST_PATIENCE * 2**n for n in range(4)]
    assert max(between) == LONGEST_PATIENCE


def test_logs_of_servers_rotate(tmp_path):
    """The writer keeps the file open and goes on in it. Five old ones are kept, and other files are left alone."""
    logs, clock = tmp_path / "logs", Clock(0.0)
    logs.mkdir()
    (logs / "engine.log").write_bytes(b"x" * (MOST_BYTES + 1))
    rotation = Rotation(tmp_path, clock)
    with (
        (logs / "postgres.log").open("ab", buffering=0) as writer,
        (logs / "web.out").open("ab", buffering=0) as printed,
    ):
        for number in range(KEPT + 2):
            writer.write(b"%d" % number * (MOST_BYTES + 1))
            printed.write(b"short")
            clock.now += LOOK_SECONDS
            rotation.look()
            rotation.look()
        writer.write(b"the next line")
    kept = sorted(file.name for file in logs.glob("postgres.log.*"))
    assert kept == [f"postgres.log.{number}" for number in range(1, KEPT + 1)]
    assert (logs / "postgres.log").read_bytes() == b"the next line"
    assert (logs / "postgres.log.1").read_bytes()[:1] == b"%d" % (KEPT + 1)
    assert not [*logs.glob("*.out.*"), *logs.glob("engine.log.*")]
