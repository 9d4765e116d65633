"""The ports of the platform, tried before anything is started."""

from __future__ import annotations

import socket

from adapters.paper.faces import PORTS
from aristobot.settings import SettingError, Settings

LOOPBACK = "127.0.0.1"


def check_ports(settings: Settings) -> None:
    """Raise `SettingError`, naming the port and its setting, when one is in use or may not be used.

    Without this, the platform would start beside another program, and its address would lead to that one.
    """
    ports = [
        ("ARISTOBOT_WEB_PORT", (settings.host, settings.web_port)),
        ("ARISTOBOT_WEBHOOK_PORT", (settings.host, settings.webhook_port)),
        *(("ARISTOBOT_PAPER_PORT", (LOOPBACK, settings.paper_port + place)) for place in range(PORTS)),
    ]
    taken = dict[tuple[str, int], str]()
    for name, address in ports:
        if address in taken:
            raise SettingError(f"port {address[1]} is used twice, by {taken[address]} and {name}: change one of them")
        taken[address] = name
        _check(name, *address)


def _check(name: str, host: str, port: int) -> None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise SettingError(f"ARISTOBOT_HOST {host} is no address of this machine ({error.strerror})") from None
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(address)
        except OverflowError:
            raise SettingError(f"port {port} is above 65535: set {name} to a lower one") from None
        except OSError as error:
            raise SettingError(
                f"port {port} on {host} cannot be used ({error.strerror}): set {name} to another"
            ) from None
