"""`aristobot webhook`: alerts by hand, broken ones too, and the check of a running platform."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aristobot.commands.webhooks import BROKEN

STREAM = ("--interval", "5", "--indicator", "by hand")


@pytest.fixture(scope="module")
def house(new_platform: Callable[[], Any]) -> Iterator[Any]:
    made = new_platform()
    yield made
    made.stop()


def lines(told: Any) -> list[str]:
    assert told.returncode == 0, told.stdout + told.stderr
    return list(told.stdout.splitlines())


def test_alerts_are_sent_at_a_pace_with_some_left_out(house: Any) -> None:
    """They make one stream, and each differs from the others, so that none counts as a repetition."""
    sent = lines(house.command("webhook", "send", *STREAM, "--times", "3", "--every", "0.1", "--skip", "2"))
    assert [line.split()[:2] for line in sent] == [["1", "200"], ["2", "left"], ["3", "200"]]
    [stream] = house.eventually(lambda: [row for row in house.all_of("/api/webhooks/streams") if row["received"]])
    assert (stream["indicator"], stream["symbol"], stream["interval"]) == ("by hand", "BTCUSDT", "5")


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_alert_is_answered_as_it_should_be_and_never_executed(house: Any, kind: str) -> None:
    before = len(house.on_exchange())
    [line] = lines(
        house.command("webhook", "send", "--action", "BuyMarket", "--percent", "5", "--broken", kind, *STREAM)
    )
    assert line.split()[1] == str(BROKEN[kind][1])
    assert len(house.on_exchange()) == before


def test_a_file_is_replayed_as_it_stands_or_freshly(house: Any, tmp_path: Any) -> None:
    """What is sent again as it stands repeats the first delivery; with fresh times it is another alert."""
    said = {
        "Action": "PING", "UserID": house.told["user_number"], "BarTime": "2026-01-06T10:00:00Z",
        "IndicateurName": "replayed",
    }  # fmt: skip
    file = tmp_path / "alerts.jsonl"
    file.write_text(f"{json.dumps(said)}\n\nnot json\n")
    for more in ((), (), ("--fresh",)):
        assert len(lines(house.command("webhook", "replay", str(file), "--every", "0", *more))) == 2
    rows = house.eventually(lambda: len(found := house.webhooks("replayed")) == 2 and found)
    assert sorted(row["repeats"] for row in rows) == [0, 1]


def test_the_check_follows_an_alert_and_finds_its_order_again_after_a_restart(house: Any) -> None:
    told = [json.loads(line) for line in lines(house.command("webhook", "check", "--quick", "--json"))]
    assert all(step["ok"] for step in told)
    names = [step["name"] for step in told]
    for name in ("projector: row in trades", "gateway is restarted", "open order is found again", "order is cancelled"):
        assert name in names
    assert not [order for order in house.on_exchange() if order["status"] == "open"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("check", "--broker", "99"), "user 1 has no broker 99"),
        (("send", "--url", "http://127.0.0.1:1/x?token=y"), "the door was not reached at http://127.0.0.1:1/x:"),
        (("send", "--interval", "10R"), "10R names no period"),
    ],
)
def test_what_cannot_be_done_says_why(house: Any, given: tuple[str, ...], says: str) -> None:
    """The token is in no message."""
    told = house.command("webhook", *given)
    assert told.returncode == 2
    assert says in told.stderr
    assert "token" not in told.stderr
