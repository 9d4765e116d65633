"""kill -9 of a terminal at each step of a signal's path, right before or right after it is recorded or answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.books import compare
from tests.faults.conftest import PRICES, Patient, Stepped
from tests.faults.market import NEVER, Market
from tests.faults.stepping import AFTER
from tests.support.samples import sample

LONGEST = 260
"""Seconds. An order that may never have arrived is given up two minutes after its last chance of being carried out."""


@dataclass(frozen=True)
class Story:
    """The market of a story, the state it begins in, and what happens then."""

    base: str
    begin: Callable[[Market], None]
    act: Callable[[Market], None]


STORIES = {
    "market order": Story("BTC", Market.usually, Market.buy),
    "resting order": Story("ETH", Market.usually, Market.rest),
    "fill": Story("ETH", Market.resting, Market.fill),
    "amend": Story("ETH", Market.resting, Market.shrink),
    "cancel": Story("ETH", Market.resting, Market.cancel),
    "protected buy": Story("BNB", Market.flat, Market.protect),
    "exit": Story("BNB", Market.protected, Market.sell),
    "moved stop": Story("SOL", Market.protected, Market.shift),
    "sale": Story("SOL", Market.protected, Market.sell_some),
    "stop": Story("BNB", Market.protected, Market.fall),
    "target": Story("BNB", Market.protected, Market.rise),
}
STEPS = """
market order   receiver   Webhook.Received            before
market order   receiver   Webhook.Received            after
market order   engine     Order.Placed                before
market order   engine     Order.Placed                after
market order   gateway    Order.Submitted             before
market order   gateway    place                       after
market order   gateway    Order.Accepted              before
market order   gateway    Order.Accepted              after
market order   engine     Webhook.Executed            before
market order   engine     Position.Grew               before
market order   engine     Position.Grew               after
market order   projector  Order.Filled                before
market order   projector  Order.Filled                after
resting order  gateway    place                       after
resting order  gateway    Order.Accepted              after
fill           gateway    Order.Filled                before
fill           gateway    Order.Filled                after
amend          gateway    amend                       before
amend          gateway    amend                       after
amend          gateway    Order.Amended               before
amend          gateway    Order.Amended               after
cancel         web        Order.CancelRequested       before
cancel         web        Order.CancelRequested       after
cancel         gateway    cancel                      before
cancel         gateway    cancel                      after
cancel         gateway    Order.Cancelled             before
cancel         gateway    Order.Cancelled             after
protected buy  engine     Position.ProtectionWanted   before
protected buy  engine     Position.ProtectionWanted   after
protected buy  gateway    Order.Submitted           2 before
protected buy  gateway    place_list                  after
protected buy  gateway    Order.Accepted            2 after
protected buy  gateway    Order.Accepted            3 after
protected buy  gateway    Position.ProtectionResting  before
protected buy  gateway    Position.ProtectionResting  after
exit           gateway    replace                     after
exit           gateway    Order.Filled                before
exit           gateway    Order.Cancelled             after
exit           engine     Position.Reduced            before
exit           engine     Position.Closed             after
moved stop     engine     Position.ProtectionWanted   before
moved stop     engine     Position.ProtectionWanted   after
moved stop     gateway    Order.Rejected              before
moved stop     gateway    Order.Rejected              after
moved stop     gateway    cancel_list                 after
moved stop     gateway    Order.Cancelled             after
moved stop     gateway    Order.Cancelled           2 after
moved stop     gateway    place_list                  after
sale           gateway    replace                     after
sale           gateway    Order.Filled                after
sale           engine     Position.Reduced            before
sale           gateway    Order.Submitted           2 before
sale           gateway    place_list                  after
stop           gateway    Order.Filled                before
stop           gateway    Order.Filled                after
stop           engine     Position.Closed             before
target         gateway    Order.Expired               after
"""


@dataclass(frozen=True)
class Step:
    """One death: the story, the terminal, and the step at which it dies."""

    story: str
    terminal: str
    what: str
    when: str
    nth: int = 1

    @classmethod
    def read(cls, line: str) -> Step:
        """Return the step of a line of the table."""
        story, rest = line[:15].strip(), line[15:].split()
        nth = [word for word in rest if word.isdigit()]
        terminal, what, when = (word for word in rest if not word.isdigit())
        return cls(story, terminal, what, when, int(nth[0]) if nth else 1)

    def __str__(self) -> str:
        """Return the step as the table names it."""
        return f"{self.story}: {self.terminal} {self.what}" + (f" {self.nth}" if self.nth > 1 else "")

    def kinds(self) -> set[Any]:
        """Return what the sample has to cover: every story, every step of a terminal, both before and after."""
        return {self.story, (self.terminal, self.what), (self.terminal, self.when)}


class Room:
    """A platform, its markets, and the time of the last fault at each of them."""

    def __init__(self, house: Stepped, markets: dict[str, Market]) -> None:
        self.house, self.markets = house, markets
        self.died: dict[str, float] = {}

    def kill(self, base: str, act: Callable[..., None], *step: Any, **how: Any) -> float:
        """Run an action at a market, let the terminal die at this step, and return when it did (Unix time)."""
        self.house.kill_at(*step)
        act(self.markets[base], **how)
        self.died[base] = self.house.eventually(self.house.killed_at)
        return self.died[base]

    def lose(self, base: str, act: Callable[..., None], kind: str, **how: Any) -> None:
        """Run an action at a market while the exchange does not carry out what is sent."""
        fault = {"when": "place_order", "kind": kind}
        assert self.house.paper.post("/paper/faults", json=fault).status_code == 200
        self.died[base] = time.time()
        act(self.markets[base], **how)
        self.house.eventually(lambda: "unknown" in {order["state"] for order in self.markets[base].orders()})


WEIGHED = "coins_protected"
LOST, NO_ANSWER = "lose_request", "status_500"
UNSENT = {
    "XRP": ("moved stop", Market.shift, 1, {}),
    "BTC": ("market order", Market.buy, LOST, {"end": f"failed {NEVER}"}),
    "USDC": ("resting order", Market.rest, NO_ANSWER, {"arrives": False, "end": f"failed {NEVER}"}),
    "ETH": ("market order", Market.buy, 1, {"end": f"failed {NEVER}"}),
    "BNB": ("protected buy", Market.protect, 2, {}),
    "SOL": ("sale", Market.sell_some, 1, {"end": f"failed {NEVER}"}),
}
"""Requests that were not sent or not carried out, because of a fault or of a death at the first or second intent.

Nothing shows that a request was not sent, so time has to prove it. The move comes first and is waited for: it was
only to be weighed, so it is sent again within seconds, and a death meant for another market would strike it.
"""


@pytest.fixture(scope="module", autouse=True)
def unsent(new_platform: Callable[..., Any]) -> Iterator[Room]:
    """Yield the platform of the deaths after which nothing was sent.

    They come first and are judged last, so that the time of their proof passes once, beside everything else. A doubt
    keeps more than its own market waiting, so they have a platform of their own.
    """
    house = new_platform(kind=Patient)
    room = Room(house, {base: Market(house, base, price) for base, price in PRICES.items()})
    for base in ("SOL", "XRP"):
        room.markets[base].protected()
    for base, (_, act, how_lost, how) in UNSENT.items():
        if isinstance(how_lost, int):
            room.kill(base, act, "gateway", "Order.Submitted", AFTER, how_lost, **how)
        else:
            room.lose(base, act, how_lost, **how)
        if base == "XRP":
            room.markets[base].settle()
    yield room
    house.stop()


@pytest.fixture(scope="module")
def room(house: Stepped, markets: dict[str, Market]) -> Room:
    """Return the platform of all other deaths."""
    return Room(house, markets)


@pytest.mark.parametrize(
    "step",
    sample(([Step.read(line)] for line in STEPS.strip().splitlines()), Step.kinds),
    ids=lambda step: f"{step} {step.when}",
)
def test_a_death_at_this_step_loses_and_doubles_nothing(room: Room, step: Step, settled: Callable[..., None]) -> None:
    """Each order is on the exchange once, each trade is counted once, the webhook has ended, and the stop rests."""
    story, markets = STORIES[step.story], [*room.markets.values()]
    story.begin(room.markets[story.base])
    room.markets[story.base].settle()
    died = room.kill(story.base, story.act, step.terminal, step.what, step.when, step.nth)
    settled(room.house, markets, f"{step}", f"killed {step.when}", died)


def test_nothing_of_it_comes_later(room: Room, tell: Callable[..., None]) -> None:
    """At the end the log is whole, the books equal a rebuild, and the exchange still shows the same."""
    audit, books = (room.house.command(*words) for words in (("audit", "verify"), ("projections", "verify")))
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert books.returncode == 0, books.stdout + books.stderr
    tell("all of them", "looked at again", compare(room.house, [*room.markets.values()]), 0)


@pytest.mark.parametrize("base", UNSENT)
def test_what_was_never_sent_is_proven_and_done_without(unsent: Room, base: str, tell: Callable[..., None]) -> None:
    """An entry or a sale fails with that reason; a protection rests in the end. Until then the order is in doubt."""
    market, (story, _, lost, _) = unsent.markets[base], UNSENT[base]
    market.settle(LONGEST)
    assert market.reasons_of_rejections() - {WEIGHED} == {NEVER}
    step = Step(story, "gateway", "Order.Submitted", AFTER, lost if isinstance(lost, int) else 1)
    fault = f"killed {AFTER}, so not sent" if isinstance(lost, int) else f"sent, {lost}"
    tell(f"{step}", fault, compare(unsent.house, [market]), market.changed_at() - unsent.died[base])
