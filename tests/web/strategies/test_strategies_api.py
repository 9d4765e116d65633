"""Strategies over the API: written, checked at their lines, saved in versions, and never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from application.ports.sandbox import SandboxError
from domain.people.registry import MOST_STRATEGIES
from domain.strategies.strategy import TEMPLATE
from tests.web.strategies.conftest import ADDRESS, CROSSING, check, save
from web.forms.strategies import VersionCode

Problem = Callable[..., None]
# --- strategies and their names ----------------------------------------------------------------------------------


def test_a_strategy_begins_with_the_template(alice: Any, console: Any, number: int) -> None:
    told = alice.get(f"{ADDRESS}/{number}").json()
    assert (told["code"], told["version"], told["history"], told["draft"]) == (TEMPLATE, 0, 1000, None)
    console.project()
    [listed] = alice.get(ADDRESS).json()["items"]
    assert (listed["number"], listed["name"], listed["timeframe"], listed["valid"]) == (number, "Crossing", "1m", None)


def test_what_is_changed_is_changed_and_nothing_else(alice: Any, number: int, problem: Problem) -> None:
    assert alice.patch(f"{ADDRESS}/{number}", json={"name": " Croisée ", "timeframe": "15m"}).status_code == 204
    told = alice.get(f"{ADDRESS}/{number}").json()
    assert (told["name"], told["description"], told["timeframe"]) == ("Croisée", "", "15m")
    for wrong in ({"name": " "}, {"name": "x" * 61}, {"timeframe": "7m"}, {"description": "x" * 501}):
        problem(alice.patch(f"{ADDRESS}/{number}", json=wrong), 422)


def test_a_name_is_given_once(alice: Any, console: Any, number: int, problem: Problem) -> None:
    """Whatever its case; another user may have the same, and a deleted strategy gives it back."""
    problem(alice.post(ADDRESS, json={"name": "CROSSING", "timeframe": "1m"}), 409, "strategy_name_taken")
    assert console.logged_in("bob").post(ADDRESS, json={"name": "Crossing", "timeframe": "1m"}).status_code == 201
    assert alice.delete(f"{ADDRESS}/{number}").status_code == 204
    problem(alice.get(f"{ADDRESS}/{number}"), 404, "not_found")
    assert alice.post(ADDRESS, json={"name": "Crossing", "timeframe": "1m"}).json()["number"] == number + 2


def test_a_user_keeps_fifty(alice: Any, problem: Problem) -> None:
    numbers = [
        alice.post(ADDRESS, json={"name": f"No {n}", "timeframe": "1m"}).json()["number"]
        for n in range(MOST_STRATEGIES)
    ]
    problem(alice.post(ADDRESS, json={"name": "One more", "timeframe": "1m"}), 409, "strategies_full")
    alice.delete(f"{ADDRESS}/{numbers[0]}")
    assert alice.post(ADDRESS, json={"name": "One more", "timeframe": "1m"}).status_code == 201


# --- code --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sandboxed", "bars")
def test_the_reference_example_runs_as_it_stands(alice: Any, console: Any, number: int) -> None:
    """It is asked at a hundred real bars, and saved as valid."""
    told = save(alice, number).json()
    assert told["version"] == 1
    assert (told["check"]["problems"], told["check"]["asked"], told["check"]["short"]) == ([], 100, 100)
    assert told["check"]["needs"] == {"looked": 20, "tried": [200, 500], "enough": 200, "lines": []}
    console.project()
    [listed] = alice.get(ADDRESS).json()["items"]
    assert (listed["version"], listed["valid"]) == (1, True)
    [version] = alice.get(f"{ADDRESS}/{number}/versions").json()["items"]
    assert (version["number"], version["valid"], version["fault"]) == (1, True, None)
    assert alice.get(f"{ADDRESS}/{number}/versions/1").json()["code"] == CROSSING


@pytest.mark.usefixtures("sandboxed", "bars")
@pytest.mark.parametrize(
    ("changed", "into", "code", "line"),
    [
        ("return False", "return open('x')", "name", 12),
        ("self.balance * 0.1", "-5.0", "size_negative", 22),
        ("return 0.02", "return 1.5", "stop_out_of_range", 25),
        ("self.balance * 0.1", "self.candles['close']", "returned", 22),
        ("len(self.candles) < 21", "1 / 0", "raised", 11),
        ("class ", "clas ", "syntax", 4),
        ("import pandas_ta as ta", "import pandas_ta as ta, sys", "import", 1),
    ],
)
def test_code_with_a_fault_is_refused_at_its_line_and_stays_a_draft(
    alice: Any, console: Any, number: int, problem: Problem, changed: str, into: str, code: str, line: int
) -> None:
    always = CROSSING.replace("fast.iloc[-2] < slow.iloc[-2] and fast.iloc[-1] > slow.iloc[-1]", "True")
    wrong = always.replace(changed, into, 1)
    [found] = check(alice, wrong).json()["problems"]
    assert (found["code"], found["line"]) == (code, line)
    alice.put(f"{ADDRESS}/{number}/draft", json={"code": wrong, "based_on": 0})
    answer = save(alice, number, wrong)
    problem(answer, 422, "code_invalid")
    assert answer.json()["message"].startswith(f"line {line}: {code}")
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"]["code"] == wrong
    console.project()
    assert alice.get(f"{ADDRESS}/{number}/versions").json()["items"] == []


@pytest.mark.usefixtures("sandboxed", "bars")
def test_nobody_overwrites_what_they_have_not_seen(alice: Any, number: int, problem: Problem) -> None:
    """Two windows began with the same version: the second one to save is told, and its draft stays."""
    assert save(alice, number).json()["version"] == 1
    other = CROSSING.replace("0.04", "0.05")
    alice.put(f"{ADDRESS}/{number}/draft", json={"code": other, "based_on": 0})
    problem(save(alice, number, other), 409, "strategy_changed")
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"]["code"] == other
    assert save(alice, number, other, based_on=1).json()["version"] == 2
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"] is None
    assert save(alice, number, other, based_on=1).json()["version"] == 2, "the same again is the same version"
    assert save(alice, number, other, based_on=2, history=200).json()["version"] == 3


@pytest.mark.usefixtures("sandboxed")
def test_without_bars_code_is_saved_but_not_valid(alice: Any, console: Any, number: int, request: Any) -> None:
    """It was never tried. Once there are bars it is tried again."""
    assert save(alice, number).json()["check"]["asked"] == 0
    assert alice.get(f"{ADDRESS}/{number}").json()["valid"] is None
    request.getfixturevalue("bars")
    console.project()
    assert alice.post(f"{ADDRESS}/{number}/versions/1/check").json()["asked"] == 100
    assert alice.get(f"{ADDRESS}/{number}").json()["valid"] is True


@pytest.mark.usefixtures("sandboxed", "bars")
def test_what_was_valid_once_need_not_be_valid_for_ever(
    alice: Any, console: Any, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module is gone: the version is marked with its fault and line, and valid again once it is back."""
    save(alice, number)
    console.project()
    with monkeypatch.context() as without:
        without.setattr("application.strategies.static_check.MODULES", frozenset({"math"}))
        [found] = alice.post(f"{ADDRESS}/{number}/versions/1/check").json()["problems"]
        assert (found["code"], found["line"], found["about"]) == ("import", 1, "pandas_ta")
    console.project()
    [version] = alice.get(f"{ADDRESS}/{number}/versions").json()["items"]
    assert (version["valid"], version["fault"], version["fault_line"]) == (False, "import", 1)
    alice.post(f"{ADDRESS}/{number}/versions/1/check")
    console.project()
    assert alice.get(ADDRESS).json()["items"][0]["valid"] is True


def test_code_that_is_only_read_needs_no_sandbox(alice: Any) -> None:
    asked = {"code": "import os\n" + CROSSING, "timeframe": "1m", "tried": False}
    told = alice.post(f"{ADDRESS}/check", json=asked).json()
    assert [(one["code"], one["line"]) for one in told["problems"]] == [("import", 1)]
    assert alice.post(f"{ADDRESS}/check", json=asked | {"code": CROSSING}).json()["problems"] == []


@pytest.mark.usefixtures("sandboxed", "bars")
@pytest.mark.parametrize(
    "forged",
    [
        "{'kind': 'raised', 'message': '', 'line': 2**40, 'traceback': ''}",
        "{'kind': 'x' * 100, 'message': '', 'line': 1, 'traceback': ''}",
        "{'kind': 'raised', 'message': 'x' * 10**6, 'line': 1, 'traceback': ''}",
    ],
)  # fmt: skip
def test_a_forged_fault_harms_no_page(alice: Any, console: Any, number: int, forged: str) -> None:
    """A version that forges its fault is at fault for that, and all pages go on."""
    reply = f"text = json.dumps({{'id': 1, 'log': [], 'fault': {forged}}}).encode()"
    writes = f"import json, struct; os = pd.io.common.os; {reply}; os.write(3, struct.pack('<II', len(text), 0) + text)"
    code = "import pandas as pd\n" + CROSSING
    save(alice, number, code)
    console.project()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "web.strategies.editor.show_version", lambda *_: VersionCode(number=1, history=1000, code=code + writes)
        )
        patch.setattr("application.strategies.check.problems_of", lambda _: [])
        [found] = alice.post(f"{ADDRESS}/{number}/versions/1/check").json()["problems"]
    assert found["code"] == "strategy_forged"
    console.project()
    [version] = alice.get(f"{ADDRESS}/{number}/versions").json()["items"]
    assert (version["valid"], version["fault"], version["fault_line"]) == (False, "strategy_forged", None)


@pytest.mark.usefixtures("sandboxed", "bars")
def test_what_no_page_can_hold_is_told_without_it(alice: Any) -> None:
    told = check(alice, CROSSING.replace("if len", "print('\\ud800', '\\0')\n        if len")).json()
    assert set(told["log"]) == {"? \ufffd"}
    [found] = check(
        alice, CROSSING.replace("if len(self.candles) < 21", "raise ValueError('\\ud800')\n        if 1")
    ).json()["problems"]
    assert (found["code"], found["about"]) == ("raised", "ValueError: ?")


@pytest.mark.usefixtures("sandboxed", "bars")
def test_a_size_of_zero_is_no_order(alice: Any) -> None:
    never = CROSSING.replace("self.balance * 0.1", "0.0").replace("fast.iloc[-2] < slow.iloc[-2] and", "True or")
    told = check(alice, never).json()
    assert (told["longs"], told["problems"]) == (0, [])
    assert alice.post(f"{ADDRESS}/preview", json={"code": never, "timeframe": "1m"}).json()["signals"] == []


@pytest.mark.usefixtures("sandboxed", "bars")
def test_indicators_are_found_wherever_they_are_kept(alice: Any) -> None:
    """On the candles, on the strategy with the name of what they were made of, in frames of their own; never twice."""
    kept = CROSSING.replace(
        "    def should_long",
        "        self.sma = candles['close'].rolling(50).mean()\n        self.same = self.candles['ema10']\n"
        "        self.macd = ta.macd(candles['close'])\n        self.short = candles['close'].head(9)\n\n"
        "    def should_long",
        1,
    )
    told = alice.post(f"{ADDRESS}/preview", json={"code": kept, "timeframe": "1m"}).json()
    names = [line["name"] for line in told["lines"]]
    assert names[:3] == ["ema10", "ema20", "sma"]
    assert len(names) == 6
    assert all(name.startswith("MACD") for name in names[3:])


@pytest.mark.usefixtures("sandboxed", "bars")
def test_candles_that_are_changed_are_the_strategys_own(alice: Any) -> None:
    """Dropping the first rows is a common idiom: no fault, and what has another length is not drawn."""
    drops = CROSSING.replace(
        "    def should_long", "        self.candles.dropna(inplace=True)\n\n    def should_long", 1
    )
    assert check(alice, drops).json()["problems"] == []
    told = alice.post(f"{ADDRESS}/preview", json={"code": drops, "timeframe": "1m"}).json()
    assert (told["problem"], told["lines"]) == (None, [])


@pytest.mark.usefixtures("sandboxed", "bars")
def test_last_digits_are_no_need_of_history(alice: Any) -> None:
    """A size from a rolling average differs in its last digits with every frame: that is no other decision."""
    rolling = CROSSING.replace("self.balance * 0.1", "self.candles['close'].rolling(50).mean().iloc[-1] / 100").replace(
        "fast.iloc[-2] < slow.iloc[-2] and", "True or"
    )
    needs = check(alice, rolling).json()["needs"]
    assert (needs["enough"], needs["lines"]) == (200, [])


@pytest.mark.usefixtures("sandboxed", "bars")
def test_few_bars_prove_nothing_of_an_indicator(alice: Any) -> None:
    """With six hundred bars an average of two hundred has not settled: that accuses nobody."""
    slow = CROSSING.replace("length=20", "length=200")
    needs = check(alice, slow).json()["needs"]
    assert (needs["tried"], needs["enough"], needs["lines"]) == ([200, 500], None, [])


def test_a_sandbox_that_is_away_judges_nothing(alice: Any, console: Any, number: int, problem: Problem) -> None:
    def away() -> Any:
        raise SandboxError("nobody listens")

    console.change("platform", worker=away, functions=away)
    problem(check(alice, CROSSING), 503, "sandbox_away")
    problem(save(alice, number), 503, "sandbox_away")
    problem(alice.post(f"{ADDRESS}/preview", json={"code": CROSSING, "timeframe": "1m"}), 503, "sandbox_away")
    problem(alice.get(f"{ADDRESS}/functions"), 503, "sandbox_away")
    assert check(alice, "import os\n").json()["problems"][0]["line"] == 1, "what needs no sandbox is told"


@pytest.mark.usefixtures("sandboxed", "bars")
def test_a_preview_has_signals_and_indicators_at_real_bars(alice: Any) -> None:
    """It buys when flat and sells what it holds: signals alternate. Indicators are at each bar."""
    told = alice.post(f"{ADDRESS}/preview", json={"code": CROSSING, "timeframe": "1m"}).json()
    assert len(told["candles"]) == 300
    sides = [signal["side"] for signal in told["signals"]]
    assert len(sides) >= 4
    assert sides == (["buy", "sell"] * len(sides))[: len(sides)]
    assert [line["name"] for line in told["lines"]] == ["ema10", "ema20"]
    assert all(len(line["values"]) == 300 and None not in line["values"] for line in told["lines"])
    broken = alice.post(f"{ADDRESS}/preview", json={"code": CROSSING.replace("21", "(1/0)"), "timeframe": "1m"}).json()
    assert (broken["problem"]["code"], broken["problem"]["line"], broken["signals"]) == ("raised", 11, [])


@pytest.mark.usefixtures("sandboxed")
def test_a_preview_without_bars_is_empty(alice: Any) -> None:
    told = alice.post(f"{ADDRESS}/preview", json={"code": CROSSING, "timeframe": "1m"}).json()
    assert told == {"candles": [], "signals": [], "lines": [], "problem": None}


@pytest.mark.usefixtures("sandboxed")
def test_the_functions_that_can_be_called_are_listed(alice: Any) -> None:
    found = {one["name"]: one for one in alice.get(f"{ADDRESS}/functions").json()["items"]}
    assert len(found) > 150
    assert found["ema"]["parameters"].startswith("close, length=None")
    assert "Exponential Moving Average" in found["ema"]["about"]


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("x" * 400_000, "too_long"), ("if 1:\n\tx = 1\n        y = 2\n", "syntax"), ("(" * 5000, "syntax"),
        ("-" * 50_000 + "1", "syntax"), ("", "no_class"), (CROSSING + CROSSING.replace("Ma", "Ta"), "many_classes"),
    ],
    ids=["400 kB", "tabs and spaces", "open", "deep", "nothing", "two classes"],
)  # fmt: skip
def test_whatever_is_written_has_its_word(alice: Any, code: str, fault: str) -> None:
    assert check(alice, code).json()["problems"][0]["code"] == fault


def test_what_cannot_be_kept_is_refused(alice: Any, number: int, problem: Problem) -> None:
    for code in ("x" * 500_001, "a\x00b", "\ud800"):
        body = '{"code": "' + code.replace("\x00", "\\u0000").replace("\ud800", "\\ud800") + '", "based_on": 0}'
        answer = alice.put(f"{ADDRESS}/{number}/draft", content=body, headers={"Content-Type": "application/json"})
        problem(answer, 422, "invalid")
        assert answer.json()["field"] == "code"
    problem(save(alice, number, history=300), 422, "invalid")
    problem(save(alice, number, based_on=-1), 422, "invalid")


@pytest.mark.usefixtures("sandboxed", "bars")
def test_code_that_never_ends_or_eats_memory_is_ended(alice: Any) -> None:
    """Its fault is told, and the next check works as if nothing had been."""
    eats = CROSSING.replace("return False", "x = 'x' * 10**9", 1).replace("< 21", "> 0")
    assert check(alice, eats).json()["problems"][0]["code"] in {"raised", "memory", "strategy_overrun"}
    assert check(alice, CROSSING).json()["problems"] == []
