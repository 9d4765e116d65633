"""The console in a real Chromium: a webhook is posted, and its rows appear without a reload, in both languages."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = REPOSITORY / "frontend" / "dist" / "index.html"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
REQUIRED = os.environ.get("ARISTOBOT_BROWSER") == "required"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not REQUIRED and (CHROMIUM is None or not PAGES.exists()), reason="no Chromium or no built console here"
    ),
]
TITLES = {"fr": ("Tableau de bord", "Webhooks reçus", "exécuté"), "en": ("Dashboard", "Webhooks received", "executed")}


def _free_ports() -> tuple[int, int, int]:
    """Three ports that are free now, the last with its neighbour."""
    while True:
        with socket.socket() as one, socket.socket() as two, socket.socket() as three, socket.socket() as four:
            for opened in (one, two, three):
                opened.bind(("127.0.0.1", 0))
            port = three.getsockname()[1]
            try:
                four.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return one.getsockname()[1], two.getsockname()[1], port


@pytest.fixture(scope="module")
def platform():
    """The whole platform as a user starts it."""
    home = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp"))
    web, door, paper = _free_ports()
    ports = {"ARISTOBOT_WEB_PORT": web, "ARISTOBOT_WEBHOOK_PORT": door, "ARISTOBOT_PAPER_PORT": paper}
    environment = os.environ | {"ARISTOBOT_HOME": str(home)} | {name: str(port) for name, port in ports.items()}
    out = home / "out"
    with out.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "aristobot", "run"], cwd=REPOSITORY, env=environment, stdout=said, stderr=said
        )
    try:
        deadline = time.monotonic() + 90
        while "Ctrl+C" not in out.read_text():
            assert process.poll() is None, out.read_text()
            assert time.monotonic() < deadline, out.read_text()
            time.sleep(0.1)
        yield json.loads((home / "run.json").read_text()), out.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_webhook_and_its_trade_appear_by_themselves(platform, language):
    """Log in, post the printed alert, and see the webhook and the trade appear while nobody touches the page."""
    from playwright.sync_api import expect, sync_playwright

    told, printed = platform
    title, received, executed = TITLES[language]
    curl = next(line for line in printed.splitlines() if line.startswith("curl"))
    # Its own bar time, whatever second the other language was tested in.
    curl = re.sub(r"'\$\(date[^)]*\)'", {"fr": "2026-01-05T10:00:00Z", "en": "2026-01-05T10:05:00Z"}[language], curl)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_context(viewport={"width": 1600, "height": 900}).new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(told["console"])
        page.fill("#username", told["user"])
        page.fill("#password", "wrong password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        page.fill("#password", told["password"])
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_be_visible()
        if page.locator("h1").inner_text() != title:
            page.get_by_role("button", name={"fr": "Français", "en": "English"}[language]).click()
        expect(page.locator("h1")).to_have_text(title)
        expect(page.get_by_role("heading", name=received)).to_be_visible()
        expect(page.get_by_text("PAPER", exact=True)).to_be_visible()
        webhooks, trades = page.locator("[data-test=webhook]"), page.locator("[data-test=trade]")
        before = webhooks.count(), trades.count()
        subprocess.run(curl, shell=True, check=True, capture_output=True)
        expect(webhooks).to_have_count(before[0] + 1, timeout=15_000)
        expect(trades).to_have_count(before[1] + 1, timeout=15_000)
        expect(webhooks.first).to_contain_text(executed, timeout=15_000)
        assert not faults
        browser.close()
