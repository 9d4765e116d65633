"""kill -9 of a terminal at the steps that only Bitget has.

An answer is an id alone. A stop is a plan order, which is moved where it waits. A sale goes before its stop is taken
off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.conftest import Stepped
from tests.faults.market import Market
from tests.faults.test_steps import STORIES, Room, Step
from tests.support.samples import sample

STEPS = """
market order   gateway    place                       after
market order   gateway    Order.Accepted              before
resting order  gateway    place                       after
cancel         gateway    cancel                      after
protected buy  gateway    place                     2 before
protected buy  gateway    place                     2 after
protected buy  gateway    Order.Accepted            2 before
protected buy  gateway    Position.ProtectionResting  after
moved stop     gateway    Order.AmendRequested        after
moved stop     gateway    amend                       before
moved stop     gateway    amend                       after
moved stop     gateway    Order.Amended               before
moved stop     gateway    Order.Amended               after
exit           gateway    place                       after
exit           gateway    Order.Filled                after
exit           gateway    cancel                      before
exit           gateway    cancel                      after
exit           engine     Position.Closed             before
sale           gateway    place                       after
sale           gateway    Order.Filled                after
stop           gateway    Order.Filled                before
stop           gateway    Order.Filled                after
stop           engine     Position.Closed             before
target         gateway    Order.Filled                before
target         gateway    cancel                      after
"""


class BitgetMarket(Market):
    """A market of a broker at Bitget, where a stop alone rests and the target is watched."""

    exchange, quote = "bitget", "USDC"
    broker = 0

    def _body(self, action: str, end: str, fields: dict[str, Any]) -> str:
        return super()._body(action, end, {"Currency": '"USDC"', "UserExchangeID": self.broker, **fields})

    def _protected_at(self, stop: str) -> None:
        self.rests = Counter([("sell", "stop_loss", self.at(stop))])


@pytest.fixture(scope="module")
def bitget(house: Stepped) -> Room:
    """Connect an account at the paper Bitget, and return its market on the platform that is hurt."""
    wanted = {"exchange": "bitget", "passphrase": "phrase2026", "balances": {"USDC": "10000"}}
    keys = house.paper.post("/paper/accounts", json=wanted).json()
    named = {name: keys[name] for name in ("key", "secret", "passphrase")}
    made = house.console.post(
        "/api/brokers", json={"exchange": "bitget", "venue": "paper", "keys": named, "name": "Bitget paper"}
    )
    assert made.is_success, made.text
    market = BitgetMarket(house, "ETH", "2800")
    market.broker, market.had = int(made.json()["number"]), 0
    house.eventually(lambda: house.ask("/api/brokers")["items"][-1]["pairs"])
    return Room(house, dict.fromkeys((story.base for story in STORIES.values()), market))


@pytest.mark.parametrize(
    "step",
    sample(([Step.read(line)] for line in STEPS.strip().splitlines()), Step.kinds),
    ids=lambda step: f"{step} {step.when}",
)
def test_a_death_at_this_step_loses_and_doubles_nothing(bitget: Room, step: Step, settled: Callable[..., None]) -> None:
    """Each order is there once, each trade is counted once, the webhook has ended, and the stop waits."""
    story, [market, *_] = STORIES[step.story], [*bitget.markets.values()]
    story.begin(market)
    market.settle()
    died = bitget.kill(story.base, story.act, step.terminal, step.what, step.when, step.nth)
    settled(bitget.house, [market], f"{step} at Bitget", f"killed {step.when}", died)


def test_nothing_of_it_comes_later(bitget: Room) -> None:
    """A comparison with the exchange finds nothing."""
    [market, *_] = bitget.markets.values()
    compared = bitget.house.do(f"/api/brokers/{market.broker}/reconcile").json()
    assert (compared["completed"], compared["discrepancies"], compared["doubts"]) == (True, [], [])
