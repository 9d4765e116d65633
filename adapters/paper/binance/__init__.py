"""Binance on the paper exchange: its REST and WebSocket APIs, market and private streams, limits and errors.

A request takes the same path whichever API it arrives through: `rest` or `wsapi`, then `dispatcher`, then `api`, then
the ledger that all exchanges share. `forms` holds the native shapes, `streams` the public market data.
"""
