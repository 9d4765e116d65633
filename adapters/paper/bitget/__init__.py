"""Bitget on the paper exchange: the spot API v2 of classic accounts, over REST and sockets.

A request goes from `rest` through `access`, the limits and the fault script to one of the operations in `market`,
`account`, `orders` and `plans`, and from there to the ledger that all exchanges share. `forms` holds the native shapes,
`sockets` the streams.
"""

NAME = "bitget"
