"""The wire to Bitget: signed requests at a pace that it allows, and the envelope of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from adapters.exchanges.bitget import messages, signing
from adapters.exchanges.bitget.errors import SUCCESS, error_of
from adapters.exchanges.bitget.limits import PER_MINUTE, Seconds
from adapters.exchanges.bitget.native import Envelope
from adapters.exchanges.decoding import understood
from adapters.exchanges.http import Answer, Connection, Http, Pace
from application.ports.errors import NotAccepted
from application.ports.statements import Credentials

T = TypeVar("T")
_OK = 200
_ANYBODY = ""


class Wire(Connection):
    """The requests of one venue. `valid_for` is the time within which Bitget acts on one (its own window is 30 s).

    With `demo`, every request says that it is one of demo trading: keys of the other kind are then refused.
    """

    def __init__(self, rest: str, *, demo: bool) -> None:
        super().__init__(Http(rest, Pace(PER_MINUTE)))
        self._named = {"paptrading": "1"} if demo else {}
        self._seconds = Seconds()
        self.valid_for = 5.0

    async def server_time(self) -> datetime:
        """Return the exchange's clock, and keep its offset from ours for every signature."""
        answer = await self._http.read(lambda: ("/api/v2/public/time", self._named), weight=1)
        there = understood(self._checked(answer), messages.server_time_of)
        self._keep_offset(there, answer)
        return there

    async def _turn(self, path: str, subject: str) -> None:
        """Wait until one more question of this kind may be asked in this second."""
        while wait := self._seconds.wait(path, subject):  # noqa: ASYNC110 - nothing tells that a second is over
            await asyncio.sleep(wait)
        self._seconds.spend(path, subject)

    async def _read(
        self,
        path: str,
        named: Mapping[str, object],
        meaning: Callable[[bytes], T],
        *,
        urgent: bool = False,
        background: bool = False,
    ) -> T:
        await self._turn(path, _ANYBODY)
        whole = _with_query(path, named)
        answer = await self._http.read(lambda: (whole, self._named), weight=1, urgent=urgent, background=background)
        return understood(self._checked(answer), meaning)

    async def _signed(
        self,
        path: str,
        named: Mapping[str, str],
        credentials: Credentials,
        meaning: Callable[[bytes], T],
        *,
        urgent: bool = False,
    ) -> T:
        whole = _with_query(path, named)

        def make() -> tuple[str, Mapping[str, str]]:
            return whole, {**signing.headers(credentials, self._now(), "GET", whole), **self._named}

        try:
            await self._turn(path, credentials.key)
            raw = self._checked(await self._http.read(make, weight=1, urgent=urgent))
        except NotAccepted as refused:
            if refused.code != "clock_skewed":
                raise
            await self.server_time()  # our clock is off: measure it again and repeat the request once
            await self._turn(path, credentials.key)
            raw = self._checked(await self._http.read(make, weight=1, urgent=urgent))
        return understood(raw, meaning)

    async def _change(self, path: str, named: Mapping[str, str], credentials: Credentials) -> bytes:
        """Send a change once, valid for as long as `valid_for` says."""
        if self._seconds.wait(path, credentials.key):
            raise NotAccepted("Bitget takes no more of these in this second", code="rate_limited")
        self._seconds.spend(path, credentials.key)
        now = self._now()
        window = {"requestTime": str(now), "receiveWindow": str(int(self.valid_for * 1000))}
        body = msgspec.json.encode({**named, **window}).decode()
        sent = {**signing.headers(credentials, now, "POST", path, body), **self._named}
        return self._checked(await self._http.change("POST", path, weight=1, headers=sent, body=body))

    def _checked(self, answer: Answer) -> bytes:
        """Return the data of an answer. Raises the error that it stands for, also where the HTTP status is 200."""
        if answer.status == _OK:
            told = understood(answer.body, lambda raw: msgspec.json.decode(raw, type=Envelope))
            if told.code == SUCCESS:
                return bytes(told.data)
        if pause := answer.headers.get("Retry-After"):
            self._http.pace.asked_for_silence(pause)
        raise error_of(answer.status, answer.body)


def _with_query(path: str, named: Mapping[str, object]) -> str:
    """Return a path with its query, whose names are in order: what is signed is what is sent."""
    return f"{path}?{urlencode(sorted(named.items()))}" if named else path
