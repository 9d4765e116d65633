"""The console's access rules: who may read, who may change, and the shape of an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from application.webhooks.reception import receive
from domain.aggregate import carrying
from domain.webhooks.webhook import Webhook
from web.app import create_app

OPEN_TO_ALL = {"/api/start", "/api/health", "/api/openapi.json"}
BEFORE_LOGIN = {("POST", "/api/session"), ("POST", "/api/users"), ("PUT", "/api/debug")}
ROUTES = [(method.upper(), path) for path, methods in create_app(None).openapi()["paths"].items() for method in methods]
READS = [path for method, path in ROUTES if method == "GET" and path not in OPEN_TO_ALL]
CHANGES = [route for route in ROUTES if route[0] != "GET" and route not in BEFORE_LOGIN]
Problem = Callable[..., None]


def _filled(path: str) -> str:
    """Return the path with values in place of its ids."""
    return re.sub(r"\{\w+\}", lambda name: "1" if name[0] == "{number}" else str(uuid4()), path)


def test_nobody_reads_without_a_session(console: Any, problem: Problem) -> None:
    """Every path that is not public returns 401, without a cookie and with an unknown one."""
    assert len(READS) > 6
    for path in READS:
        problem(console.client().get(path), 401, "not_logged_in")
        problem(console.client().get(path, headers={"Cookie": "aristobot_session=somebody"}), 401, "not_logged_in")


def test_what_is_open_to_all_tells_nothing(console: Any) -> None:
    """A stranger learns only that the platform is up, whether an account exists, and the state of debug mode."""
    assert console.client().get("/api/health").json() == {"up": True}
    told = console.client().get("/api/start").json()
    assert told == {"first_account": False, "debug_allowed": True, "debug_active": False}


def test_nothing_changes_without_the_csrf_token(console: Any, alice: Any, problem: Problem) -> None:
    """A cookie alone is not enough, because another site could make the browser send it."""
    head = console.store.head()
    del alice.headers["X-CSRF-Token"]
    assert len(CHANGES) > 6
    for method, path in CHANGES:
        for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "wrong"}):
            answer = alice.request(method, _filled(path), headers=headers, json={})
            problem(answer, 403, "csrf_missing")
    assert console.store.head() == head


def test_nothing_changes_without_a_session(console: Any, alice: Any, problem: Problem) -> None:
    """The CSRF token does not help without the cookie."""
    headers = {"X-CSRF-Token": alice.headers["X-CSRF-Token"]}
    for method, path in CHANGES:
        answer = console.client().request(method, _filled(path), headers=headers, json={})
        problem(answer, 401, "not_logged_in")


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(console: Any, problem: Problem) -> None:
    """Guessing does not reveal which names exist."""
    told = []
    for name, password in (("alice", "wrong"), ("nobody", "correct horse battery"), ("", ""), ("alice", "")):
        answer = console.client().post("/api/session", json={"username": name, "password": password})
        problem(answer, 401, "login_wrong")
        assert "set-cookie" not in answer.headers
        told.append(answer.json())
    assert told == [told[0]] * 4


def test_a_session_lives_from_login_to_logout(console: Any, alice: Any, problem: Problem) -> None:
    """The cookie is hidden from scripts and other sites, and void after the logout."""
    me = alice.get("/api/session").json()
    assert (me["username"], me["user"], me["csrf"]) == ("alice", 1, alice.headers["X-CSRF-Token"])
    cookie = alice.cookies["aristobot_session"]
    again = console.client().post("/api/session", json={"username": "alice", "password": "correct horse battery"})
    flags = again.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    # The server ends a session after 24 hours of silence, not the browser 24 hours after the login.
    assert f"max-age={30 * 24 * 3600}" in flags
    assert alice.delete("/api/session").status_code == 204
    problem(console.client().get("/api/orders", headers={"Cookie": f"aristobot_session={cookie}"}), 401)


def test_the_first_account_is_made_once(console: Any, problem: Problem) -> None:
    """Once an account exists, another one needs an invitation."""
    answer = console.client().post("/api/users", json={"username": "eve", "password": "long enough phrase"})
    problem(answer, 422, "invitation_wrong")


def test_another_users_things_do_not_exist(console: Any, alice: Any, problem: Problem) -> None:
    """Another user's broker gets the same response as one that does not exist.

    Lists, counts and webhook URLs are each user's own.
    """
    bob = console.logged_in("bob")
    for number in (2, 99):
        for verb in ("stop", "resume"):
            problem(alice.post(f"/api/brokers/{number}/{verb}"), 404, "not_found")
    console.database.placed(console.store, user=2, broker=2)
    console.project()
    assert [row["number"] for row in alice.get("/api/brokers").json()["items"]] == [1]
    assert [row["number"] for row in bob.get("/api/brokers").json()["items"]] == [2]
    assert alice.get("/api/orders", params={"broker": 2}).json()["items"] == []
    assert len(bob.get("/api/orders").json()["items"]) == 1
    assert alice.post("/api/orders/cancel-all").json() == {"asked": 0, "stay": 0}
    assert alice.get("/api/webhooks/url").json() != bob.get("/api/webhooks/url").json()


def test_stopping_is_each_users_own(console: Any, alice: Any) -> None:
    """Alice's halt does not halt bob's trading."""
    bob = console.logged_in("bob")
    assert alice.post("/api/trading/stop").json() == {"recorded": True}
    assert alice.post("/api/brokers/1/stop").status_code == 204
    console.project()
    health = alice.get("/api/health/terminals").json()
    assert (health["trading_stopped"], health["trading_stopped_at"] is None) == (True, False)
    assert bob.get("/api/health/terminals").json()["trading_stopped"] is False
    assert alice.get("/api/brokers").json()["items"][0]["trading_stopped"] is True
    assert bob.get("/api/brokers").json()["items"][0]["trading_stopped"] is False


def test_a_new_address_replaces_the_old_one(console: Any, alice: Any) -> None:
    """The webhook URL stays the same until it is changed. The old token then belongs to no user."""
    old = alice.get("/api/webhooks/url").json()["url"]
    assert alice.get("/api/webhooks/url").json()["url"] == old
    new = alice.post("/api/webhooks/url").json()["url"]
    assert alice.get("/api/webhooks/url").json()["url"] == new != old
    former, now = (address.partition("token=")[2] for address in (old, new))
    assert (console.owner(now).user, console.owner(now).ended_at) == (1, None)
    assert not console.owner(former).held_at(datetime.now(UTC))


def test_every_answer_carries_the_security_headers(console: Any) -> None:
    """Successes and errors carry them alike, and no API response may be cached."""
    for path in ("/api/orders", "/api/health", "/api/openapi.json", "/api/nothing"):
        headers = console.client().get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_every_error_has_one_shape(alice: Any, problem: Problem) -> None:
    """Errors for unknown paths, wrong methods and invalid parameters have the same shape as all others."""
    problem(alice.get("/api/nothing"), 404, "not_found")
    problem(alice.delete("/api/orders"), 405, "method_not_allowed")
    problem(alice.get("/api/orders", params={"limit": 0}), 422, "invalid")
    problem(alice.get("/api/orders", params={"limit": 201}), 422, "invalid")
    problem(alice.get("/api/orders", params={"broker": "x"}), 422, "invalid")
    problem(alice.get("/api/orders", params={"cursor": "x"}), 422, "cursor_unknown")
    problem(alice.post("/api/brokers/x/stop"), 422, "invalid")
    problem(alice.post("/api/session", content=b"{"), 422, "invalid")


def test_pages_follow_one_another(console: Any, alice: Any) -> None:
    """Rows come newest first and each once, and the last page says that it is the last."""
    for _ in range(5):
        console.database.placed(console.store)
    for number in range(5):
        receive(console.store, 1, f"{number} {uuid4()}".encode(), "127.0.0.1", datetime.now(UTC))
    console.project()
    for path in ("/api/orders", "/api/webhooks/history"):
        everything = alice.get(path).json()
        assert (len(everything["items"]), everything["next"]) == (5, None)
        rows, following = [], {}
        while following is not None:
            page = alice.get(path, params={"limit": 2, **following}).json()
            rows += page["items"]
            following = {"cursor": page["next"]} if page["next"] else None
        assert rows == everything["items"]


def test_webhooks_are_counted_in_total_and_by_status(console: Any, alice: Any) -> None:
    """One waiting and one refused webhook make a total of two."""
    waiting, ended = (
        receive(console.store, 1, str(uuid4()).encode(), "192.0.2.1", datetime.now(UTC)) for _ in range(2)
    )
    assert waiting != ended
    with carrying(user="1"):
        webhook = console.store.get(Webhook, ended)
        webhook.refuse("unparsable", "")
        console.store.save(webhook)
    console.project()
    counted = alice.get("/api/webhooks/stats").json()
    assert (counted["total"], counted["received"], counted["refused"]) == (2, 1, 1)
