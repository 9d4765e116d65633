"""A user's own account: joining by invitation, the password, sessions and preferences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from application.people.users import register
from web.access.throttle import OF_A_DOOR

Problem = Callable[..., None]
ALICES, BOBS = "correct horse battery", "another long phrase"
ELSEWHERE = "192.0.2.7"


@pytest.fixture(autouse=True)
def _nobody_waits_in_vain(console: Any) -> None:
    """Stop the throttle's clock, so that a wait never ends."""
    console.context.people.throttle._clock = lambda: 1000.0
    console.context.people.codes._clock = lambda: 1000.0


@pytest.fixture
def nobody(console: Any) -> Any:
    """Return the console before any account exists."""
    console.database.tampering().execute("TRUNCATE log.events, vault.passwords, vault.credentials, service.sweeps")
    assert console.client().get("/api/start").json()["first_account"] is True
    return console


def _at(console: Any, address: str = ELSEWHERE) -> TestClient:
    return TestClient(console.app, base_url="http://127.0.0.1", client=(address, 50000))


def _join(client: Any, name: str, code: str | None, password: str = "a phrase of their own") -> Any:
    return client.post("/api/users", json={"username": name, "password": password, "code": code})


def _log_in(console: Any, password: str = ALICES, name: str = "alice") -> Any:
    return console.client().post("/api/session", json={"username": name, "password": password})


# --- getting in --------------------------------------------------------------------------------------------------


def test_an_invitation_lets_one_person_in_once(console: Any, alice: Any, problem: Problem) -> None:
    """The holder of the code is logged in at once as a trader. A second person cannot use it."""
    code = alice.post("/api/invitations").json()["code"]
    browser = _at(console)
    made = _join(browser, "carol", code)
    assert (made.status_code, made.json()["user"], made.json()["role"]) == (201, 3, "trader")
    assert browser.get("/api/session").json()["username"] == "carol"
    head = console.store.head()
    problem(_join(_at(console), "dave", code), 422, "invitation_wrong")
    assert console.store.head() == head


def test_a_code_that_is_not_good(console: Any, problem: Problem) -> None:
    """A wrong, missing, empty or expired code gets the same response and creates no account."""
    expired = console.invitations.make(1)
    console.database.connect().execute("UPDATE service.invitations SET expires_at = now() - interval '1 second'")
    head, told = console.store.head(), []
    for code in ("guessed", None, "", expired):
        answer = _join(_at(console), "carol", code)
        problem(answer, 422, "invitation_wrong")
        told.append(answer.json())
    assert told == [{**told[0], "field": "code"}] * 4
    assert console.store.head() == head


def test_guessing_codes_has_to_wait(console: Any, problem: Problem) -> None:
    """After some wrong codes even the right one is refused, but only from this address."""
    code = console.invitations.make(1)
    for _ in range(OF_A_DOOR.free):
        problem(_join(_at(console), "carol", "guessed"), 422, "invitation_wrong")
    problem(_join(_at(console), "carol", code), 429, "too_many_attempts")
    assert _join(_at(console, "192.0.2.8"), "carol", code).status_code == 201


def test_a_refused_registration_leaves_the_code_good(console: Any, problem: Problem) -> None:
    """A taken name, an invalid name and a weak password are refused by field, and the code stays usable."""
    code, head = console.invitations.make(1), console.store.head()
    for name, password, status, reason, field in (
        ("ALICE", "long enough phrase", 409, "name_taken", "username"),
        ("x" * 21, "long enough phrase", 422, "name_invalid", "username"),
        ("a b c", "long enough phrase", 422, "name_invalid", "username"),
        ("carol", "short", 422, "password_short", "password"),
        ("carol", "1234567890", 422, "password_common", "password"),
        ("carol", "I am Carol!", 422, "password_like_name", "password"),
    ):
        answer = _join(_at(console), name, code, password)
        problem(answer, status, reason)
        assert answer.json()["field"] == field
    assert console.store.head() == head
    assert _join(_at(console), "carol", code).status_code == 201


def test_a_missing_name_is_the_names_fault(console: Any, problem: Problem) -> None:
    """An empty or too short name is refused for the field `username`, whatever the password is."""
    code = console.invitations.make(1)
    for name in ("", "ph"):
        answer = _join(_at(console), name, code, "long enough phrase")
        problem(answer, 422, "name_invalid")
        assert answer.json()["field"] == "username"


def test_there_are_five_places(console: Any, problem: Problem) -> None:
    """A sixth person is refused. Their invitation stays valid until a place is free."""
    for name in ("carol", "dave", "erin"):
        assert _join(_at(console), name, console.invitations.make(1)).status_code == 201
    code, head = console.invitations.make(1), console.store.head()
    problem(_join(_at(console), "frank", code), 409, "places_taken")
    assert console.store.head() == head
    assert console.database.connect().execute(
        "SELECT count(*) FROM service.invitations WHERE used_at IS NULL"
    ).fetchone() == (1,)


def test_the_first_account_needs_no_code_at_the_machine_itself(nobody: Any, problem: Problem) -> None:
    """The first account becomes the admin's. The second one needs an invitation even at the machine itself."""
    for address in ("192.0.2.7", "127.0.0.1.example", "10.0.0.1", "::2"):
        problem(_join(_at(nobody, address), "root", None), 422, "invitation_wrong")
    made = _join(_at(nobody, "127.0.0.1"), "root", None)
    assert (made.status_code, made.json()["user"], made.json()["role"]) == (201, 1, "admin")
    problem(_join(_at(nobody, "127.0.0.1"), "second", None), 422, "invitation_wrong")


def test_the_first_account_can_be_made_from_afar_by_a_code(nobody: Any) -> None:
    """A code made at the machine creates the admin's account from any address."""
    made = _join(_at(nobody), "root", nobody.invitations.make(0))
    assert (made.status_code, made.json()["role"]) == (201, "admin")


def test_who_comes_second_changes_nothing_of_who_came_first(console: Any, monkeypatch: Any) -> None:
    """When two people register at once, one gets the number, and only their password opens that account."""
    keep, overtaken = console.vault.set_password, []

    def overtaking(user: int, password: str) -> None:
        if not overtaken:
            overtaken.append(user)
            register(console.store, console.vault, "faster", "who was there first")
        keep(user, password)

    monkeypatch.setattr(console.vault, "set_password", overtaking)
    _join(_at(console), "slower", console.invitations.make(1), "who came too late")
    assert _log_in(console, "who came too late", "faster").status_code == 401
    assert _log_in(console, "who was there first", "faster").status_code == 200


# --- the password ------------------------------------------------------------------------------------------------


def test_a_new_password_ends_every_other_session(console: Any, alice: Any, problem: Problem) -> None:
    """The session that changed the password stays, all others end, and the old password no longer logs in."""
    other, bob = console.logged_in("alice"), console.logged_in("bob")
    answer = alice.put("/api/account/password", json={"current": ALICES, "new": "quite another phrase"})
    assert answer.status_code == 204
    assert [c.get("/api/session").status_code for c in (alice, other, bob)] == [200, 401, 200]
    problem(_log_in(console), 401, "login_wrong")
    assert _log_in(console, "quite another phrase").status_code == 200


def test_a_password_that_cannot_be_changed(console: Any, alice: Any, problem: Problem) -> None:
    """A wrong current password and a weak new one are refused by field, and nothing changes."""
    other, head = console.logged_in("alice"), console.store.head()
    for current, new, reason, field in (
        ("wrong", "quite another phrase", "password_wrong", "current"),
        (BOBS, "quite another phrase", "password_wrong", "current"),
        (ALICES, "short", "password_short", "password"),
        (ALICES, "MotDePasse", "password_common", "password"),
        (ALICES, "alice in chains", "password_like_name", "password"),
    ):
        answer = alice.put("/api/account/password", json={"current": current, "new": new})
        problem(answer, 422, reason)
        assert answer.json()["field"] == field
    assert console.store.head() == head
    assert other.get("/api/session").status_code == 200
    assert _log_in(console).status_code == 200


def test_guessing_the_password_before_an_open_session_has_to_wait(console: Any, alice: Any, problem: Problem) -> None:
    """A stranger at an open browser cannot try passwords without limit, nor log in meanwhile."""
    asks = (("PUT", "password"), ("POST", "second-factor"), ("DELETE", "second-factor"))
    for number in range(OF_A_DOOR.free):
        method, what = asks[number % len(asks)]
        answer = alice.request(method, f"/api/account/{what}", json={"current": "guessed", "new": "long enough phrase"})
        problem(answer, 422, "password_wrong")
    for method, what in asks:
        answer = alice.request(method, f"/api/account/{what}", json={"current": ALICES, "new": "long enough phrase"})
        problem(answer, 429, "too_many_attempts")
    problem(_log_in(console), 429, "too_many_attempts")


# --- preferences and sessions ------------------------------------------------------------------------------------


def test_the_language_is_the_browsers_until_one_is_chosen(console: Any, alice: Any) -> None:
    """Choosing what is the default anyway is a choice too."""
    session = alice.get("/api/session").json()
    assert session["has_chosen"] is False
    assert alice.put("/api/account/preferences", json=session["preferences"]).status_code == 204
    assert alice.get("/api/session").json()["has_chosen"] is True


def test_preferences_are_kept(console: Any, alice: Any) -> None:
    """Preferences are there at the next login and apply to that user only. Repeating them records no event."""
    chosen = {"language": "en", "time_zone": "local", "theme": "light", "colours": "red_up"}
    assert alice.put("/api/account/preferences", json=chosen).status_code == 204
    head = console.store.head()
    assert alice.put("/api/account/preferences", json=chosen).status_code == 204
    assert console.store.head() == head
    assert _log_in(console).json()["preferences"] == chosen
    assert _log_in(console, BOBS, "bob").json()["preferences"] != chosen


def test_sessions_are_listed_and_ended(console: Any, alice: Any, problem: Problem) -> None:
    """A user sees only their own sessions, with the current one marked. An ended session is void at once."""
    other = console.logged_in("alice")
    told = alice.get("/api/account/sessions").json()["items"]
    assert [kept["current"] for kept in told].count(True) == 1
    assert {kept["address"] for kept in told} == {"127.0.0.1"}
    assert len(told) == 2
    theirs = next(kept["id"] for kept in told if not kept["current"])
    assert alice.delete(f"/api/account/sessions/{theirs}").status_code == 204
    problem(other.get("/api/account/sessions"), 401, "not_logged_in")
    assert [kept["current"] for kept in alice.get("/api/account/sessions").json()["items"]] == [True]
    problem(alice.delete(f"/api/account/sessions/{theirs}"), 404, "not_found")


def test_all_other_sessions_are_ended_at_once(console: Any, alice: Any) -> None:
    """The session that asks stays, and other users are not concerned."""
    other, bob = console.logged_in("alice"), console.logged_in("bob")
    assert alice.delete("/api/account/sessions").status_code == 204
    assert [c.get("/api/session").status_code for c in (alice, other, bob)] == [200, 401, 200]


def test_another_users_session_does_not_exist(console: Any, alice: Any, problem: Problem) -> None:
    """Another user's session id returns 404 and ends no session."""
    bob = console.logged_in("bob")
    [mine] = alice.get("/api/account/sessions").json()["items"]
    problem(bob.delete(f"/api/account/sessions/{mine['id']}"), 404, "not_found")
    assert alice.get("/api/session").status_code == 200


# --- the layout of the console -----------------------------------------------------------------------------------


def test_a_layout_is_kept_for_its_user_alone_until_it_is_reset(console: Any, alice: Any) -> None:
    """It follows its user to another browser; what one window changes leaves alone what another has changed."""
    address, orders = "/api/account/layout", {"order": ["symbol"], "hidden": ["symbol"]}
    default = alice.get(address).json()
    assert alice.patch(address, json={"dock": 50, "tables": {"orders": orders}}).status_code == 200
    elsewhere = console.logged_in("alice")
    elsewhere.patch(address, json={"rail_pinned": True, "tables": {"gains": orders}})
    expected = default | {"dock": 50, "rail_pinned": True, "tables": {"orders": orders, "gains": orders}}
    assert alice.get(address).json() == elsewhere.get(address).json() == expected
    assert alice.patch(address, json={"tables": {"orders": None}}).json()["tables"] == {"gains": orders}
    assert console.logged_in("bob").get(address).json() == default
    assert alice.delete(address).status_code == 204
    assert alice.get(address).json() == default


@pytest.mark.parametrize(
    "given",
    [
        {"dock": 5},
        {"inspector": 1e9},
        {"tables": {"<b>": {"order": [], "hidden": []}}},
        {"tables": {"orders": {"order": ["x" * 41], "hidden": []}}},
        {"dock": None},
    ],
)
def test_a_layout_that_cannot_be_is_refused(alice: Any, problem: Problem, given: dict[str, Any]) -> None:
    default = alice.get("/api/account/layout").json()
    problem(alice.patch("/api/account/layout", json=given), 422, "invalid")
    assert alice.get("/api/account/layout").json() == default


def test_a_layout_holds_no_more_than_forty_tables(alice: Any, problem: Problem) -> None:
    """However many changes they come in."""
    plain: dict[str, list[str]] = {"order": [], "hidden": []}
    for number in range(40):
        assert alice.patch("/api/account/layout", json={"tables": {_name(number): plain}}).status_code == 200
    problem(alice.patch("/api/account/layout", json={"tables": {_name(40): plain}}), 422, "invalid")
    assert len(alice.get("/api/account/layout").json()["tables"]) == 40


def _name(number: int) -> str:
    return f"table_{chr(97 + number % 26)}_{chr(97 + number // 26)}"
