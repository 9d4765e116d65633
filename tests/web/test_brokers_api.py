"""Accounts on exchanges: keys are tested before they are stored, stored sealed, and destroyed with their broker."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from adapters.vault.vault import Vault
from application.people.brokers import connect_broker
from application.ports.requests import Action
from application.ports.statements import Credentials
from domain.aggregate import Personal, carrying
from domain.people.broker import Broker, Exchange, Limits, Venue

Problem = Callable[..., None]
KEYS = {"key": "PUBLICPARTOFTHEKEY", "secret": "PRIVATEPARTOFTHEKEY"}
NEW = {"exchange": "binance", "venue": "paper", "name": "Second", "keys": KEYS}
REFUSED = {"ok": False, "answered": True, "code": "-2015", "detail": "Invalid API-key", "may_withdraw": None}
POWERLESS = {**REFUSED, "code": "key_may_not_trade", "may_trade": False, "may_withdraw": False}
SILENT = {**REFUSED, "answered": False, "code": "no_answer", "detail": "timeout"}
WITHDRAWING = {"ok": True, "answered": True, "may_trade": True, "may_withdraw": True}
UNHEARD = ((None, "gateway_away"), (SILENT, "no_answer"), (WITHDRAWING, "key_may_withdraw"))
"""The verdicts a user may overrule, each with its error code."""


def _kept(console: Any, broker: int) -> Credentials:
    """Return the keys as the gateway reads them."""
    return Vault(console.database.store().pool, console.database.master).credentials(broker)


def _count(console: Any, table: str = "vault.credentials") -> int:
    return console.database.connect().execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def _brokers(console: Any, browser: Any) -> dict[int, dict[str, Any]]:
    console.project()
    return {row["number"]: row for row in browser.get("/api/brokers").json()["items"]}


def _refused(problem: Problem, answer: Any, reason: str, field: str) -> None:
    problem(answer, 422, reason)
    assert answer.json()["field"] == field


@pytest.fixture
def second(alice: Any) -> int:
    """Connect a second broker for alice and return its number."""
    return alice.post("/api/brokers", json=NEW).json()["number"]


# --- connecting --------------------------------------------------------------------------------------------------


def test_keys_are_proven_and_then_kept(console: Any, alice: Any) -> None:
    """Keys travel to the gateway sealed and are stored sealed in the vault.

    Neither the log nor any response contains them.
    """
    # When alice connects a broker
    answer = alice.post("/api/brokers", json={**NEW, "keys": {name: f" {said}\n" for name, said in KEYS.items()}})
    assert (answer.status_code, answer.json()) == (201, {"number": 3})
    # Then the gateway tested the sealed keys, and the vault holds them
    [asked] = console.gateway.asked
    assert (asked.action, asked.user_id) == (Action.TEST_CONNECTION, 1)
    assert console.vault.unseal(asked.params["sealed"]) == Credentials(**KEYS)
    assert _kept(console, 3) == Credentials(**KEYS)
    told = _brokers(console, alice)
    assert [*told] == [1, 3]
    assert (told[3]["name"], told[3]["is_default"], told[3]["usage"]) == ("Second", False, "webhooks")
    # And they are readable nowhere
    rows = console.database.connect().execute("SELECT sealed FROM vault.credentials").fetchall()
    states = console.database.connect().execute("SELECT state FROM log.events").fetchall()
    everything = f"{asked} {rows} {states} {told} {[vars(r.event) for r in console.store.read(0, 10_000)]}"
    assert [said for said in KEYS.values() if said in everything] == []


def test_keys_that_the_exchange_refuses_are_never_kept(console: Any, alice: Any, problem: Problem) -> None:
    """The exchange's own error code is returned for the field `key`, and insisting changes nothing."""
    head, credentials = console.store.head(), _count(console)
    for says, reason in ((REFUSED, "-2015"), (POWERLESS, "key_may_not_trade")):
        console.gateway.says = says
        for insist in (False, True):
            _refused(problem, alice.post("/api/brokers", json={**NEW, "insist": insist}), reason, "key")
            answer = alice.put("/api/brokers/1/credentials", json={"keys": KEYS, "insist": insist})
            _refused(problem, answer, reason, "key")
    assert (console.store.head(), _count(console)) == (head, credentials)
    assert _kept(console, 1).key == "key of alice"


def test_what_a_user_may_overrule(console: Any, alice: Any, problem: Problem) -> None:
    """Keys that may withdraw, or for which no answer came, are stored only if the user insists."""
    for says, reason in UNHEARD:
        console.gateway.says, head = says, console.store.head()
        _refused(problem, alice.post("/api/brokers", json={**NEW, "name": reason}), reason, "insist")
        assert console.store.head() == head
        assert alice.post("/api/brokers", json={**NEW, "name": reason, "insist": True}).status_code == 201
    assert [row["name"] for row in _brokers(console, alice).values()][1:] == [reason for _, reason in UNHEARD]


def test_new_keys_are_proven_like_the_first_ones(console: Any, alice: Any, problem: Problem) -> None:
    """New keys replace the old ones of the same broker, and its fingerprint changes."""
    before = _brokers(console, alice)[1]
    for says, reason in UNHEARD:
        console.gateway.says = says
        _refused(problem, alice.put("/api/brokers/1/credentials", json={"keys": KEYS}), reason, "insist")
    assert _kept(console, 1).key == "key of alice"
    assert alice.put("/api/brokers/1/credentials", json={"keys": KEYS, "insist": True}).status_code == 204
    assert _kept(console, 1) == Credentials(**KEYS)
    assert KEYS["key"] not in repr(console.gateway.asked)
    after = _brokers(console, alice)[1]
    assert {name for name in after if after[name] != before[name]} == {"fingerprint", "tested", "tested_detail"}


def test_a_form_that_is_not_complete(console: Any, alice: Any, problem: Problem) -> None:
    """Each invalid field is refused by name, before the gateway is asked and without quoting a secret."""
    head = console.store.head()
    for change, reason, field in (
        ({"exchange": "mtgox"}, "exchange_unknown", "exchange"),
        ({"venue": "moon"}, "venue_unknown", "venue"),
        ({"venue": "live"}, "live_not_allowed", "venue"),
        ({"keys": {**KEYS, "secret": "  "}}, "secret_missing", "secret"),
        ({"keys": {**KEYS, "key": ""}}, "key_missing", "key"),
        ({"keys": {"key": KEYS["key"]}}, "invalid", "secret"),
        ({"keys": {**KEYS, "secret": KEYS["secret"] * 20}}, "invalid", "secret"),
        ({"keys": {**KEYS, "secret": f"{KEYS['secret']} é"}}, "key_malformed", "secret"),
        ({"keys": {**KEYS, "key": "two words"}}, "key_malformed", "key"),
        ({"keys": {**KEYS, "key": "nothing\x00here"}}, "key_malformed", "key"),
        ({"exchange": "bitget", "keys": {**KEYS, "passphrase": ""}}, "passphrase_missing", "passphrase"),
        ({"exchange": "bitget", "keys": {**KEYS, "passphrase": "ma clé"}}, "key_malformed", "passphrase"),
        ({"exchange": "bitget", "keys": {**KEYS, "passphrase": "a\tb"}}, "key_malformed", "passphrase"),
        ({"name": " "}, "broker_name_invalid", "name"),
        ({"name": "x" * 41}, "broker_name_invalid", "name"),
    ):
        answer = alice.post("/api/brokers", json={**NEW, "insist": True, **change})
        _refused(problem, answer, reason, field)
        assert KEYS["secret"] not in answer.text
    problem(alice.post("/api/brokers", json={**NEW, "name": "ALICE"}), 409, "broker_name_taken")
    assert (console.store.head(), console.gateway.asked) == (head, [])


def test_live_is_there_where_it_is_allowed(console: Any, alice: Any) -> None:
    """The venue is offered and can be connected once the settings permit it."""
    assert alice.get("/api/exchanges").json()["items"][0]["venues"] == ["paper", "testnet"]
    console.change("platform", live_allowed=True)
    assert alice.get("/api/exchanges").json()["items"][0]["venues"] == ["paper", "testnet", "live"]
    assert alice.post("/api/brokers", json={**NEW, "venue": "live"}).status_code == 201


def test_a_repeated_request_makes_one_broker(console: Any, alice: Any, problem: Problem) -> None:
    """The second request finds the name taken. Another user may use the same name."""
    assert alice.post("/api/brokers", json=NEW).status_code == 201
    problem(alice.post("/api/brokers", json={**NEW, "name": " second "}), 409, "broker_name_taken")
    assert [*_brokers(console, alice)] == [1, 3]
    assert console.logged_in("bob").post("/api/brokers", json=NEW).json() == {"number": 4}


def test_whose_keys_a_broker_has(console: Any, alice: Any, monkeypatch: Any) -> None:
    """When two users connect at once, the slower one leaves no key at the other one's broker."""
    keep, theirs, overtaken = console.vault.store_credentials, Credentials("bobsnewkey", "bobsnewsecret"), []

    def overtaking(broker: int, user: int, credentials: Credentials) -> str:
        if not overtaken:
            overtaken.append(broker)
            connect_broker(console.store, console.vault, 2, Exchange.BINANCE, Venue.PAPER, "faster", theirs)
        return keep(broker, user, credentials)

    monkeypatch.setattr(console.vault, "store_credentials", overtaking)
    alice.post("/api/brokers", json=NEW)
    made = [console.store.find(Broker, Broker.create_id(number)) for number in (3, 4)]
    owners = {broker.number: broker.user for broker in made if broker is not None}
    assert 2 in owners.values()
    assert {n: _kept(console, n) for n in owners} == {
        n: theirs if owner == 2 else Credentials(**KEYS) for n, owner in owners.items()
    }


# --- changing ----------------------------------------------------------------------------------------------------


def test_what_can_be_changed(console: Any, alice: Any) -> None:
    """Name, usage, limits, stop style and oldest bar can be changed.

    Fields left out stay, and repeating a value records no event.
    """
    limits = {"currency": " usdc ", "per_order": "12.50", "per_day": None}
    change = {"name": " Mine ", "usage": "strategies", "limits": limits, "stop_style": "limit", "oldest_bar": 3}
    for given in (*({name: said} for name, said in change.items()), change, {}):
        assert alice.put("/api/brokers/1", json=given).status_code == 204
    told = _brokers(console, alice)[1]
    assert (told["name"], told["usage"], told["stop_style"]) == ("Mine", "strategies", "limit")
    assert told["oldest_bar"] == 3
    assert Decimal(told["limits"]["per_order"]) == Decimal("12.5")
    assert (told["limits"]["currency"], told["limits"]["per_day"]) == ("USDC", None)
    assert [r.topic for r in console.store.read(0, 10_000)][-5:] == [
        "Broker.Renamed", "Broker.UsageChanged", "Broker.LimitsChanged", "Broker.StopStyleChanged",
        "Broker.OldestBarChanged",
    ]  # fmt: skip
    assert alice.put("/api/brokers/1", json={"oldest_bar": 0}).status_code == 204
    assert _brokers(console, alice)[1]["oldest_bar"] is None


def test_what_cannot_be_changed_to(console: Any, alice: Any, second: int, problem: Problem) -> None:
    """An invalid value is refused by field name, and nothing of that request is kept, not even its valid parts."""
    head = console.store.head()
    for given, reason, field in (
        ({"name": ""}, "broker_name_invalid", "name"),
        ({"usage": "gambling"}, "usage_unknown", "usage"),
        ({"stop_style": "trailing"}, "stop_style_unknown", "stop_style"),
        ({"oldest_bar": -1}, "oldest_bar_invalid", "oldest_bar"),
        ({"oldest_bar": 1001}, "oldest_bar_invalid", "oldest_bar"),
        ({"oldest_bar": 2**70}, "oldest_bar_invalid", "oldest_bar"),
        ({"oldest_bar": "one"}, "invalid", "oldest_bar"),
        ({"limits": {"per_order": "0"}}, "limit_invalid", "per_order"),
        ({"limits": {"per_day": "-1"}}, "limit_invalid", "per_day"),
        ({"limits": {"per_day": "1e999"}}, "limit_invalid", "per_day"),
        ({"limits": {"per_order": "NaN"}}, "invalid", "per_order"),
        ({"limits": {"per_order": "Infinity"}}, "invalid", "per_order"),
        ({"limits": {"per_order": "much"}}, "invalid", "per_order"),
        ({"limits": {"currency": " "}}, "currency_invalid", "currency"),
        ({"limits": {"currency": "US$"}}, "currency_invalid", "currency"),
    ):
        good = {"name": "Mine", "usage": "off", "stop_style": "limit", "limits": {"per_order": "1"}}
        _refused(problem, alice.put("/api/brokers/1", json={**good, **given}), reason, field)
    problem(alice.put(f"/api/brokers/{second}", json={"name": "Alice", "usage": "off"}), 409, "broker_name_taken")
    assert console.store.head() == head
    assert console.store.get(Broker, Broker.create_id(1)).limits == Limits()


def test_the_default_moves(console: Any, alice: Any, second: int) -> None:
    """There is one default broker at a time. Removing it makes another the default and frees its name."""
    assert alice.put(f"/api/brokers/{second}/default").status_code == 204
    assert {n: row["is_default"] for n, row in _brokers(console, alice).items()} == {1: False, second: True}
    assert alice.delete(f"/api/brokers/{second}").status_code == 204
    assert {n: row["is_default"] for n, row in _brokers(console, alice).items()} == {1: True}
    assert alice.post("/api/brokers", json=NEW).status_code == 201


def test_removing_a_broker(console: Any, alice: Any, problem: Problem) -> None:
    """A broker with open orders cannot be removed.

    Once it is removed, its keys are destroyed and its paths return 404, but its history stays.
    """
    order = console.database.submitted(console.store)
    head = console.store.head()
    problem(alice.delete("/api/brokers/1"), 409, "orders_open")
    assert (console.store.head(), _kept(console, 1).key) == (head, "key of alice")
    with carrying(user="1"):
        order.reject("no_funds", Personal("{}"))
        console.store.save(order)
    assert alice.delete("/api/brokers/1").status_code == 204
    assert _count(console) == 1
    for method, path, body in (
        ("DELETE", "", None), ("PUT", "", {}), ("PUT", "/default", None), ("POST", "/stop", None),
        ("POST", "/test", None), ("POST", "/markets", None), ("PUT", "/credentials", {"keys": KEYS}),
    ):  # fmt: skip
        problem(alice.request(method, f"/api/brokers/1{path}", json=body), 404, "not_found")
    assert _brokers(console, alice) == {}
    assert len(alice.get("/api/orders", params={"broker": 1}).json()["items"]) == 1


def test_new_keys_while_orders_are_open(console: Any, alice: Any, problem: Problem) -> None:
    """The new keys might belong to another account, where none of the open orders rest, so the trader has to insist."""
    console.database.submitted(console.store)
    problem(alice.put("/api/brokers/1/credentials", json={"keys": KEYS}), 422, "keys_with_open_orders")
    assert _kept(console, 1).key == "key of alice"
    assert alice.put("/api/brokers/1/credentials", json={"keys": KEYS, "insist": True}).status_code == 204


# --- trying ------------------------------------------------------------------------------------------------------


def test_a_trial_is_told_step_by_step(console: Any, alice: Any) -> None:
    """The response has one JSON object per line: the steps, then the verdict, even when the gateway is away.

    Nothing is stored.
    """
    head, trial = console.store.head(), {"exchange": "binance", "venue": "testnet", "keys": KEYS}
    for says, ok, code in (
        (console.gateway.says, True, None),
        (REFUSED, False, "-2015"),
        (None, False, "gateway_away"),
    ):
        console.gateway.says = says
        answer = alice.post("/api/brokers/test", json=trial)
        assert answer.headers["content-type"] == "application/x-ndjson"
        first, last = [json.loads(line) for line in answer.text.splitlines()]
        assert (first["step"], first["verdict"], last["step"]) == ("exchange", None, None)
        assert (last["verdict"]["ok"], last["verdict"]["code"]) == (ok, code)
    assert console.store.head() == head
    assert KEYS["secret"] not in repr(console.gateway.asked)


def test_trying_a_broker_is_recorded(console: Any, alice: Any) -> None:
    """The gateway looks up the stored keys, and the outcome is shown with the broker."""
    for says, ok, code in (
        (console.gateway.says, True, None),
        (REFUSED, False, "-2015"),
        (None, False, "gateway_away"),
    ):
        console.gateway.says = says
        *_, last = [json.loads(line) for line in alice.post("/api/brokers/1/test").text.splitlines()]
        told = _brokers(console, alice)[1]
        assert (last["verdict"]["ok"], told["tested"], told["tested_detail"] or None) == (ok, ok, code)
    assert {str(asked.params) for asked in console.gateway.asked} == {"{'broker_id': 1}"}
