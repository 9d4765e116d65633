"""No attack of a strategy has an effect outside its worker, and every one of them has without the lock-down."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import pytest

from adapters.sandbox.sandbox import Sandbox
from application.ports.sandbox import Forged, Overrun
from tests.sandbox.attacks import ATTACKS
from tests.sandbox.conftest import World

EVERY = [pytest.param(attack, id=f"{kind} {nth}") for kind, some in ATTACKS.items() for nth, attack in enumerate(some)]
CALM = "class Calm(Strategy):\n    def __init__(self, *_): pass\n    def should_long(self): return False\n"


def attacked(sandbox: Sandbox, code: str) -> list[str]:
    """Let a strategy attack while it is loaded; return what it has logged, nothing when its worker has ended."""
    with sandbox.worker() as worker:
        try:
            return worker.load(code + "\n" + CALM, 20).log
        except (Overrun, Forged):
            return []


def test_there_are_attacks_of_every_kind() -> None:
    assert len(ATTACKS) >= 10
    assert all(len(some) >= 5 for some in ATTACKS.values())


@pytest.mark.parametrize("attack", EVERY)
def test_an_attack_has_no_effect(locked: Sandbox, world: World, bars: Any, attack: str) -> None:
    """The next strategy works as if nothing had been."""
    assert not world.is_hurt(attacked(locked, world.told_of(attack)))
    with locked.worker() as worker:
        assert worker.load(CALM).fault is None
        assert worker.decide(bars, 1000.0).decision == {"long": False}


@pytest.mark.parametrize("attack", EVERY)
def test_without_the_lock_down_it_has(unlocked: Sandbox, world: World, eventually: Any, attack: str) -> None:
    log = attacked(unlocked, world.told_of(attack))
    eventually(lambda: world.is_hurt(log), 10)


def test_an_attack_at_a_call_has_no_effect_either(sandbox: Sandbox, world: World, bars: Any) -> None:
    """Not only while the code is loaded: each call is as locked."""
    for some in ATTACKS.values():
        attack = indent(world.told_of(some[0]), "        ")
        code = (
            f"class Late(Strategy):\n    def __init__(self, *_):\n{attack}\n    def should_long(self): return False\n"
        )
        with sandbox.worker() as worker:
            assert worker.load(code).fault is None
            try:
                log = worker.decide(bars, 1000.0).log
            except Overrun:
                log = []
        assert not world.is_hurt(log), some[0]


FORGED = {
    "another call": "{'id': 7, 'decision': {'long': False}, 'log': []}",
    "the next call": "{'id': 2, 'decision': {'short': True}, 'log': []}",
    "other words": "{'id': 1, 'decision': None, 'log': [], 'more': 1}",
    "no log": "{'id': 1, 'decision': {'long': False}}",
    "a log of numbers": "{'id': 1, 'log': [1]}",
    "a size in words": "{'id': 1, 'decision': {'long': True, 'size': 'all', 'stop': 0.1, 'target': 0.1}, 'log': []}",
    "half a decision": "{'id': 1, 'decision': {'long': True, 'size': 1.0}, 'log': []}",
    "a line of no code": "{'id': 1, 'fault': {**FAULT, 'line': 2**40}, 'log': []}",
    "a fault of another kind": "{'id': 1, 'fault': {**FAULT, 'kind': 'none of ours'}, 'log': []}",
    "a message without end": "{'id': 1, 'fault': {**FAULT, 'message': 'x' * 10**6}, 'log': []}",
    "a log without end": "{'id': 1, 'log': ['x'] * 1001}",
    "a line of log without end": "{'id': 1, 'log': ['x' * 2001]}",
    "a decision that was not asked for": "{'id': 1, 'decision': {'long': False}, 'log': []}",
    "a fault without a line": "{'id': 1, 'fault': {'kind': 'raised'}, 'log': []}",
    "a list": "[1, 2]",
    "rows": "{'id': 1, 'log': [], 'rows': ['a']}",
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_reply_is_refused(sandbox: Sandbox, forged: str) -> None:
    """The worker writes it before its host answers; it is ended."""
    code = (
        "import os, json, struct\n"
        "FAULT = {'kind': 'raised', 'message': '', 'line': None, 'traceback': ''}\n"
        f"text = json.dumps({FORGED[forged]}).encode()\n"
        "os.write(3, struct.pack('<II', len(text), 0) + text)\n" + CALM
    )
    with sandbox.worker() as worker, pytest.raises(Forged):
        worker.load(code)


@pytest.mark.parametrize(
    "raw",
    [
        "b'nonsense' * 100", "struct.pack('<II', 2**31, 0)", "struct.pack('<II', 4, 0) + b'1234'",
        "struct.pack('<II', 9**7, 0) + b'[' * 9**7", "struct.pack('<II', 200000, 0) + b'[' * 200000",
        "struct.pack('<II', 2, 3) + b'{}123'",
    ],
)  # fmt: skip
def test_what_is_no_frame_is_refused(sandbox: Sandbox, raw: str) -> None:
    """Neither its size nor its depth harms whoever reads it."""
    code = f"import os, struct\ndata = {raw}\nwhile data:\n    data = data[os.write(3, data):]\n" + CALM
    with sandbox.worker() as worker, pytest.raises(Forged):
        worker.load(code)


@pytest.mark.parametrize(
    ("names", "numbers"), [("['a']", "[0.0]"), ("['a'] * 2", "[0.0] * 4000"), ("['x' * 61]", "[0.0] * 2000"),
    ("[1]", "[0.0] * 2000"), ("[str(n) for n in range(17)]", "[0.0] * 34000"), ("[[]]", "[0.0] * 2000")],
)  # fmt: skip
def test_lines_that_do_not_fit_are_refused(sandbox: Sandbox, bars: Any, names: str, numbers: str) -> None:
    code = CALM.replace(
        "pass",
        f"""
        import os, json, struct
        names, numbers = {names}, struct.pack('<' + 'd' * len({numbers}), *{numbers})
        text = json.dumps({{'id': 2, 'decision': {{'long': False}}, 'log': [], 'rows': names}}).encode()
        data = struct.pack('<II', len(text), len(numbers)) + text + numbers
        while data:
            data = data[os.write(3, data):]
""",
    )
    with sandbox.worker() as worker:
        worker.load(code)
        with pytest.raises(Forged):
            worker.decide(bars, 1000.0, lines=True)


@pytest.mark.parametrize(
    ("decision", "held"),
    [
        ("{'short': True}", False), ("{'long': False}", True), ("{'long': True}", False), ("{'short': 1}", True),
        ("{'long': True, 'size': float('nan'), 'stop': 0.0, 'target': 0.0}", False),
        ("{'long': True, 'size': float('inf'), 'stop': 0.0, 'target': 0.0}", False),
        ("{'long': False, 'size': 1.0, 'stop': 0.0, 'target': 0.0}", False),
    ],
)  # fmt: skip
def test_a_decision_that_answers_nothing_is_refused(sandbox: Sandbox, bars: Any, decision: str, held: bool) -> None:
    """Another question's answer, and numbers with which nobody can calculate."""
    code = CALM.replace(
        "pass",
        f"""
        import os, json, struct
        text = json.dumps({{'id': 2, 'decision': {decision}, 'log': []}}).encode()
        os.write(3, struct.pack('<II', len(text), 0) + text)
""",
    )
    with sandbox.worker() as worker:
        worker.load(code)
        with pytest.raises(Forged):
            worker.decide(bars, 1000.0, {"entry_price": 1.0} if held else None)


def test_what_a_strategy_patches_is_patched_for_itself_alone(sandbox: Sandbox, bars: Any) -> None:
    code = (
        "import pandas as pd, numpy as np, gc\n"
        "pd.DataFrame.__init__ = None\nnp.isfinite = None\n"
        "for one in gc.get_objects():\n"
        "    if type(one).__name__ == 'Host' or getattr(one, '__name__', '') == 'write_frame':\n"
        "        one.__class__.decide = None\n" + CALM
    )
    with sandbox.worker() as bad, sandbox.worker() as good:
        bad.load(code)
        assert good.load(CALM).fault is None
        assert good.decide(bars, 1000.0).decision == {"long": False}
