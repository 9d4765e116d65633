"""The native client of Bitget spot for classic accounts: REST under /api/v2, and private and public sockets.

Source: bitget.com/api-doc (December 2025). Plan orders, by which stops and targets rest there, are not spoken yet. No
broker is offered before they are.
"""
