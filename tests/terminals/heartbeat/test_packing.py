"""The closing of blocks: compared with the exchange once more, and corrected before where it says so."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.candles.beats import BeatTable
from adapters.candles.blocks import MINUTES
from adapters.candles.coverage import Coverage
from adapters.candles.store import CandleStore
from adapters.exchanges.catalogue import CATALOGUE
from adapters.paper.server import HOST, PaperServer
from application.market.beat import Beat, Telling, ToldBar
from application.market.failover import Source
from application.ports.candles import Hole
from application.ports.errors import NoAnswer
from aristobot.terminals.heartbeat.packing import Packer
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, moment
from domain.people.broker import Exchange, Venue
from tests.support.log import Log
from tests.support.ports import neighbours

BTC, GONE = Series("binance", "paper", "BTC/USDT"), Series("binance", "paper", "GONE/USDT")
NUMBER = 29_100
START = MINUTES.start(NUMBER)


class House:
    """A packer whose blocks are old enough, the tables it works on, and a paper exchange."""

    def __init__(self, database):
        self.pool = database.store().pool
        self.beats, self.told = BeatTable(self.pool), []
        self.store = CandleStore(self.pool, lambda: moment(MINUTES.end(NUMBER)) + timedelta(hours=25))

    async def open(self, port):
        entry = CATALOGUE[Exchange.BINANCE]
        self.client = entry.client(entry.paper_hosts(f"http://{HOST}:{port + 1}"), Venue.PAPER)
        [market] = [one for one in await self.client.markets() if one.symbol == BTC.symbol]
        self.packer = Packer(self.store, self.client, {BTC: market}, self.tell, Log())
        self.said = await self.client.bars(market, "1m", moment(START), moment(MINUTES.end(NUMBER)))

    def tell(self, beat):
        """Store what is told, as the teller does."""
        self.told += self.beats.tell(beat, Source.PRIMARY).bars

    def know(self, bars, series=BTC):
        self.beats.tell(Beat(bars=[ToldBar(series, bar, Telling.CLOSED) for bar in bars]), Source.PRIMARY)

    def read(self, series=BTC):
        return [*self.store.read(series, "1m", START, MINUTES.end(NUMBER)).bars(1)]


@pytest.fixture
async def house(database):
    made, port = House(database), neighbours(3)
    server = PaperServer(port)
    await server.start()
    await made.open(port)
    yield made
    await made.client.close()
    await server.stop()


def wrong(bar: Bar) -> Bar:
    return Bar(bar.opened_at, 1, *[Decimal(5)] * 4, Decimal(1), 1, 7, 7, Proof.PROVED)


async def test_a_settled_block_is_closed(house):
    house.know([bar.proved_by(Proof.CONFIRMED) for bar in house.said])
    await house.packer.pack()
    assert (house.told, house.store.ripe()) == ([], [])
    assert house.read() == house.said


async def test_what_the_exchange_knows_better_is_told_before_the_block_is_closed(house):
    """A minute that only the clock closed, a wrong one, one that is missing, and one that a person has imported."""
    known = [bar.proved_by(Proof.TIMED) for bar in house.said]
    known[5] = wrong(known[5])
    imported = wrong(known[8]).proved_by(Proof.IMPORTED)
    known[8] = imported
    del known[3]
    house.know(known)
    await house.packer.pack()
    by_telling = {telling: [t.bar.opened_at for t in house.told if t.telling is telling] for telling in Telling}
    assert by_telling[Telling.CLOSED] == [START + 3 * MINUTE]
    assert by_telling[Telling.CORRECTED] == [START + 5 * MINUTE]
    assert len(by_telling[Telling.SETTLED]) == 997
    assert house.store.ripe() == [(BTC, NUMBER)]
    await house.packer.pack()
    assert house.store.ripe() == []
    expected = [*house.said]
    expected[5] = expected[5].proved_by(Proof.CORRECTED)
    assert [bar.amounts for bar in house.read()] == [
        (imported if at == 8 else bar).amounts for at, bar in enumerate(expected)
    ]
    assert house.read()[5].proof is Proof.CORRECTED


async def test_a_minute_that_the_exchange_has_not_is_a_hole_that_is_told_as_such(house, monkeypatch):
    gone = house.said[40:44]
    house.know([bar for bar in house.said if bar not in gone])

    async def bars(*_, **__):
        return [bar for bar in house.said if bar not in gone]

    monkeypatch.setattr(house.client, "bars", bars)
    await house.packer.pack()
    [held] = Coverage(house.pool).held()
    assert held.holes == (Hole(gone[0].opened_at, gone[-1].opened_at, absent=True),)


async def test_without_an_answer_a_block_waits(house, monkeypatch):
    house.know(house.said[:900])

    async def bars(*_, **__):
        raise NoAnswer("HTTP 503")

    monkeypatch.setattr(house.client, "bars", bars)
    await house.packer.pack()
    assert house.store.ripe() == [(BTC, NUMBER)]


async def test_a_market_that_is_gone_is_closed_as_it_is_known(house):
    house.know([bar.proved_by(Proof.PROVED) for bar in house.said[:10]], GONE)
    await house.packer.pack()
    assert house.store.ripe() == []
    assert [bar.proof for bar in house.read(GONE)] == [Proof.PROVED] * 10
