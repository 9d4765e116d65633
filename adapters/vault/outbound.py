"""Outbound connections of alert channels: to public addresses only, whatever a name resolves to or an answer redirects.

A channel's address comes from a user. Without this, whoever may add a channel could let the platform talk to services
that only the machine and its network can reach.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

CONNECTS = frozenset({"socket.connect", "socket.sendto"})
_here = threading.local()


class PrivateAddress(PermissionError):
    """A connection to an address that is not public was refused."""


@dataclass
class Guard:
    """The guard over one thread. `refused` is true once it has refused a connection."""

    refused: bool = False


def is_public(address: str) -> bool:
    """Return True for an IP address that anybody on the Internet may have."""
    from apprise.utils.http import is_public_ip_address  # noqa: PLC0415 - only who sends alerts needs it

    return bool(is_public_ip_address(address.partition("%")[0]))  # type: ignore[no-untyped-call]


def leads_inside(host: str) -> bool:
    """Return True when a name or address leads to an address that is not public; False for one that leads nowhere."""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return any(not is_public(str(address[4][0])) for address in found)


@contextmanager
def public_only() -> Iterator[Guard]:
    """Refuse every connection of this thread to an address that is not public, by `PrivateAddress`."""
    _install()
    guard = Guard()
    _here.guard = guard
    try:
        yield guard
    finally:
        _here.guard = None


@cache
def _install() -> None:
    """Look at each connection of any library, by the interpreter's own means, which can refuse it. Needed once."""
    sys.addaudithook(_look)


def _look(event: str, given: tuple[Any, ...]) -> None:
    guard = getattr(_here, "guard", None)
    if guard is None or event not in CONNECTS:
        return
    address = given[1]
    if not isinstance(address, tuple) or not is_public(str(address[0])):
        guard.refused = True
        raise PrivateAddress("alert channels reach public addresses only (ARISTOBOT_PRIVATE_CHANNELS)")
