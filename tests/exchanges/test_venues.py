"""Each venue has its own hosts: no setting leads paper or testnet to real money, or live anywhere else."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from adapters.exchanges.catalogue import CATALOGUE, is_real
from aristobot.settings import Settings
from aristobot.wiring import House
from domain.people.broker import Exchange, Venue
from domain.refusals import Invalid

LIVE = {"api.binance.com", "ws-api.binance.com", "stream.binance.com"}
TESTNET = {"testnet.binance.vision", "ws-api.testnet.binance.vision", "stream.testnet.binance.vision"}


@pytest.fixture
def hosts(monkeypatch, tmp_path):
    """Return `hosts(venue, live=False, url=None)`, which gives the hosts of a venue's client under these settings."""
    monkeypatch.setenv("ARISTOBOT_HOME", str(tmp_path))

    def asked(venue, *, live=False, url=None, exchange="binance"):
        monkeypatch.setenv("ARISTOBOT_LIVE", str(live))
        if url is not None:
            monkeypatch.setenv(f"ARISTOBOT_{exchange.upper()}_URL", url)

        async def made():
            client = House(Settings.read()).exchange(exchange, venue)
            sockets = ("_ws_api", "_ws_streams", "_private", "_public")
            told = {client._http._base, *(getattr(client, name) for name in sockets if hasattr(client, name))}
            await client.close()
            return {urlsplit(str(address)).hostname for address in told}

        return asyncio.run(made())

    return asked


@pytest.mark.parametrize("exchange", CATALOGUE)
@pytest.mark.parametrize("live", [True, False])
def test_paper_stays_on_the_machine(hosts, exchange, live):
    """Permission for live trading changes nothing for a paper broker."""
    assert hosts(Venue.PAPER, live=live, exchange=exchange) == {"127.0.0.1"}
    assert hosts(Venue.PAPER, live=live, url="http://paper.example:9101", exchange=exchange) == {"paper.example"}


@pytest.mark.parametrize("exchange", CATALOGUE)
@pytest.mark.parametrize(
    "url",
    ["https://api.binance.com", "https://api1.binance.com", "https://API.BINANCE.COM:443/", "https://binance.com",
     "https://api.binance.com.", "https://testnet.binance.vision", "https://api.bitget.com", "https://BITGET.com./"],
)  # fmt: skip
def test_paper_is_led_to_no_exchange(hosts, exchange, url):
    """An exchange's address is refused in any spelling, whichever exchange it is given for."""
    with pytest.raises(Invalid) as refused:
        hosts(Venue.PAPER, live=True, url=url, exchange=exchange)
    assert refused.value.code == "paper_url_real"


async def test_demo_trading_of_bitget_is_named_in_every_request():
    """It shares its REST host with real trading: only the header tells them apart."""
    entry = CATALOGUE[Exchange.BITGET]
    clients = {venue: entry.client(hosts, venue) for venue, hosts in entry.hosts.items()}
    assert {venue: client._named for venue, client in clients.items()} == {
        Venue.TESTNET: {"paptrading": "1"}, Venue.LIVE: {},
    }  # fmt: skip
    for client in clients.values():
        await client.close()


@pytest.mark.parametrize("live", [True, False])
def test_testnet_and_live_are_where_they_are(hosts, live):
    """The paper address changes neither of them, and live must be permitted."""
    url = "http://127.0.0.1:9101"
    assert hosts(Venue.TESTNET, live=live, url=url) == TESTNET
    if live:
        assert hosts(Venue.LIVE, live=live, url=url) == LIVE
    else:
        with pytest.raises(Invalid, match="ARISTOBOT_LIVE"):
            hosts(Venue.LIVE, live=live, url=url)


def test_every_exchange_of_the_catalogue_has_its_hosts(hosts):
    """Every offered venue can be reached. A look-alike address is not taken for an exchange."""
    for entry in CATALOGUE.values():
        for venue in entry.venues:
            assert hosts(venue, live=True, exchange=entry.name)
        for places in entry.hosts.values():
            assert all(is_real(address) for address in (places.rest, places.orders, places.streams))
    assert not is_real("https://api.binance.com.example.org")
    assert not is_real("http://127.0.0.1:9101")


def test_only_the_testnet_does_not_tell_the_rights_of_a_key():
    """The testnet has no wallet API. Everywhere else, that API says if a key may withdraw."""
    entry = CATALOGUE[Exchange.BINANCE]

    async def told():
        found = set()
        for venue, hosts in {Venue.PAPER: entry.paper_hosts("http://127.0.0.1:1"), **entry.hosts}.items():
            client = entry.client(hosts, venue)
            found |= {venue} if client._has_wallet else set()
            await client.close()
        return found

    assert asyncio.run(told()) == {Venue.PAPER, Venue.LIVE}
