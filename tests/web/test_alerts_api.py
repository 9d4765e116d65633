"""Alerts and their channels: each is raised once, shown to its user, and sent to addresses that are never revealed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.vault.channels import send
from application.alerts import tell, tell_everybody
from application.people import users
from domain.alert import Cause

Problem = Callable[..., None]
SECRET = "averysecretpartofit"
ADDRESS = f"json://127.0.0.1:1/{SECRET}"
SUBJECT = uuid4()


@pytest.fixture
def sending(console: Any) -> Any:
    """Return the console with the real sending function; no service listens at the test addresses."""
    console.change("people", send=partial(send, private=True))
    return console


@pytest.fixture
def heard(capfd: Any) -> Iterator[Callable[[], str]]:
    """Yield a function that returns all printed output and every root log record from INFO up.

    That is what a terminal would write into its log.
    """
    written, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: written.getvalue() + "".join(capfd.readouterr())
    root.removeHandler(handler)
    root.setLevel(level)


def _tell(console: Any, user: int, key: str = "1", cause: Cause = Cause.POSITION_UNPROTECTED) -> None:
    tell(console.store, user, cause, key, {"symbol": "BTC/USDT", "broker": "1", "reason": "refused"}, SUBJECT)
    console.project()


def _alerts(browser: Any, **query: Any) -> list[dict[str, Any]]:
    return browser.get("/api/alerts", params=query).json()["items"]


def _add(browser: Any, name: str = "phone", address: str = ADDRESS) -> Any:
    return browser.post("/api/channels", json={"name": name, "address": address})


def _in_the_log(console: Any) -> str:
    states = console.database.connect().execute("SELECT convert_from(state, 'UTF8') FROM log.events").fetchall()
    return f"{states} {[vars(recorded.event) for recorded in console.store.read(0, 10_000)]}"


# --- alerts ------------------------------------------------------------------------------------------------------


def test_an_alert_is_shown_to_its_user(console: Any, alice: Any) -> None:
    """The alert has its cause, severity, subject and facts. Bob has no alert."""
    _tell(console, 1)
    [told] = _alerts(alice)
    assert (told["cause"], told["severity"], told["subject"]) == ("position_unprotected", "critical", str(SUBJECT))
    assert told["facts"] == {"symbol": "BTC/USDT", "broker": "1", "reason": "refused"}
    assert (told["deliveries"], told["acknowledged_at"]) == ({}, None)
    assert _alerts(console.logged_in("bob")) == []


def test_an_occurrence_is_told_once(console: Any, alice: Any) -> None:
    """Raising it again records nothing. The next occurrence and another cause are raised."""
    _tell(console, 1)
    head = console.store.head()
    _tell(console, 1)
    assert console.store.head() == head
    _tell(console, 1, "2")
    _tell(console, 1, "1", Cause.ORDER_UNKNOWN)
    assert [(told["cause"], told["severity"]) for told in _alerts(alice)] == [
        ("order_unknown", "warning"), ("position_unprotected", "critical"), ("position_unprotected", "critical"),
    ]  # fmt: skip


def test_what_concerns_the_platform_concerns_everybody(console: Any, alice: Any) -> None:
    """Each user gets their own alert, except users whose account is disabled."""
    bob = console.logged_in("bob")
    tell_everybody(console.store, Cause.BACKUP_FAILED, "monday", {"reason": "full"})
    users.switch_account(console.store, 2, enabled=False, by=1)
    tell_everybody(console.store, Cause.BACKUP_FAILED, "tuesday", {"reason": "full"})
    console.project()
    assert [len(_alerts(browser)) for browser in (alice, bob)] == [2, 1]
    assert {told["id"] for told in _alerts(alice)}.isdisjoint(told["id"] for told in _alerts(bob))


def test_an_alert_is_acknowledged_by_its_user_only(console: Any, alice: Any, problem: Problem) -> None:
    """Bob gets 404. Once acknowledged, an alert stays so, and repeating it records no event."""
    _tell(console, 1)
    [told] = _alerts(alice)
    path, head = f"/api/alerts/{told['id']}/acknowledged", console.store.head()
    problem(console.logged_in("bob").put(path), 404, "not_found")
    assert console.store.head() == head + 1  # bob's login
    for _ in range(2):
        assert alice.put(path).status_code == 204
    assert console.store.head() == head + 2
    console.project()
    assert _alerts(alice)[0]["acknowledged_at"] is not None


def test_all_alerts_are_acknowledged_at_once(console: Any, alice: Any) -> None:
    """Alerts acknowledged earlier get no new event, and other users' alerts stay as they are."""
    bob = console.logged_in("bob")
    for user, key in ((1, "1"), (1, "2"), (2, "3")):
        _tell(console, user, key)
    alice.put(f"/api/alerts/{_alerts(alice)[0]['id']}/acknowledged")
    console.project()
    head = console.store.head()
    assert alice.put("/api/alerts/acknowledged").status_code == 204
    assert console.store.head() == head + 1
    console.project()
    assert all(told["acknowledged_at"] for told in _alerts(alice))
    assert [told["acknowledged_at"] for told in _alerts(bob)] == [None]


def test_an_alert_that_is_none(console: Any, alice: Any, problem: Problem) -> None:
    """An unknown id, or the id of something else, is refused."""
    order = console.database.placed(console.store)
    problem(alice.put(f"/api/alerts/{uuid4()}/acknowledged"), 404, "not_found")
    problem(alice.put(f"/api/alerts/{order.id}/acknowledged"), 404, "not_found")
    problem(alice.put("/api/alerts/1/acknowledged"), 422, "invalid")


def test_alerts_follow_page_by_page(console: Any, alice: Any, problem: Problem) -> None:
    """Alerts come newest first and each once."""
    for number in range(5):
        _tell(console, 1, str(number))
    rows, query = [], {"limit": 2}
    while True:
        page = alice.get("/api/alerts", params=query).json()
        rows += page["items"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert rows == _alerts(alice)
    assert len({row["id"] for row in rows}) == 5
    problem(alice.get("/api/alerts", params={"cursor": "x"}), 422, "cursor_unknown")


# --- channels ----------------------------------------------------------------------------------------------------


def test_channels_are_added_listed_and_removed(console: Any, alice: Any, problem: Problem) -> None:
    """Channels are listed in the order they were added, by name and service. A removed one is gone from the vault."""
    first, second = _add(alice, " phone ").json(), _add(alice, "desk", "json://127.0.0.1:1/desk").json()
    assert (first["name"], first["service"]) == ("phone", "JSON")
    assert alice.get("/api/channels").json()["items"] == [first, second]
    assert console.logged_in("bob").get("/api/channels").json()["items"] == []
    assert alice.delete(f"/api/channels/{first['id']}").status_code == 204
    problem(alice.delete(f"/api/channels/{first['id']}"), 404, "not_found")
    assert alice.get("/api/channels").json()["items"] == [second]
    assert [kept.name for kept in console.channels.of(1)] == ["desk"]
    assert _add(alice, "phone").status_code == 201


def test_names_of_channels_are_unique(console: Any, alice: Any, problem: Problem) -> None:
    """Names are unique for each user. A second channel of the same name is refused and leaves nothing."""
    assert _add(alice).status_code == 201
    head = console.store.head()
    for name in ("phone", " phone\t"):
        answer = _add(alice, name)
        problem(answer, 409, "channel_name_taken")
        assert answer.json()["field"] == "name"
    problem(_add(alice, " "), 422, "channel_name_missing")
    assert (console.store.head(), len(console.channels.of(1))) == (head, 1)
    assert _add(console.logged_in("bob")).status_code == 201


def test_addresses_that_lead_nowhere(console: Any, alice: Any, heard: Callable[[], str], problem: Problem) -> None:
    """An address of no known service, or of one on this machine, is refused by its field and quoted nowhere."""
    head = console.store.head()
    for address in ("", "nonsense", f"nonsense://{SECRET}", f"https://{SECRET}", "json://", "discord://x", "syslog://",
                    "syslog://local0", " SYSLOG://", "dbus://", "gnome://", "macosx://", "windows://"):  # fmt: skip
        answer = _add(alice, "phone", address)
        problem(answer, 422, "channel_unknown")
        assert answer.json()["field"] == "address"
        assert SECRET not in answer.text
    answer = _add(alice, "phone", f"{ADDRESS}{'x' * 200}")
    problem(answer, 422, "invalid")
    assert answer.json()["field"] == "address"
    assert SECRET not in answer.text + heard()
    assert (console.store.head(), console.channels.of(1)) == (head, [])


def test_a_mistyped_address_is_quoted_in_no_log(alice: Any, heard: Callable[[], str], problem: Problem) -> None:
    """The services' own code logs what it cannot read. The secret in the address must not get into that log."""
    for address in (f"opsgenie://{SECRET}?action=bad", f"threema://{SECRET}", f"slack://{SECRET}%20/A1B/C2D"):
        problem(_add(alice, "phone", address), 422, "channel_unknown")
    assert SECRET not in heard()


def test_a_channel_is_tried(sending: Any, alice: Any, problem: Problem) -> None:
    """The response says if the service accepted the message, and no event is recorded.

    Another user's channel returns 404.
    """
    channel, bob = _add(alice).json()["id"], sending.logged_in("bob")
    head = sending.store.head()
    assert alice.post(f"/api/channels/{channel}/test").json() == {"sent": False, "reason": "not_delivered"}
    for method, path in (("POST", f"/api/channels/{channel}/test"), ("DELETE", f"/api/channels/{channel}")):
        problem(bob.request(method, path), 404, "not_found")
    problem(alice.post(f"/api/channels/{uuid4()}/test"), 404, "not_found")
    assert sending.store.head() == head
    assert [kept.id for kept in sending.channels.of(1)] == [UUID(channel)]


def test_an_address_is_shown_to_nobody(sending: Any, alice: Any, heard: Callable[[], str]) -> None:
    """No event, response or log has the address, and the vault only a sealed one that the sending code can read."""
    added = _add(alice)
    told = [added, alice.post(f"/api/channels/{added.json()['id']}/test"), alice.get("/api/channels"),
            _add(alice), alice.get("/api/account/export"), alice.delete(f"/api/channels/{uuid4()}")]  # fmt: skip
    [kept] = sending.channels.of(1)
    rows = sending.database.connect().execute("SELECT * FROM vault.channels").fetchall()
    seen = {"answers": "".join(a.text for a in told), "log": _in_the_log(sending), "heard": heard(), "vault": rows}
    assert [where for where, what in {**seen, "object": repr(kept)}.items() if SECRET in str(what)] == []
    assert kept.address == ADDRESS
