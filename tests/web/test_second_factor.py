"""An account's second factor from its first code to its end, and the secrets the log must not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyotp
import pytest

from tests.support.clock import Clock
from web.access.throttle import OF_A_DOOR

Problem = Callable[..., None]
ALICES = "correct horse battery"


@pytest.fixture
def clock(console: Any) -> Clock:
    """Return the second factor's clock. The throttle's clock stands still."""
    console.context.people.throttle._clock = Clock(1000.0)
    console.factors._clock = Clock(1_772_000_000.0)
    return console.factors._clock


def _log_in(console: Any, password: str = ALICES, code: str | None = None) -> Any:
    return console.client().post("/api/session", json={"username": "alice", "password": password, "code": code})


def _code(secret: str, clock: Clock, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(clock.now) + 30 * steps)


def _secured(browser: Any, clock: Clock) -> tuple[str, list[str]]:
    """Switch the second factor on, advance the clock by a minute, and return the secret and the recovery codes."""
    secret = browser.post("/api/account/second-factor", json={"current": ALICES}).json()["secret"]
    told = browser.put("/api/account/second-factor", json={"code": _code(secret, clock)})
    assert told.status_code == 200, told.text
    clock.now += 60
    return secret, told.json()["codes"]


def test_the_second_factor_is_asked_for_once_it_is_confirmed(
    console: Any, alice: Any, clock: Clock, problem: Problem
) -> None:
    """Beginning it changes nothing. Once its first code has confirmed it, the password alone is not enough."""
    # Given a second factor that is begun and not confirmed
    begun = alice.post("/api/account/second-factor", json={"current": ALICES}).json()
    assert begun["secret"] in begun["address"]
    problem(alice.put("/api/account/second-factor", json={"code": "000000"}), 422, "second_factor_wrong")
    assert _log_in(console).json()["second_factor"] is False
    # When it is confirmed, then every login needs a code
    secret, codes = _secured(alice, clock)
    assert (len(set(codes)), alice.get("/api/session").json()["second_factor"]) == (10, True)
    problem(_log_in(console), 401, "second_factor_needed")
    problem(_log_in(console, code=""), 401, "second_factor_needed")
    problem(_log_in(console, "wrong", _code(secret, clock)), 401, "login_wrong")
    assert _log_in(console, code=_code(secret, clock)).status_code == 200
    problem(alice.post("/api/account/second-factor", json={"current": ALICES}), 409, "second_factor_on")


def test_guessing_codes_of_the_second_factor_has_to_wait(
    console: Any, alice: Any, clock: Clock, problem: Problem
) -> None:
    """Wrong codes count as failures even with the right password. Being asked for the code does not count."""
    secret, _ = _secured(alice, clock)
    for _ in range(OF_A_DOOR.free):
        problem(_log_in(console), 401, "second_factor_needed")
        answer = _log_in(console, code=_code(secret, clock, 5))
        problem(answer, 401, "second_factor_wrong")
        assert answer.json()["field"] == "code"
    problem(_log_in(console, code=_code(secret, clock)), 429, "too_many_attempts")


def test_a_code_is_good_once_and_for_a_while(console: Any, alice: Any, clock: Clock, problem: Problem) -> None:
    """A used code cannot be used again. Codes of the adjacent half-minutes are accepted, none further away."""
    secret = alice.post("/api/account/second-factor", json={"current": ALICES}).json()["secret"]
    first = _code(secret, clock)
    assert alice.put("/api/account/second-factor", json={"code": first}).status_code == 200
    problem(_log_in(console, code=first), 401, "second_factor_wrong")
    clock.now += 3000
    for steps, status in ((-2, 401), (2, 401), (-1, 200), (-1, 401), (1, 200), (0, 401), (1, 401)):
        assert _log_in(console, code=_code(secret, clock, steps)).status_code == status, steps


def test_a_recovery_code_is_good_once(console: Any, alice: Any, clock: Clock, problem: Problem) -> None:
    """Each recovery code logs its user in once, in any letter case and with spaces around it.

    The log records how many are left.
    """
    _, codes = _secured(alice, clock)
    assert _log_in(console, code=codes[0]).status_code == 200
    problem(_log_in(console, code=codes[0]), 401, "second_factor_wrong")
    assert _log_in(console, code=f" {codes[1].upper()} ").status_code == 200
    used = [r.event.left for r in console.store.read(0) if r.topic == "User.RecoveryCodeUsed"]
    assert used == [9, 8]


def test_disabling_the_second_factor_needs_the_password(
    console: Any, alice: Any, clock: Clock, problem: Problem
) -> None:
    """An open session is not enough. Afterwards the password alone logs in, and the old recovery codes are void."""
    _, codes = _secured(alice, clock)
    problem(alice.request("DELETE", "/api/account/second-factor", json={"current": "x"}), 422, "password_wrong")
    problem(_log_in(console), 401, "second_factor_needed")
    answer = alice.request("DELETE", "/api/account/second-factor", json={"current": ALICES})
    assert answer.status_code == 204
    assert _log_in(console).status_code == 200
    _secured(alice, clock)
    problem(_log_in(console, code=codes[0]), 401, "second_factor_wrong")


def test_no_secret_of_an_account_is_in_the_log(console: Any, alice: Any, clock: Clock) -> None:
    """No event, as stored or as read, holds a password, invitation, code, second factor or session."""
    invitation = alice.post("/api/invitations").json()["code"]
    carol = {"username": "carol", "password": "a phrase of her own", "code": invitation}
    assert console.client().post("/api/users", json=carol).status_code == 201
    secret, codes = _secured(alice, clock)
    _log_in(console, code=codes[0])
    _log_in(console, code=_code(secret, clock))
    alice.put("/api/account/password", json={"current": ALICES, "new": "quite another phrase"})
    rows = console.database.connect().execute("SELECT convert_from(state, 'UTF8') FROM log.events").fetchall()
    opened = [vars(recorded.event) for recorded in console.store.read(0, 10_000)]
    everything = f"{rows} {opened}"
    assert "carol" in everything
    texts = (ALICES, "quite another phrase", "a phrase of her own", invitation, secret, *codes, *alice.cookies.values())
    assert [text for text in (*texts, alice.headers["X-CSRF-Token"], "argon2") if text in everything] == []
