"""Alerts over real processes: a fault reaches the console and an outside channel, and no alert is lost."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Phone:
    """A trader's channel: a service on loopback that takes alerts as JSON."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["title"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def phone(platform: Any) -> Iterator[Phone]:
    """Yield a channel for the demo user's alerts that lasts as long as the test."""
    made = Phone()
    added = platform.console.post("/api/channels", json={"name": "phone", "address": made.address})
    assert added.status_code == 201, added.text
    yield made
    assert platform.console.delete(f"/api/channels/{added.json()['id']}").status_code == 204
    made.close()


def newest(platform: Any, cause: str) -> dict[str, Any] | None:
    """Return the newest alert of a cause, or None until it was delivered to the phone."""
    found = next((a for a in platform.ask("/api/alerts")["items"] if a["cause"] == cause), None)
    return found if found and found["deliveries"].get("phone", {}).get("state") == "sent" else None


def test_a_position_without_protection_is_shouted_out_until_it_has_one(platform: Any, phone: Phone) -> None:
    """The exchange refuses the stop. The alert is critical and names the position and its market."""
    # Given an exchange that takes the entry and refuses what follows.
    for fault in ({"kind": "delay", "seconds": 0}, {"kind": "status_429", "times": 20}):
        asked = platform.paper.post("/paper/faults", json={"exchange": "binance", "when": "place_order", **fault})
        assert asked.status_code == 200, asked.text
    platform.price("60000")
    # When a position is bought.
    body, name = platform.alert(PrixSL="50000", PrixTP="70000")
    platform.post(body)
    platform.ended(name)
    # Then a critical alert reaches the phone.
    alert = platform.eventually(lambda: newest(platform, "position_unprotected"))
    assert (alert["severity"], alert["facts"]["symbol"], alert["acknowledged_at"]) == ("critical", "BTC/USDT", None)
    assert any("[!!!]" in title for title in phone.heard)
    # When the exchange takes the protection.
    platform.paper.delete("/paper/faults")
    position = platform.eventually(
        lambda: next(
            (
                p
                for p in platform.ask("/api/positions")["items"]
                if (p["symbol"], p["protection"]) == ("BTC/USDT", "resting")
            ),
            None,
        )
    )
    # Then it was that position, and the alert can be acknowledged.
    assert position["id"] == alert["subject"]
    assert platform.console.put(f"/api/alerts/{alert['id']}/acknowledged").status_code == 204
    platform.eventually(lambda: newest(platform, "position_unprotected")["acknowledged_at"])
    body, name = platform.alert("SellMarket", PourCent="100")
    platform.post(body)
    assert platform.ended(name)["status"] == "executed"


def test_a_killed_terminal_is_told_once_although_it_is_back_at_once(platform: Any, phone: Phone) -> None:
    """The alerts terminal is killed as well, and its successor goes on."""
    earlier = {alert["id"] for alert in platform.all_of("/api/alerts")}
    for victim in ("engine", "alerts"):
        before = platform.pids()[victim]
        os.kill(before, signal.SIGKILL)
        platform.eventually(lambda v=victim, b=before: platform.pids().get(v, b) != b)
        platform.eventually(
            lambda v=victim: (found := newest(platform, "terminal_restarted")) and found["facts"]["terminal"] == v
        )
    told = [a for a in platform.all_of("/api/alerts") if a["cause"] == "terminal_restarted" and a["id"] not in earlier]
    assert sorted(a["facts"]["terminal"] for a in told) == ["alerts", "engine"]
    assert len(phone.heard) == 2
