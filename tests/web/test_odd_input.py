"""Whatever a browser or a stranger sends gets a response in the one shape, and never a 5xx."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

Problem = Callable[..., None]


def _cursor(moment: str) -> str:
    return urlsafe_b64encode(f"{moment}|{uuid4()}".encode()).decode()


def test_queries(alice: Any) -> None:
    """Odd queries are refused or find nothing."""
    for query in (
        {"state": "open' OR true--"},
        {"state": "x" * 5000},
        {"broker": "9" * 30},
        {"broker": "-1"},
        {"broker": str(2**32)},
        {"limit": "1e2"},
        *({"cursor": cursor} for cursor in ("", "é", "AAAA", "=", "x" * 5000)),
        *({"cursor": _cursor(moment)} for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "now")),
    ):
        for path in ("/api/orders", "/api/trades", "/api/webhooks/history"):
            answer = alice.get(path, params=query)
            assert answer.status_code in {200, 422}, f"{answer.url}: {answer.text}"
            shape = {"items", "next"} if answer.status_code == 200 else {"code", "message", "field"}
            assert set(answer.json()) == shape


def test_logins(console: Any) -> None:
    """Odd credentials are refused and get no cookie."""
    client = console.client()
    for body in (
        b"",
        b"null",
        b"{",
        b"\xff",
        b"[" * 10_000,
        b'{"username":1,"password":[]}',
        b'{"username":NaN,"password":"x"}',
        b'{"username":"\\ud800","password":"x"}',
        b'{"username":"\\u0000","password":"\\u0000"}',
        b'{"username":"alice","password":"' + b"x" * 100_000 + b'"}',
    ):
        answer = client.post("/api/session", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 401, 422}, f"{body[:40]!r}: {answer.text}"
        assert set(answer.json()) == {"code", "message", "field"}
        assert "set-cookie" not in answer.headers


def test_brokers(alice: Any, problem: Problem) -> None:
    """An odd broker number is refused as not found or as invalid."""
    for number in ("0", "-1", "9" * 30, "x"):
        answer = alice.post(f"/api/brokers/{number}/stop")
        problem(answer, 404 if answer.status_code == 404 else 422)


def test_languages(console: Any, alice: Any, problem: Problem) -> None:
    """Only the two known languages are accepted, and the choice is kept."""
    chosen = {"language": "en", "time_zone": "local", "theme": "light", "colours": "blue_up"}
    for field in chosen:
        for said in ("", "de", "\x00", "x" * 1000):
            problem(alice.put("/api/account/preferences", json={**chosen, field: said}), 422)
    assert alice.put("/api/account/preferences", json=chosen).status_code == 204
    assert alice.get("/api/session").json()["preferences"] == chosen


def test_cookies(console: Any, problem: Problem) -> None:
    """Odd cookies belong to no session."""
    for cookie in (b"\xe9", b"x" * 4000, b"%00", b'"'):
        headers = [(b"Cookie", b"aristobot_session=" + cookie)]
        problem(console.client().get("/api/orders", headers=headers), 401, "not_logged_in")


def test_a_token_that_is_no_ascii(alice: Any, problem: Any) -> None:
    """A token with a byte outside ASCII is refused like any wrong token."""
    problem(alice.post("/api/trading/stop", headers=[(b"X-CSRF-Token", b"\xe9")]), 403, "csrf_missing")


def test_a_state_with_a_nul(alice: Any, problem: Any) -> None:
    """A text with a NUL is refused as an invalid state."""
    problem(alice.get("/api/orders", params={"state": "\x00"}), 422, "invalid")


def test_a_password_that_is_no_text(console: Any, problem: Any) -> None:
    """A password of half a surrogate pair is refused as invalid."""
    body = b'{"username":"alice","password":"\\ud800"}'
    answer = console.client().post("/api/session", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 422, "invalid")
