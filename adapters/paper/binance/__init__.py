"""Binance on the paper exchange: its REST and WebSocket APIs, market and private streams, limits and errors.

A request goes the same way whichever door it came through: `rest` or `wsapi`, then `dispatcher`, then `api`, then the
ledger that all exchanges share. `forms` has the native shapes, `streams` the public market data.
"""
