"""The bad days of a market's public streams: candles that are late or missing, trades that are lost, wrong times."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class MarketFaults:
    """The faults that hold until they are changed. Lost trades count down to zero."""

    candles: bool = True
    """False while no candle is told at all."""
    candle_delay: float = 0.0
    """Seconds by which a closing candle is late."""
    candles_twice: bool = False
    """True while each closing candle is told twice."""
    lost_trades: dict[str, int] = field(default_factory=dict)
    """The number of next trades by symbol that the streams do not tell."""
    wrong_time: dict[str, int] = field(default_factory=dict)
    """Milliseconds by symbol by which the times of trades are wrong."""

    def loses(self, symbol: str) -> bool:
        """Return whether the next trade of a market is lost, and count it."""
        left = self.lost_trades.get(symbol, 0)
        self.lost_trades[symbol] = max(left - 1, 0)
        return left > 0
