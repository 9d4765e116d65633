"""What strategies answer, and what they are at fault for; each fault is at its line, and the zygote survives all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.sandbox import Sandbox
from application.ports.sandbox import Forged, Overrun, Reply, SandboxError

STRATEGY = """import pandas_ta as ta

class One(Strategy):
    parameters = {"length": 20}

    def __init__(self, candles, balance, position=None):
        self.candles, self.balance, self.position = candles, balance, position
        self.candles["ema"] = ta.ema(self.candles["close"], length=self.parameters["length"])

    def should_long(self):
        return BUYS

    def should_short(self):
        return SELLS

    def calculate_position_size(self):
        return SIZE

    def calculate_stop_loss(self):
        return 0.02

    def calculate_take_profit(self):
        return np.float64(0.04)

import numpy as np
"""


def strategy(buys: str = "True", sells: str = "False", size: str = "self.balance * 0.1") -> str:
    return STRATEGY.replace("BUYS", buys).replace("SELLS", sells).replace("SIZE", size)


def asked(sandbox: Sandbox, code: str, bars: Any, **how: Any) -> Reply:
    with sandbox.worker() as worker:
        loaded = worker.load(code, 5)
        return loaded if loaded.fault else worker.decide(bars, 1000.0, seconds=5, **how)


def test_a_decision_is_asked_for_in_its_order(sandbox: Sandbox, bars: Any) -> None:
    """A flat strategy is asked whether to buy and only then how much; one that holds something whether to sell."""
    bought = asked(sandbox, strategy(), bars)
    assert bought == Reply({"long": True, "size": 100.0, "stop": 0.02, "target": 0.04}, None, [])
    assert asked(sandbox, strategy("False", size="1 / 0"), bars).decision == {"long": False}
    held = {"entry_price": 100.0, "quantity": 1.0}
    for sells, decision in (("True", True), ("self.position['quantity'] > 1", False)):
        assert asked(sandbox, strategy("1 / 0", sells), bars, position=held).decision == {"short": decision}


def test_a_class_may_derive_from_another_strategy(sandbox: Sandbox, bars: Any) -> None:
    """The one without heirs is asked, as the static check reads it."""
    heir = "\nclass Heir(One):\n    def should_long(self): return False\n"
    assert asked(sandbox, strategy() + heir, bars).decision == {"long": False}


def test_what_a_strategy_sees_is_exact_and_its_own(sandbox: Sandbox, bars: Any) -> None:
    """Candles come to the last bit, with times in UTC, and what one call does to them is nothing to the next."""
    seen = ("len(self.candles.columns)", "float(self.candles['close'].iloc[-1]).hex()", "self.candles['time'].iloc[-1]")
    logged = "".join(f"self.log({one}); " for one in seen)
    code = strategy().replace('self.candles["ema"]', f'{logged}self.candles["ema"]')
    with sandbox.worker() as worker:
        worker.load(code)
        for _ in range(2):
            log = worker.decide(bars, 1000.0).log
            assert log == ["6", float(bars["close"][-1]).hex(), "2023-11-16 07:32:20+00:00"]


@pytest.mark.parametrize("value", ["True", "np.bool_(True)", "self.candles['close'].iloc[-1] > 0"])
def test_numpys_booleans_are_booleans(sandbox: Sandbox, bars: Any, value: str) -> None:
    assert asked(sandbox, strategy(value), bars).decision["long"] is True


@pytest.mark.parametrize(
    ("changed", "line", "said"),
    [
        ({"buys": "None"}, 10, "should_long returned None, not True or False"),
        ({"buys": "'yes'"}, 10, "should_long returned 'yes'"), ({"buys": "1"}, 10, "should_long returned 1"),
        ({"buys": "self.candles['close'] > 1"}, 10, "should_long returned Series"),
        ({"size": "None"}, 16, "calculate_position_size returned None, not a number"),
        ({"size": "float('nan')"}, 16, "returned nan"), ({"size": "float('inf')"}, 16, "returned inf"),
        ({"size": "True"}, 16, "returned True"), ({"size": "'10'"}, 16, "returned '10'"),
        ({"size": "np.ones(3)"}, 16, "returned ndarray"), ({"size": "10**400"}, 16, "returned 1000"),
        ({"buys": "1 / 0"}, 11, "ZeroDivisionError: division by zero"),
        ({"buys": "self.candles['none']"}, 11, "KeyError: 'none'"),
        ({"buys": "self.should_long()"}, 11, "RecursionError"), ({"buys": "exit()"}, 11, "SystemExit"),
        ({"buys": "[][0]"}, 11, "IndexError"), ({"buys": "bytearray(10**10)"}, 11, "MemoryError"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_answer_or_an_exception_is_named_at_its_line(
    sandbox: Sandbox, bars: Any, changed: dict[str, str], line: int | None, said: str
) -> None:
    fault = asked(sandbox, strategy(**changed), bars).fault
    assert said in fault["message"]
    assert line in {None, fault["line"]}
    if fault["kind"] == "raised":
        assert "strategy.py" in fault["traceback"]


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        ("x = (", "syntax", 1), ("if 1:\n\tx\n        y", "syntax", 3), ("\0", "syntax", None),
        ("(" * 3000 + ")" * 3000, "syntax", None), ("x" * 10**6, "raised", 1), ("", "no_class", None),
        ("class A(Strategy): pass\nclass B(Strategy): pass", "many_classes", None),
        ("import nothing_of_this_name", "raised", 1), ("raise KeyboardInterrupt", "raised", 1),
        ("class A(Strategy):\n    def __init__(self): pass", "raised", None),
        ("class A(Strategy):\n    def __init__(self, *_): raise ValueError('bad')", "raised", 2),
        ("class A(Strategy):\n    def __init__(self, *_): pass", "raised", None),
    ],
)  # fmt: skip
def test_code_that_cannot_be_used_is_named(sandbox: Sandbox, bars: Any, code: str, kind: str, line: int | None) -> None:
    fault = asked(sandbox, code, bars).fault
    assert (fault["kind"], line) in {(kind, None), (kind, fault["line"])}


ENDLESS = (
    "while True: pass", "import time\ntime.sleep(600)", "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
    "sum(range(10**12))", "while True:\n    try:\n        while 1: pass\n    except: pass",
)  # fmt: skip


@pytest.mark.parametrize("code", ENDLESS, ids=lambda code: code[:20])
def test_code_that_never_answers_is_ended(sandbox: Sandbox, code: str) -> None:
    with sandbox.worker() as worker, pytest.raises(Overrun):
        worker.load(code, 0.5)


def test_a_worker_that_was_ended_answers_no_more(sandbox: Sandbox, bars: Any) -> None:
    with sandbox.worker() as worker:
        with pytest.raises(Overrun):
            worker.load("while True: pass", 0.3)
        with pytest.raises(Overrun, match="has ended"):
            worker.decide(bars, 1000.0)


def test_a_call_that_never_answers_is_ended(sandbox: Sandbox, bars: Any) -> None:
    with sandbox.worker() as worker:
        assert worker.load(strategy("[None for _ in iter(int, 1)]")).fault is None
        with pytest.raises(Overrun):
            worker.decide(bars, 1.0, seconds=0.5)


def test_a_processor_is_used_no_longer_than_a_life_allows(sandbox: Sandbox) -> None:
    with sandbox.worker(cpu_seconds=1) as worker, pytest.raises(Overrun, match="has ended"):
        worker.load("while True: pass", 30)


def test_a_gigabyte_that_is_printed_is_cut(sandbox: Sandbox, bars: Any) -> None:
    code = strategy().replace("import numpy as np", "import numpy as np\nfor _ in range(1000): print('x' * 10**6)")
    with sandbox.worker() as worker:
        log = worker.load(code, 20).log
        assert len(log) == 1000
        assert {len(line) for line in log} == {2000}
        assert worker.decide(bars, 1000.0).decision["long"]


def test_a_hundred_workers_leave_no_descriptor_behind(sandbox: Sandbox) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(100):
        with sandbox.worker() as worker:
            worker.load("x = 1")
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_sandbox_that_is_not_there_is_told(short_home: Any) -> None:
    with pytest.raises(SandboxError, match="no sandbox"):
        Sandbox(short_home / "nowhere", 0.1)
    assert issubclass(Forged, SandboxError)
