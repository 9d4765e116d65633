"""The faces of the paper exchange: the exchanges whose APIs it speaks, in the order of their ports."""

EXCHANGES = ("binance", "bitget")
PORTS = len(EXCHANGES) + 1
"""The number of ports that it takes: the control API's, and one for each exchange above it."""
