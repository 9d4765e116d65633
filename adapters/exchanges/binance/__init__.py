"""Binance spot, spoken natively: REST under /api/v3, the WebSocket API for the private stream, market streams.

Source of the facts: Binance's own spot API documentation (July 2026).
"""
