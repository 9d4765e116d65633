"""An exchange that loses, hides, delays, repeats and garbles: the books end as if it had not."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.faults.books import Differences, ended
from tests.faults.market import Market, until_true
from tests.support.samples import sample

TIMED = frozenset({"delay", "hide_order", "skew_clock", "reorder_fills"})


def crossing(market: Market) -> None:
    """Buy at a limit above the market, and move the market after the first trade so that any rest is filled too."""
    before = market.trades()
    market.alert("BuyLimit", PourCent=1, Prix=market.at("1.01"))
    market.house.eventually(lambda: market.trades() > before)
    market.move(market.at("0.98"))


STORIES = {
    "market order": ("BTC", Market.usually, Market.buy),
    "crossing order": ("BTC", Market.usually, crossing),
    "resting order": ("ETH", Market.bare, Market.rest),
    "fill": ("ETH", Market.resting, Market.fill),
    "cancel": ("ETH", Market.resting, Market.cancel),
    "protected buy": ("BNB", Market.flat, Market.protect),
    "moved stop": ("BNB", Market.protected, Market.shift),
    "exit": ("BNB", Market.protected, Market.sell),
    "stop": ("BNB", Market.protected, Market.fall),
}
FAULTS = """
place_order   lose_answer     1.0  market order
place_order   garbage         1.0  market order
place_order   delay           2.0  market order
place_order   status_429      1.0  market order
place_order   hide_order      2.0  market order
place_order   skew_clock      2.0  market order
place_order   skew_clock     -2.0  market order
place_order   partial_fill    1.0  crossing order
place_order   lose_answer     1.0  resting order
place_order   garbage         1.0  resting order
place_order   hide_order      2.0  resting order
place_order   lose_answer     1.0  protected buy
place_order   lose_answer     1.0  moved stop
place_order   garbage         1.0  moved stop
place_order   delay           2.0  moved stop
place_order   lose_answer     1.0  exit
place_order   garbage         1.0  exit
place_order   delay           2.0  exit
place_order   status_429      1.0  exit
place_order   clock_refused   1.0  exit
place_order   insufficient    1.0  exit
place_order   status_429      1.0  moved stop
place_order   clock_refused   1.0  protected buy
cancel_order  lose_answer     1.0  cancel
cancel_order  lose_request    1.0  cancel
cancel_order  garbage         1.0  cancel
cancel_order  delay           2.0  cancel
cancel_order  status_500      1.0  cancel
cancel_order  status_429      1.0  cancel
cancel_order  lose_answer     1.0  moved stop
cancel_order  lose_request    1.0  moved stop
cancel_order  garbage         1.0  moved stop
cancel_order  delay           2.0  moved stop
cancel_order  status_500      1.0  moved stop
cancel_order  status_429      1.0  moved stop
query         lose_answer     1.0  resting order
query         lose_request    1.0  resting order
query         garbage         1.0  resting order
query         delay           2.0  resting order
query         status_500      1.0  resting order
query         status_429      1.0  resting order
look_up       lose_answer     1.0  resting order
look_up       lose_request    1.0  resting order
look_up       garbage         1.0  resting order
look_up       delay           2.0  resting order
look_up       status_500      1.0  resting order
look_up       status_429      1.0  resting order
look_up       hide_order      2.0  resting order
stream        drop_stream     1.0  fill
stream        duplicate_fill  1.0  fill
stream        reorder_fills   1.0  fill
stream        drop_stream     1.0  stop
stream        duplicate_fill  1.0  stop
stream        reorder_fills   1.0  stop
stream        skew_clock      2.0  protected buy
stream        skew_clock     -2.0  protected buy
"""
DOUBT = [("place_order", "lose_answer"), ("stream", "drop_stream"), ("query", "delay", 0.0)]
"""The order's answer and its report are lost, so that only a look-up can settle it. The balance is asked first."""
LOOKED_UP = 3
"""The look-ups that follow, one for every order that has not ended: this one, and those that protect a position."""
CASES = [line.split(maxsplit=3) for line in FAULTS.strip().splitlines()]


class Paper:
    """A platform at an exchange that goes wrong on request."""

    def __init__(self, house: Any, markets: dict[str, Market]) -> None:
        self.house, self.markets = house, markets
        self.found, self.seconds = Differences(), 0.0

    def fault(self, when: str, kind: str, seconds: float = 1.0, times: int = 1) -> None:
        body = {"when": when, "kind": kind, "seconds": seconds, "times": times}
        assert self.house.paper.post("/paper/faults", json=body).status_code == 200

    def clear(self) -> None:
        assert self.house.paper.delete("/paper/faults").status_code == 200

    def tell(self, story: str, *faults: Any) -> list[Any]:
        """Run a story under these faults, wait for its end, and return what has changed in the books."""
        base, begin, act = STORIES[story]
        market = self.markets[base]
        begin(market)
        market.settle()
        orders, names = self._orders(market), {*market.wanted}
        self.house.eventually(self._is_heard)
        for fault in faults:
            self.fault(*fault)
        began = time.time()
        act(market)
        self.found = until_true(self.house, [market], began + 60)
        self.seconds = time.time() - began
        for fault in faults[-1:]:
            assert self._struck(*fault), f"{fault} never happened"
        self.clear()
        alerts = [w for w in self.house.all_of("/api/webhooks/history") if w["indicator"] in {*market.wanted} - names]
        changed = [told for order, told in self._orders(market).items() if orders.get(order) != told]
        return [sorted((w["action"], ended(w)) for w in alerts), sorted({*changed})]

    def _is_heard(self) -> bool:
        """Return True when the gateway listens to every private stream, as the exchange sees it.

        Only then can one of them be disturbed, and the gateway's own figures are as old as its last sign of life.
        """
        terminals = self.house.ask("/api/health/terminals")["terminals"]
        [lanes] = [terminal["figures"]["lanes"] for terminal in terminals if terminal["name"] == "gateway"]
        return 0 < lanes == len(self.house.paper.get("/paper/streams").json())

    def _struck(self, when: str, kind: str, seconds: float = 1.0, times: int = 1) -> bool:
        """Return True when the fault has struck at least once. A wrong clock is wrong from the start."""
        pending = self.house.paper.get("/paper/faults").json()
        left = [one["times"] for one in pending if (one["when"], one["kind"]) == (when, kind)]
        return kind == "skew_clock" or all(count < times for count in left)

    def _orders(self, market: Market) -> dict[str, tuple[Any, ...]]:
        """Return what is compared of each order that was not rejected. Amounts are left out: they vary."""
        return {
            o["id"]: (o["requester"], o["side"], o["type"], o["state"], Decimal(o["filled"]) > 0)
            for o in self.house.all_of("/api/orders")
            if o["symbol"] == market.symbol and o["state"] != "rejected"
        }


@pytest.fixture(scope="module")
def paper(house: Any, markets: dict[str, Market]) -> Paper:
    """Return the platform that these tests disturb."""
    return Paper(house, markets)


@pytest.fixture(scope="module")
def undisturbed(paper: Paper) -> dict[str, list[Any]]:
    """Return what each story leaves in the books when nothing goes wrong."""
    return {story: paper.tell(story) for story in STORIES}


@pytest.mark.parametrize(
    ("when", "kind", "seconds", "story"), sample(CASES, lambda when, kind, _, story: {(when, kind), story})
)
def test_the_books_end_as_if_nothing_had_been_wrong(
    paper: Paper, undisturbed: dict[str, Any], when: str, kind: str, seconds: str, story: str, tell: Callable[..., None]
) -> None:
    """The alerts have the same ends and the orders the same states, and the exchange agrees with all of it."""
    faults = (
        [*DOUBT, ("query", kind, float(seconds), LOOKED_UP)] if when == "look_up" else [(when, kind, float(seconds))]
    )
    told = paper.tell(story, *faults)
    fault = f"{kind} {seconds} s" if kind in TIMED else kind
    tell(f"{story}: {when}", fault, paper.found, paper.seconds)
    assert told == undisturbed[story]
