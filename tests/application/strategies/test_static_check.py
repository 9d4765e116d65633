"""The static check names what a strategy must not contain, each at its line."""

from __future__ import annotations

import pytest

from application.strategies.static_check import Problem, problems_of
from domain.strategies.strategy import TEMPLATE

METHODS = """
    def __init__(self, candles, balance, position=None): self.candles = candles
    def should_long(self): return False
    def should_short(self): return False
    def calculate_position_size(self): return 0.0
    def calculate_stop_loss(self): return 0.0
    def calculate_take_profit(self): return 0.0
"""
CLASS = f"class Good(Strategy):{METHODS}"


def with_line(line: str) -> str:
    """Return a strategy whose line 3 is this one, in a method."""
    return CLASS.replace("def should_long(self): return False", f"def should_long(self): {line}")


def test_the_template_and_what_is_allowed_have_no_problems():
    assert problems_of(TEMPLATE) == []
    allowed = (
        "import pandas as pd, numpy as np\nfrom datetime import timedelta\nimport pandas_ta as ta\nLENGTH = 20\n"
        f"def helper(x):\n    y = x\n    return y\nclass Base(Strategy):{METHODS}\n"
        "class Heir(Base):\n    parameters = {'fast': 10, 'names': ['a']}\n    def should_long(self): return True\n"
    )
    assert problems_of(allowed) == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("x = (", Problem("syntax", 1, "'(' was never closed")),
        ("if True:\n\tx = 1\n        y = 2\n" + CLASS, "syntax"), ("\0", "syntax"), ("(" * 500 + ")" * 500, "syntax"),
        ("-" * 99_999 + "1", "syntax"), ("#" * 100_001, Problem("too_long", 1, "100001")),
        ("", Problem("no_class", 1)), ("class A:\n    pass", Problem("no_class", 1)),
        ("class A(B): pass\nclass B(A): pass", Problem("no_class", 1)),
        (CLASS + "\nclass More(Strategy): pass", Problem("many_classes", 9, "More")),
        (CLASS.replace("should_short", "shorten"), Problem("no_method", 1, "should_short")),
        ("import os\n" + CLASS, Problem("import", 1, "os")), ("from . import x\n" + CLASS, Problem("import", 1, ".")),
        ("import pandas, sys\n" + CLASS, Problem("import", 1, "sys")),
        ("from os.path import join\n" + CLASS, Problem("import", 1, "os.path")),
        (with_line("return open('x')"), Problem("name", 3, "open")),
        (with_line("return eval('1')"), Problem("name", 3, "eval")),
        (with_line("return ().__class__"), Problem("name", 3, "__class__")),
        (with_line("return datetime.now()"), Problem("clock", 3, "now")),
        (with_line("return np.random.random() > 0.5"), Problem("random", 3)),
        ("count = 0\n" + CLASS, Problem("state", 1, "count")), (with_line("global x"), Problem("state", 3, "x")),
        ("a, (b, C) = 1, (2, 3)\n" + CLASS, Problem("state", 1, "b")),
        (CLASS + "    seen = []\n", Problem("state", 8, "Good.seen")),
        (CLASS + "    parameters = {'now': time()}\n", Problem("state", 8, "Good.parameters")),
        (CLASS + "    seen: list = []\n", Problem("state", 8, "Good.seen")),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_problem_is_named_at_its_line(code, problem):
    found = problems_of(code)
    assert problem in found or problem in {one.code for one in found}
    assert found == sorted(found, key=lambda one: one.line)
