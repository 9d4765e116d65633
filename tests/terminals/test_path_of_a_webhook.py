"""The number of files on a webhook's path from its POST to the order's intent, all of which a reader has to open.

Several alerts are followed: only what each of them enters is on the path. The gateway does other work meanwhile.

`pytest -s` prints them in the order in which they are first entered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aristobot.terminals.engine.terminal import Engine
from aristobot.terminals.receiver.reception import Reception
from tests.terminals.at_work import platform_for
from web.door import Door

REPOSITORY = Path(__file__).parents[2]
ROOMS = ("adapters", "application", "aristobot", "domain", "projections", "web")
PAPER = "adapters/paper"
"""The exchange runs in this process too, but is not on the path."""
MOST_FILES, ALERTS = 68, 3
"""One or two files vary with what the store has read before: a position that has grown meanwhile is read on."""


@pytest.fixture
def platform(database, valkey, tmp_path, monkeypatch):
    return platform_for(database, valkey, tmp_path, monkeypatch)


class Files:
    """The project's files in which a function was called while this object watches, until an order is sent."""

    def __init__(self) -> None:
        self.entered: dict[str, None] = {}
        self.watching = False

    def __call__(self, frame, event, _) -> None:
        file = frame.f_code.co_filename
        if self.watching and event == "call" and file.startswith(str(REPOSITORY)):
            name = str(Path(file).relative_to(REPOSITORY))
            self.watching = not (name.startswith("adapters/exchanges") and frame.f_code.co_name == "place")
            self.entered.setdefault(name)


@contextmanager
def watched(files: Files) -> Iterator[None]:
    """Watch this thread and all threads that begin meanwhile."""
    threading.setprofile(files)
    sys.setprofile(files)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


async def post(door: Door, token: str, said: dict) -> int:
    """Deliver an alert at the door and return the status of the answer."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": json.dumps(said).encode()}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "path": "/webhook/receive", "method": "POST", "query_string": f"token={token}".encode(),
        "client": ("192.0.2.1", 1),
    }  # fmt: skip
    await door(scope, receive, send)
    return sent[0]["status"]


async def test_few_files_stand_between_a_post_and_the_intent_of_its_order(platform, monkeypatch):
    # Given a platform at work with a broker whose pairs are loaded, all in this process.
    files = Files()
    with watched(files):
        async with platform() as opened:
            user = await opened.user()
            _, keys = opened.account()
            broker = await opened.connect(user, keys)
            await opened.until(lambda: opened.loaded(broker))
            await opened.until(lambda: broker in opened.gateway.lanes and opened.gateway.lanes[broker].reconciled_at)
            await opened.until(lambda: opened.gateway.lanes[broker].idle)
            token = await asyncio.to_thread(opened.web.tokens.rotate, user)
            reception = Reception(opened.house, opened.log)
            door, engine = Door(reception), Engine(opened.house, opened.log)
            while await asyncio.to_thread(engine.step):
                pass
            # When alerts are delivered and judged one after the other.
            paths = list[dict[str, None]]()
            for number in range(ALERTS):
                files.entered, files.watching = {}, True
                said = {"Action": "BuyMarket", "Symbol": "BTCUSDT", "PourCent": 10, "Number": number, "Interval": "5"}
                assert await post(door, token, said | {"UserID": user, "UserExchangeID": broker}) == 200
                while not await asyncio.to_thread(engine.step):
                    pass
                wanted = number + 1
                await opened.until(
                    lambda n=wanted: len(opened.store.read(0, topics=["Order.Submitted"])) == n and not files.watching
                )
                paths.append(files.entered)
                # The next one begins once this one's buy is counted and protected, as after a quiet minute.
                while len(opened.store.read(0, topics=["Position.Grew"])) < wanted:
                    await asyncio.to_thread(engine.step)
                await opened.until(lambda: opened.gateway.lanes[broker].idle)
    # Then few files were needed until each order was about to be sent.
    on_path = [file for file in paths[0] if all(file in path for path in paths)]
    passed = [file for file in on_path if file.startswith(ROOMS) and not file.startswith(PAPER)]
    sys.stdout.write("\n".join(("", *passed, f"{len(passed)} files\n")))
    assert len(passed) <= MOST_FILES
