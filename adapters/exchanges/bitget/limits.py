"""Bitget's limits: so many requests of one kind in a second, of an account or an address."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable

SECOND = 1.0
PER_SECOND = {
    "/api/v2/spot/public/symbols": 20, "/api/v2/spot/market/tickers": 20, "/api/v2/spot/market/candles": 20,
    "/api/v2/spot/market/history-candles": 20, "/api/v2/spot/account/info": 1, "/api/v2/spot/account/assets": 10,
    "/api/v2/spot/trade/place-order": 10, "/api/v2/spot/trade/cancel-order": 10, "/api/v2/spot/trade/orderInfo": 20,
    "/api/v2/spot/trade/unfilled-orders": 20, "/api/v2/spot/trade/history-orders": 20, "/api/v2/spot/trade/fills": 10,
    "/api/v2/spot/trade/place-plan-order": 20, "/api/v2/spot/trade/modify-plan-order": 20,
    "/api/v2/spot/trade/cancel-plan-order": 20, "/api/v2/spot/trade/current-plan-order": 20,
    "/api/v2/spot/trade/history-plan-order": 20, "/api/v2/spot/trade/plan-sub-order": 20,
}  # fmt: skip
"""The most requests in a second by path, each told on its page of bitget.com/api-doc/spot."""
OTHERWISE = 10
PER_MINUTE = 6000
"""The most requests of an address in a minute, whatever they are (bitget.com/api-doc/common/intro)."""
MARGIN = 0.1
"""Seconds by which a window is taken to be longer: requests reach Bitget closer together than they were sent."""


class Seconds:
    """The requests of the last second, by path and by whose limit they count to."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def wait(self, path: str, subject: str) -> float:
        """Return the seconds until one more request may be sent, 0 for now."""
        sent, now = self._sent[path, subject], self._clock()
        while sent and now - sent[0] >= SECOND + MARGIN:
            sent.popleft()
        return sent[0] + SECOND + MARGIN - now if len(sent) >= most(path) else 0.0

    def left(self, path: str, subject: str) -> int:
        """Return the number of requests that may be sent now."""
        self.wait(path, subject)
        return most(path) - len(self._sent[path, subject])

    def spend(self, path: str, subject: str) -> None:
        """Count a request that is about to be sent."""
        self._sent[path, subject].append(self._clock())


def most(path: str) -> int:
    """Return the most requests of a path in a second."""
    return PER_SECOND.get(path, OTHERWISE)
