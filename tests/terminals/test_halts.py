"""The halt of all automatic trading while the database hangs: the gateway takes it at once and records it later."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from uuid import uuid4

import httpx
import pytest
from starlette.testclient import TestClient

from application.trading import halts as trading_halts
from aristobot.terminals.web import context_of
from domain.people.user import User
from tests.terminals.at_work import platform_for
from web import urgent
from web.app import create_app

PASSWORD = "of nobody 42"


@pytest.fixture
def platform(database, valkey, tmp_path, monkeypatch):
    return platform_for(database, valkey, tmp_path, monkeypatch)


@pytest.fixture
def impatient(monkeypatch):
    """The halt asks the gateway sooner: a hang is not a matter of seconds here."""
    monkeypatch.setattr(urgent, "DATABASE_SECONDS", 0.2)


@asynccontextmanager
async def logged_in(opened, context=None):
    """Open a console of the platform's first user, and yield it with the header that changes need."""
    transport = httpx.ASGITransport(create_app(context or context_of(opened.web)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as console:
        session = (await console.post("/api/session", json={"username": "somebody", "password": PASSWORD})).json()
        console.headers["X-CSRF-Token"] = session["csrf"]
        assert (await console.get("/api/account/sessions")).status_code == 200
        yield console


@contextmanager
def hanging(database):
    """Let every question about sessions and every append wait, as a frozen PostgreSQL does."""
    with database.connect() as owner, owner.transaction():
        owner.execute("LOCK TABLE service.sessions, log.events IN ACCESS EXCLUSIVE MODE")
        yield


def is_stopped(opened, user):
    return opened.store.get(User, User.create_id(user)).trading_stopped


async def test_a_halt_is_recorded_at_once_while_the_database_answers(platform):
    async with platform() as opened:
        user = await opened.user()
        async with logged_in(opened) as console:
            assert (await console.post("/api/trading/stop")).json() == {"recorded": True}
        assert await asyncio.to_thread(is_stopped, opened, user)


async def test_a_halt_goes_through_while_the_database_hangs(platform, impatient):
    async with platform() as opened:
        # Given a broker at work and a console that was used a moment ago.
        user = await opened.user()
        _, keys = opened.account()
        broker = await opened.connect(user, keys)
        await opened.until(lambda: opened.loaded(broker))
        async with logged_in(opened) as console:
            # When the database hangs and its user halts everything.
            with hanging(opened.database):
                answer = await console.post("/api/trading/stop")
                # Then the gateway has taken it, though nothing can be recorded.
                assert (answer.status_code, answer.json()) == (200, {"recorded": False})
                assert opened.gateway.lanes[broker].is_halted
        # And it stands in the log once the database answers, which then decides alone.
        await opened.until(lambda: is_stopped(opened, user))
        await opened.until(lambda: not opened.gateway.lanes[broker].is_halted)


async def test_a_panic_halts_while_the_database_hangs_and_begins_once_it_is_back(platform, impatient):
    """Nothing can be sold without the database; what was pressed twice is one panic."""
    async with platform() as opened:
        user = await opened.user()
        _, keys = opened.account()
        broker = await opened.connect(user, keys)
        await opened.until(lambda: opened.loaded(broker))
        given = {"word": "PANIC", "request": str(uuid4())}
        async with logged_in(opened) as console:
            with hanging(opened.database):
                for _ in range(2):
                    answer = await console.post("/api/trading/panic", json=given)
                    assert (answer.status_code, answer.json()) == (200, {"recorded": False})
                assert opened.gateway.lanes[broker].is_halted
            await opened.until(lambda: is_stopped(opened, user))
            await opened.until(lambda: not opened.gateway.lanes[broker].is_halted)
            begun = await asyncio.to_thread(opened.store.read, 0, topics=["User.PanicBegun"])
            assert [str(one.event.panic) for one in begun] == [given["request"]]
            # Asked for once more after it was lifted, it does not begin anew.
            assert (await console.post("/api/trading/panic/lift")).status_code == 204
            assert (await console.post("/api/trading/panic", json=given)).json()["code"] == "panic_lifted"


async def test_only_a_session_seen_lately_may_halt_while_the_database_hangs(platform, impatient):
    async with platform() as opened:
        user = await opened.user()
        async with logged_in(opened) as console:
            with hanging(opened.database):
                wrong = await console.post("/api/trading/stop", headers={"X-CSRF-Token": "guessed"})
                strange = await console.post("/api/trading/stop", headers={"Cookie": "aristobot_session=guessed"})
                assert (wrong.status_code, strange.status_code) == (403, 401)
            await console.delete("/api/session")
            with hanging(opened.database):
                assert (await console.post("/api/trading/stop")).status_code == 401
        assert not await asyncio.to_thread(is_stopped, opened, user)


async def test_an_older_request_to_resume_does_not_undo_a_halt(platform, impatient, monkeypatch):
    """It waited for the database longer than it may: whoever asked was told that it is not confirmed."""
    monkeypatch.setattr(trading_halts, "RESUME_WITHIN", 0.1)
    async with platform() as opened:
        user = await opened.user()
        async with logged_in(opened) as console:
            await console.post("/api/trading/stop")
            with hanging(opened.database):
                # Given a request to resume that waits, and a halt after it.
                resuming = asyncio.create_task(console.post("/api/trading/resume"))
                await asyncio.sleep(0.2)
                assert (await console.post("/api/trading/stop")).json() == {"recorded": False}
            # When the database answers, then the older request comes too late.
            assert (await resuming).json()["code"] == "resume_too_late"
        assert await asyncio.to_thread(is_stopped, opened, user)


async def test_whoever_only_watches_may_halt_too(platform, impatient):
    """A console that sends no request, but follows the live socket, is remembered."""
    async with platform() as opened:
        await opened.user()
        context = context_of(opened.web)
        async with logged_in(opened, context) as console:
            token = console.cookies["aristobot_session"]
            session = context.people.remembered.session_of(token)
            context.people.remembered.forget_all(session.user)
            with TestClient(create_app(context), base_url="http://127.0.0.1") as browser:
                headers = {"Host": "127.0.0.1", "Cookie": f"aristobot_session={token}"}
                with browser.websocket_connect("/api/live", headers=headers) as socket:
                    socket.send_json({"follow": ["health"]})
                    await asyncio.to_thread(socket.receive_json)
            with hanging(opened.database):
                assert (await console.post("/api/trading/stop")).json() == {"recorded": False}


async def test_a_halt_that_nobody_takes_says_so(platform, impatient, monkeypatch):
    """Neither the database nor the gateway answers: nothing was halted, and the console is told."""
    monkeypatch.setattr(urgent, "GATEWAY_SECONDS", 0.2)
    async with platform() as opened:
        await opened.user()
        async with logged_in(opened) as console:
            await opened.close()
            with hanging(opened.database):
                answer = await console.post("/api/trading/stop")
        assert (answer.status_code, answer.json()["code"]) == (503, "gateway_away")
