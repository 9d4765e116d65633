"""The web terminal: the console's API, its live socket and its pages."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

from adapters.bus import Bus
from adapters.candles.coverage import Coverage
from adapters.candles.store import CandleStore
from adapters.exchanges.catalogue import CATALOGUE
from adapters.log.story import history_of, story_of
from adapters.sandbox.drawing import Drawing
from adapters.sandbox.sandbox import one_worker
from adapters.tables.drafts import DraftTable
from adapters.vault.second_factor import begun_factor
from adapters.vault.tickets import TicketSeal
from application.market.charting import Charting
from application.market.failover import Source
from application.ports.candles import Candles
from aristobot.commands.demo import ToldTokens
from aristobot.serving import serve_until, server_for
from aristobot.supervision.liveness import Pulse, beat
from aristobot.terminals import WATCHED
from aristobot.wiring import House, utc_now
from web.app import create_app
from web.connection import watched
from web.context import Context, People, Platform, Records
from web.live.wakes import Wakes

MOST_INBOUND = 64 * 1024
"""The longest message (bytes) that a browser may send over a live socket."""
MOST_BODY = 1024 * 1024
"""The longest body of a request (bytes)."""
WORKER_SECONDS, WORKER_LIFE = 5.0, 30
"""Seconds that a check of a strategy waits for a sandbox that is being started, and those that it may take."""
PAGES = Path(__file__).parents[2] / "frontend" / "dist"


def records_of(house: House) -> Records:
    """Return the log, the books and the candles, as the web reads them."""
    return Records(
        store=house.store,
        pool=house.pool,
        head=house.store.head,
        markets=house.markets,
        candles=CandleStore(house.pool, utc_now, keeps=False),
        coverage=Coverage(house.pool).held,
        loads=house.loads,
        drafts=DraftTable(house.pool),
        forget=house.forget,
        history=lambda user: history_of(house.store, user),
        story=lambda user, stream: story_of(house.store, stream, user),
    )


def platform_of(house: House, candles: Candles) -> Platform:
    """Return the running platform, as the web sees it."""

    def disk() -> dict[str, int]:
        usage = shutil.disk_usage(house.settings.home)
        return {"free": usage.free, "total": usage.total}

    drawing = Drawing(house.settings.sandbox)
    return Platform(
        terminals=lambda: house.bus.terminals(WATCHED),
        names=(*house.settings.names, house.settings.host),
        webhook_url=house.settings.webhook_url,
        disk=disk,
        gateway=house.bus,
        exchanges=[*CATALOGUE.values()],
        live_allowed=house.settings.live,
        loading=house.bus.loading,
        prices=house.bus.prices,
        rates=house.bus.rates,
        balances=house.bus.balances,
        want_raw=house.bus.want_raw,
        need_depth=house.bus.need_depth,
        depth=house.bus.depth,
        need_series=house.bus.need_series,
        worker=lambda: one_worker(house.settings.sandbox, WORKER_SECONDS, WORKER_LIFE),
        draw=Charting(candles, drawing.draw).draw,
        functions=drawing.functions,
    )


def context_of(house: House) -> Context:
    """Return everything that the endpoints need."""
    records = records_of(house)
    return Context(
        records=records,
        people=People(
            vault=house.vault,
            tickets=TicketSeal(house.master),
            tokens=ToldTokens(house.tokens, house.settings.home),
            factors=house.factors,
            channels=house.channels,
            invitations=house.invitations,
            debug=house.debug_mode(),
            begin_factor=lambda user, name: begun_factor(house.factors, user, name),
            send=house.send,
        ),
        platform=platform_of(house, records.candles),
    )


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the web terminal until `stopping`."""
    pulse = Pulse()
    beat(house.bus, "web", dict, stopping, pulse)
    context = context_of(house)
    if not context.people.debug.allowed:
        context.people.debug.switch(active=False)  # it may still be on from a run that allowed it
    for follow in (_wake, _beat):
        told = (house.bus, context.records.wakes)
        threading.Thread(target=follow, args=told, name=follow.__name__, daemon=True).start()
    server = server_for(
        create_app(context, PAGES),
        house.settings,
        house.settings.web_port,
        pulse,
        watched(MOST_BODY),
        ws_max_size=MOST_INBOUND,
        ws_ping_interval=5,
        ws_ping_timeout=5,
        timeout_graceful_shutdown=5,
    )
    log.info("serving", port=house.settings.web_port)
    serve_until(server, stopping)


def _beat(bus: Bus, wakes: Wakes) -> None:
    for told in bus.beats(*Source):
        wakes.raw.extend(told.get("raw", ()))
        wakes.beat()


def _wake(bus: Bus, wakes: Wakes) -> None:
    for _ in bus.announcements():
        wakes.ring()
