"""The native client of Binance spot: REST under /api/v3, the WebSocket API, and market streams.

Orders and the private stream use the WebSocket API. Source: Binance's own spot API documentation (July 2026).
"""
