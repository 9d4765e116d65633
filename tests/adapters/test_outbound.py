"""Alert channels reach public addresses only: by name, by number, and by a redirection."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from adapters.vault import outbound
from adapters.vault.channels import ChannelTable, send
from adapters.vault.outbound import PrivateAddress, leads_inside, public_only
from domain.refusals import Invalid

INSIDE = ["127.0.0.1", "localhost", "0.0.0.0", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1"]
ODD = ["2130706433", "0x7f000001", "[::1]", "[fd00::1]", "[fe80::1]"]


class Service:
    """A service on one address of this machine that notes what it hears and answers with a status."""

    def __init__(self, address, status=200, location=None):
        self.heard = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.heard.append(json.loads(body))
                self.send_response(status)
                if location is not None:
                    self.send_header("Location", location)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self.host = f"{address}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve():
    opened = []

    def start(*given):
        opened.append(Service(*given))
        return opened[-1]

    yield start
    for service in opened:
        service.close()


@pytest.fixture
def channels(database):
    return ChannelTable(database.store("aristobot_web").pool, database.master)


@pytest.mark.parametrize("host", [*INSIDE, *ODD])
def test_a_channel_to_a_private_address_is_refused(channels, host):
    """However the address is written. Nothing is kept."""
    with pytest.raises(Invalid) as refused:
        channels.keep(uuid4(), 1, "inside", f"json://{host}:8000/hook")
    assert (refused.value.code, refused.value.field) == ("channel_private", "address")
    assert channels.of(1) == []


@pytest.mark.parametrize(
    "address",
    [
        "mailto://somebody:secret@localhost",
        "mailto://somebody:secret@example.org?smtp=127.0.0.1",
        "ntfy://10.0.0.1/topic",
        "gotify://192.168.0.2/a-token-of-some-len",
        "matrix://somebody:secret@127.0.0.1/#room",
    ],
)
def test_other_services_with_a_host_of_their_own_are_looked_at_too(channels, address):
    with pytest.raises(Invalid):
        channels.keep(uuid4(), 1, "inside", address)


def test_services_that_name_no_host_are_not_taken_for_addresses(channels):
    """The first part of a Discord address is a number, and no host."""
    address = f"discord://2130706433/{'a' * 64}"
    assert channels.keep(uuid4(), 1, "discord", address) == "Discord"


def test_what_was_kept_before_is_not_sent_either(serve):
    """The name may lead elsewhere now. The reason does not quote the address."""
    service = serve("127.0.0.1")
    assert send(f"json://{service.host}", "title", "body") == "address_private"
    assert send(f"json://localhost:{service.host.partition(':')[2]}", "title", "body") == "address_private"
    assert service.heard == []
    assert send(f"json://{service.host}", "title", "body", private=True) is None
    assert len(service.heard) == 1


def test_a_redirection_leads_nowhere_inside(serve, monkeypatch):
    """A public service answers that the alert is to be sent to this machine."""
    inside = serve("127.0.0.1")
    public = serve("127.0.0.2", 307, f"http://{inside.host}/")
    monkeypatch.setattr(outbound, "is_public", lambda address: address == "127.0.0.2")
    assert send(f"json://{public.host}", "title", "body") == "address_private"
    assert (len(public.heard), inside.heard) == (1, [])


def test_the_guard_is_over_one_thread_and_ends(serve):
    """The database and the bus are inside, and other threads talk to them meanwhile."""
    service = serve("127.0.0.1")
    place = ("127.0.0.1", int(service.host.partition(":")[2]))
    with public_only() as guard:
        with pytest.raises(PrivateAddress):
            socket.create_connection(place, 5)
        with pytest.raises(PrivateAddress), socket.socket(socket.AF_UNIX) as unix:
            unix.connect("/tmp/somewhere")
        with pytest.raises(PrivateAddress), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.sendto(b"x", ("127.0.0.1", 514))
        other = threading.Thread(target=lambda: socket.create_connection(place, 5).close())
        other.start()
        other.join()
    assert guard.refused
    socket.create_connection(place, 5).close()


def test_a_name_that_leads_nowhere_is_not_inside():
    assert not leads_inside("no-such-name.invalid")
    assert not leads_inside("x" * 300)
    assert leads_inside("localhost")
