"""What was written and not saved is its author's alone, is written over by nobody unseen, and is never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.web.strategies.conftest import ADDRESS, CROSSING, save

Problem = Callable[..., None]


def test_a_draft_is_its_authors_alone(alice: Any, console: Any, number: int, problem: Problem) -> None:
    assert alice.put(f"{ADDRESS}/{number}/draft", json={"code": "half a", "based_on": 0}).status_code == 200
    bob = console.logged_in("bob")
    problem(bob.put(f"{ADDRESS}/{number}/draft", json={"code": "mine", "based_on": 0}), 404, "not_found")
    problem(bob.delete(f"{ADDRESS}/{number}/draft"), 404, "not_found")
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"]["code"] == "half a"
    assert alice.get("/api/account/export").json()["drafts"][0]["code"] == "half a"
    assert alice.delete(f"{ADDRESS}/{number}/draft").status_code == 204
    assert alice.get(f"{ADDRESS}/{number}").json()["draft"] is None


def test_no_draft_is_written_over_unseen(alice: Any, number: int, problem: Problem) -> None:
    """Another window, or another computer, has written meanwhile; the same text again is no conflict."""
    address = f"{ADDRESS}/{number}/draft"

    def write(code: str, seen: Any = None) -> Any:
        return alice.put(address, json={"code": code, "based_on": 0, "history": 500, "seen": seen})

    first = write("one").json()["saved_at"]
    problem(write("other"), 409, "draft_changed")
    assert write("one").status_code == 200, "an answer was lost, and the same is said again"
    seen = alice.get(f"{ADDRESS}/{number}").json()["draft"]
    assert (seen["code"], seen["history"]) == ("one", 500)
    problem(write("two", first), 409, "draft_changed")
    assert write("two", seen["saved_at"]).status_code == 200
    alice.delete(address)
    assert write("three", seen["saved_at"]).status_code == 200


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
