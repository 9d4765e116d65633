"""`aristobot strategy check` names what is wrong with a strategy at its line, and what it would do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.sandbox import Sandbox
from aristobot.__main__ import main
from tests.sandbox.test_answers import strategy

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def candles(tmp_path: Path) -> str:
    """Write a file of 150 minutes."""
    lines = ["open_time,open,high,low,close,volume"]
    for number in range(150):
        at = (START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        price = 100 + number % 7
        lines.append(f"{at},{price},{price + 1},{price - 1},{price},1")
    file = tmp_path / "candles.csv"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


@pytest.fixture
def check(sandbox: Sandbox, tmp_path: Path, candles: str, capsys: Any) -> Any:
    """Return `check(code)`, the exit code of the command and what it has printed."""

    def checked(code: str, *more: str) -> tuple[int, str]:
        file = tmp_path / "mine.py"
        file.write_text(code)
        returned = main(["strategy", "check", str(file), "--candles", candles, *more])
        return returned, capsys.readouterr().out.replace(str(file), "mine.py")

    return checked


def test_a_valid_strategy_is_asked_at_a_hundred_bars(check: Any) -> None:
    """Every second call holds something: fifty may buy, fifty may sell."""
    assert check(strategy(sells="True")) == (
        0, "mine.py is valid: asked at 100 bars, it would buy at 50 and sell at 50\n"
    )  # fmt: skip
    told = json.loads(check(strategy("False"), "--json")[1])
    assert (told["problems"], told["run"]["asked"], told["run"]["longs"], told["run"]["fault"]) == ([], 100, 0, None)


def test_each_problem_is_named_at_its_line(check: Any) -> None:
    returned, said = check("import os\n" + strategy("open('x')"))
    assert returned == 1
    assert said.splitlines() == [
        "mine.py:1: os cannot be imported in the sandbox", "mine.py:12: open is of no use in the sandbox",
    ]  # fmt: skip


def test_a_fault_of_the_dry_run_is_named_with_its_traceback(check: Any) -> None:
    returned, said = check(strategy("1 / len(self.candles[:0])"))
    assert returned == 1
    assert said.startswith("Traceback")
    assert said.endswith("mine.py:11: ZeroDivisionError: division by zero\n")


def test_a_file_that_is_not_there_is_no_crash(capsys: Any) -> None:
    assert main(["strategy", "check", "/nowhere/mine.py"]) == 2
    assert "No such file" in capsys.readouterr().err
