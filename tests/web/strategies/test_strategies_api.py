"""Strategies over the API: written, checked at their lines, saved in versions, and never lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from adapters.candles.store import CandleStore
from application.ports.sandbox import SandboxError
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE
from domain.people.registry import MOST_STRATEGIES
from domain.strategies.strategy import TEMPLATE

Problem = Callable[..., None]
BTC = Series("binance", "paper", "BTC/USDT")
ADDRESS = "/api/strategies"
CROSSING = """import pandas_ta as ta


class MaNouvelleStrategie(Strategy):
    def __init__(self, candles, balance, position=None):
        self.candles, self.balance, self.position = candles, balance, position
        self.candles["ema10"] = ta.ema(self.candles["close"], length=10)
        self.candles["ema20"] = ta.ema(self.candles["close"], length=20)

    def should_long(self) -> bool:
        if len(self.candles) < 21:
            return False
        fast, slow = self.candles["ema10"], self.candles["ema20"]
        return fast.iloc[-2] < slow.iloc[-2] and fast.iloc[-1] > slow.iloc[-1]

    def should_short(self) -> bool:
        if len(self.candles) < 21:
            return False
        fast, slow = self.candles["ema10"], self.candles["ema20"]
        return fast.iloc[-2] > slow.iloc[-2] and fast.iloc[-1] < slow.iloc[-1]

    def calculate_position_size(self) -> float:
        return self.balance * 0.1

    def calculate_stop_loss(self) -> float:
        return 0.02

    def calculate_take_profit(self) -> float:
        return 0.04
"""
"""The reference example of the contract, as it stands there."""


@pytest.fixture
def bars(console: Any) -> None:
    """Store six hundred minutes that end now."""
    store = CandleStore(console.database.store().pool, lambda: datetime.now(UTC))
    now = int(datetime.now(UTC).timestamp() * 1000) // MINUTE * MINUTE
    prices = 60_000 + np.random.default_rng(3).normal(0, 30, 600).cumsum()
    made = []
    for n, value in enumerate(prices):
        price = Decimal(f"{value:.2f}")
        opened_at = now - (600 - n) * MINUTE
        made.append(Bar(opened_at, 1, price, price + 9, price - 9, price, Decimal(1), 3, None, None, Proof.CONFIRMED))
    store.put(BTC, "1m", made)


@pytest.fixture
def number(alice: Any) -> int:
    return int(alice.post(ADDRESS, json={"name": "Crossing", "timeframe": "1m"}).json()["number"])


def save(browser: Any, number: int, code: str = CROSSING, based_on: int = 0, **how: Any) -> Any:
    return browser.post(f"{ADDRESS}/{number}/versions", json={"code": code, "based_on": based_on, **how})


def check(browser: Any, code: str) -> Any:
    return browser.post(f"{ADDRESS}/check", json={"code": code, "timeframe": "1m"})


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


# --- drafts ------------------------------------------------------------------------------------------------------


def test_a_draft_is_its_authors_alone(alice: Any, console: Any, number: int, problem: Problem) -> None:
    assert alice.put(f"{ADDRESS}/{number}/draft", json={"code": "half a", "based_on": 0}).status_code == 204
    bob = console.logged_in("bob")
    problem(bob.put(f"{ADDRESS}/{number}/draft", json={"code": "mine", "based_on": 0}), 404, "not_found")
    problem(bob.delete(f"{ADDRESS}/{number}/draft"), 404, "not_found")
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"]["code"] == "half a"
    assert alice.get("/api/account/export").json()["drafts"][0]["code"] == "half a"
    assert alice.delete(f"{ADDRESS}/{number}/draft").status_code == 204
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"] is None


@pytest.mark.usefixtures("sandboxed")
def test_what_is_saved_takes_no_other_draft_away(alice: Any, number: int) -> None:
    """Another window has written on meanwhile."""
    alice.put(f"{ADDRESS}/{number}/draft", json={"code": CROSSING + "# more", "based_on": 0})
    assert save(alice, number).status_code == 201
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"]["code"] == CROSSING + "# more"
    assert save(alice, number, CROSSING + "# more", based_on=1).status_code == 201
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"] is None


def test_a_deleted_strategy_leaves_no_draft(alice: Any, console: Any, number: int) -> None:
    alice.put(f"{ADDRESS}/{number}/draft", json={"code": "half a", "based_on": 0})
    alice.delete(f"{ADDRESS}/{number}")
    assert console.context.records.drafts.of(1) == []
