"""The HTTP core against a real server on loopback: what is sent how often, and what each silence proves."""

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
"""Instead of an answer: nothing is said any more."""


@dataclass(frozen=True)
class Cut:
    """Instead of an answer: once the whole request is in the connection is cut, after its first bytes if there are."""

    after: bytes = b""


def answer(status: int = 200, body: bytes = b"{}", *headers: str) -> bytes:
    """A whole HTTP answer on a connection that stays open."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Host:
    """A server that notes every request with the number of its connection and answers by its script, then with 200."""

    def __init__(self) -> None:
        self.script: list[object] = []
        self.asked: list[tuple[int, str, str]] = []
        self._connections = itertools.count(1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection until somebody ends it."""
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
        """How many requests of this method came in."""
        return sum(asked == method for _, asked, _ in self.asked)

    def paths(self) -> list[str]:
        """What was asked for, in its order."""
        return [path for _, _, path in self.asked]


@asynccontextmanager
async def served(patience: float = 20, pace: Pace | None = None):
    """A host and our client of it."""
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
    """Something that must not happen twice."""
    return client.change(method, path, weight=1, headers={}, body="quantity=1" if method == "POST" else "")


def read(client: Http):
    """A question whose path is another one each time it is made, as a signed timestamp would have it."""
    stamps = itertools.count(1)
    return client.read(lambda: f"/order?timestamp={next(stamps)}", weight=1, headers={})


def stamped(*stamps: int) -> list[str]:
    """The paths of `read`."""
    return [f"/order?timestamp={stamp}" for stamp in stamps]


@pytest.fixture
def no_pauses(monkeypatch):
    """Reads are repeated at once."""
    monkeypatch.setattr(http, "_READ_PAUSES", (0, 0, 0))


@pytest.mark.parametrize("method", CHANGES)
async def test_a_change_on_a_kept_connection_that_is_cut_is_sent_once(method):
    """The session would send a DELETE again by itself; the first one may have been carried out."""
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
    """Whatever came instead of an answer proves nothing, on a fresh connection too, and nothing is sent again."""
    async with served(patience=1 if told is SILENCE else 20) as (host, client):
        host.script = [told]
        with pytest.raises(NoAnswer):
            await change(client, method)
        assert host.times(method) == 1


@pytest.mark.parametrize("status", [307, 308, 408, 429, 500, 503])
async def test_a_change_is_not_repeated_whatever_the_status(status):
    """Neither a redirection is followed nor an error tried again: what it means is for the caller to say."""
    async with served() as (host, client):
        host.script = [answer(status, b"said", "Location: /elsewhere")]
        told = await change(client)
        assert (told.status, told.body) == (status, b"said")
        assert host.asked == [(1, "POST", "/order")]


async def test_nobody_listening_proves_that_nothing_was_sent(no_pauses):
    """A refused connection is no doubt, for a change as for a read."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        client = Http(f"http://127.0.0.1:{taken.getsockname()[1]}", Pace(PLENTY))
        for asked in (change(client), change(client, "DELETE"), read(client)):
            with pytest.raises(NotAccepted) as told:
                await asked
            assert told.value.code == "exchange_unreachable"
        await client.close()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_read_is_repeated_after_a_server_error_and_stamped_anew(no_pauses, status):
    """Each attempt is a request of its own."""
    async with served() as (host, client):
        host.script = [answer(status), answer(status), answer(200, b"at last")]
        assert (await read(client)).body == b"at last"
        assert host.paths() == stamped(1, 2, 3)


@pytest.mark.parametrize("status", [400, 401, 403, 418, 429])
async def test_a_read_takes_a_no_at_its_word(no_pauses, status):
    """What is refused is not asked again: after a 429 that would be answered with a ban."""
    async with served() as (host, client):
        host.script = [answer(status)]
        assert (await read(client)).status == status
        assert host.paths() == stamped(1)


async def test_a_read_gives_up_with_the_last_thing_that_it_heard(no_pauses):
    """Four server errors are the answer; the fourth broken answer is none."""
    async with served() as (host, client):
        host.script = [answer(500), answer(500), answer(500), answer(503)]
        assert (await read(client)).status == 503
        assert host.paths() == stamped(1, 2, 3, 4)
        host.script = [b"no web server\r\n\r\n"] * 9
        with pytest.raises(NoAnswer):
            await read(client)
        assert host.paths()[4:] == stamped(1, 2, 3, 4)


async def test_a_read_is_repeated_when_its_connection_is_cut(no_pauses):
    """With another timestamp in the end."""
    async with served() as (host, client):
        await read(client)
        host.script = [Cut(), Cut(), answer(200, b"at last")]
        assert (await read(client)).body == b"at last"
        assert host.paths()[-1] in stamped(2, 3)


async def test_a_used_up_budget_keeps_changes_at_home():
    """That is proof: nothing was sent."""
    async with served(pace=Pace(2, share=1, clock=lambda: 30.0)) as (host, client):
        await change(client)
        await change(client)
        with pytest.raises(NotAccepted) as told:
            await change(client)
        assert told.value.code == "rate_limited"
        assert host.times("POST") == 2


async def test_a_read_waits_for_the_budget():
    """It is sent once the minute is over, not refused."""
    times = iter([30.0, 59.999, *[60.0] * 9])
    async with served(pace=Pace(1, share=1, clock=lambda: next(times))) as (host, client):
        assert client.pace.spend(1) == 0
        assert (await read(client)).status == 200
        assert len(host.asked) == 1


async def test_an_open_fuse_keeps_everything_at_home(no_pauses):
    """Eight broken connections open it; the first answer after a while closes it."""
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
