"""The market: trades and candles of the exchanges become bars, and the market's clock becomes signals."""
