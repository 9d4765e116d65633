"""The HTTP core against a real server on loopback: how often each request is sent, and what each silence proves."""

from __future__ import annotations

import asyncio
import itertools
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from adapters.exchanges import http
from adapters.exchanges.http import Fuse, Http, Pace
from application.ports.errors import NoAnswer, NotAccepted

CHANGES = ["POST", "PUT", "DELETE"]
PLENTY = 6000
SILENCE = object()
"""In place of an answer: send nothing and leave the connection open."""


@dataclass(frozen=True)
class Cut:
    """In place of an answer: read the whole request, send the bytes of `after`, if any, and cut the connection."""

    after: bytes = b""


def answer(status: int = 200, body: bytes = b"{}", *headers: str) -> bytes:
    """Return a whole HTTP answer that keeps its connection open."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Host:
    """A server that records every request with its connection's number.

    It answers by its script, then with status 200.
    """

    def __init__(self) -> None:
        self.script: list[object] = []
        self.asked: list[tuple[int, str, str]] = []
        self._connections = itertools.count(1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        number = next(self._connections)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.decode().split(" ", 2)
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
                self.asked.append((number, method, path))
                told = self.script.pop(0) if self.script else answer()
                if isinstance(told, Cut):
                    writer.write(told.after)
                    return
                if told is not SILENCE:
                    writer.write(told)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def times(self, method: str) -> int:
        """Return the number of requests received with this method."""
        return sum(asked == method for _, asked, _ in self.asked)

    def paths(self) -> list[str]:
        """Return the requested paths in order."""
        return [path for _, _, path in self.asked]


@asynccontextmanager
async def served(patience: float = 20, pace: Pace | None = None):
    """Yield a host and our client for it."""
    host = Host()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    client = Http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pace or Pace(PLENTY), patience)
    try:
        yield host, client
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


def change(client: Http, method: str = "POST", path: str = "/order"):
    """Send a request that must not be carried out twice."""
    return client.change(method, path, weight=1, headers={}, body="quantity=1" if method == "POST" else "")


def read(client: Http):
    """Read from a path that differs at each attempt, as with a signed timestamp."""
    stamps = itertools.count(1)
    return client.read(lambda: (f"/order?timestamp={next(stamps)}", {}), weight=1)


def stamped(*stamps: int) -> list[str]:
    """Return the paths that `read` requests."""
    return [f"/order?timestamp={stamp}" for stamp in stamps]


@pytest.fixture
def no_pauses(monkeypatch):
    """Remove the pauses between the attempts of a read."""
    monkeypatch.setattr(http, "_READ_PAUSES", (0, 0, 0))


@pytest.mark.parametrize("method", CHANGES)
async def test_a_change_on_a_kept_connection_that_is_cut_is_sent_once(method):
    """On its own, the session would repeat a DELETE, although the first one may have been carried out."""
    async with served() as (host, client):
        await change(client, "POST", "/first")
        host.script = [Cut()]
        with pytest.raises(NoAnswer):
            await change(client, method, "/second")
        assert host.asked == [(1, "POST", "/first"), (1, method, "/second")]
        assert (await change(client, method, "/third")).status == 200
        assert host.asked[2:] == [(2, method, "/third")]


@pytest.mark.parametrize(
    "told",
    [
        SILENCE,
        Cut(),
        Cut(b"HTTP/1.1 200 O"),
        Cut(answer(body=b'{"orderId": 1}')[:-5]),
        answer(200, b"no gzip at all", "Content-Encoding: gzip"),
        b"220 this is no web server\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    ],
    ids=["silence", "cut", "half a head", "half a body", "false gzip", "another protocol", "broken chunks"],
)
@pytest.mark.parametrize("method", CHANGES)
async def test_a_change_without_a_whole_answer_is_a_doubt(method, told):
    """Whatever came instead of an answer proves nothing, on a fresh connection too. Nothing is sent again."""
    async with served(patience=1 if told is SILENCE else 20) as (host, client):
        host.script = [told]
        with pytest.raises(NoAnswer):
            await change(client, method)
        assert host.times(method) == 1


@pytest.mark.parametrize("status", [307, 308, 408, 429, 500, 503])
async def test_a_change_is_not_repeated_whatever_the_status(status):
    """No redirect is followed and no error is retried: the caller decides what the answer means."""
    async with served() as (host, client):
        host.script = [answer(status, b"said", "Location: /elsewhere")]
        told = await change(client)
        assert (told.status, told.body) == (status, b"said")
        assert host.asked == [(1, "POST", "/order")]


async def test_nobody_listening_proves_that_nothing_was_sent(no_pauses):
    """A refused connection leaves no doubt, for a change or for a read."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        client = Http(f"http://127.0.0.1:{taken.getsockname()[1]}", Pace(PLENTY))
        for asked in (change(client), change(client, "DELETE"), read(client)):
            with pytest.raises(NotAccepted) as told:
                await asked
            assert told.value.code == "exchange_unreachable"
        await client.close()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_read_is_repeated_after_a_server_error_and_stamped_anew(no_pauses, status):
    """Each attempt is a new request with its own timestamp."""
    async with served() as (host, client):
        host.script = [answer(status), answer(status), answer(200, b"at last")]
        assert (await read(client)).body == b"at last"
        assert host.paths() == stamped(1, 2, 3)


@pytest.mark.parametrize("status", [400, 401, 403, 418, 429])
async def test_a_read_takes_a_no_at_its_word(no_pauses, status):
    """A refused read is not repeated: after a 429, the exchange would answer a repeat with a ban."""
    async with served() as (host, client):
        host.script = [answer(status)]
        assert (await read(client)).status == status
        assert host.paths() == stamped(1)


async def test_a_read_gives_up_with_the_last_thing_that_it_heard(no_pauses):
    """After four server errors the last one is the answer. After four broken answers `NoAnswer` is raised."""
    async with served() as (host, client):
        host.script = [answer(500), answer(500), answer(500), answer(503)]
        assert (await read(client)).status == 503
        assert host.paths() == stamped(1, 2, 3, 4)
        host.script = [b"no web server\r\n\r\n"] * 9
        with pytest.raises(NoAnswer):
            await read(client)
        assert host.paths()[4:] == stamped(1, 2, 3, 4)


async def test_a_read_is_repeated_when_its_connection_is_cut(no_pauses):
    """The attempt that succeeds carries a new timestamp."""
    async with served() as (host, client):
        await read(client)
        host.script = [Cut(), Cut(), answer(200, b"at last")]
        assert (await read(client)).body == b"at last"
        assert host.paths()[-1] in stamped(2, 3)


async def test_a_used_up_budget_keeps_changes_at_home():
    """`NotAccepted` is proof that nothing was sent."""
    async with served(pace=Pace(2, share=1, clock=lambda: 30.0)) as (host, client):
        await change(client)
        await change(client)
        with pytest.raises(NotAccepted) as told:
            await change(client)
        assert told.value.code == "rate_limited"
        assert host.times("POST") == 2


async def test_a_read_waits_for_the_budget():
    """The read is sent once the minute is over; it is not refused."""
    times = iter([30.0, 59.999, *[60.0] * 9])
    async with served(pace=Pace(1, share=1, clock=lambda: next(times))) as (host, client):
        assert client.pace.spend(1) == 0
        assert (await read(client)).status == 200
        assert len(host.asked) == 1


async def test_an_open_fuse_keeps_everything_at_home(no_pauses):
    """Eight broken connections open the fuse. The first answer after a pause closes it."""
    now = 100.0
    async with served() as (host, client):
        client.fuse = Fuse(clock=lambda: now)
        host.script = [Cut()] * 8
        for _ in range(8):
            with pytest.raises(NoAnswer):
                await change(client)
        for asked in (change(client), read(client)):
            with pytest.raises(NotAccepted) as told:
                await asked
            assert told.value.code == "exchange_unreachable"
        assert len(host.asked) == 8
        now = 106.0
        assert (await change(client)).status == 200
        assert (await read(client)).status == 200


async def test_an_answer_of_any_kind_is_a_sign_of_life():
    """Errors with a status never open the fuse, and the time of the last answer is kept."""
    async with served() as (host, client):
        assert client.last_answer is None
        host.script = [answer(500)] * 20
        for _ in range(20):
            assert (await change(client)).status == 500
        assert client.last_answer is not None
