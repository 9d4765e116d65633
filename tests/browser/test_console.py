"""The console in a real Chromium: a posted webhook's rows appear without a reload, in both languages."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

TITLES = {"fr": ("Tableau de bord", "Webhooks reçus", "exécuté"), "en": ("Dashboard", "Webhooks received", "executed")}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_webhook_and_its_trade_appear_by_themselves(platform: Any, browse: Any, enter: Any, language: str) -> None:
    """After the printed alert is posted, the webhook and its trade appear without any action on the page."""
    from playwright.sync_api import expect

    told, printed = platform
    title, received, executed = TITLES[language]
    curl = next(line for line in printed.splitlines() if line.startswith("curl"))
    # Each language has its own bar time, whenever the other one was tested.
    curl = re.sub(r"'\$\(date[^)]*\)'", {"fr": "2026-01-05T10:00:00Z", "en": "2026-01-05T10:05:00Z"}[language], curl)
    with browse() as page:
        page.fill("#username", told["user"])
        page.fill("#password", "wrong password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        enter(page, language)
        expect(page.locator("h1")).to_have_text(title)
        expect(page.get_by_role("heading", name=received)).to_be_visible()
        expect(page.get_by_text("PAPER", exact=True).first).to_be_visible()
        page.locator("[data-test=tab-executed]").click()
        webhooks, trades = page.locator("[data-test=webhook]"), page.locator("[data-test=trade]")
        before = webhooks.count(), trades.count()
        subprocess.run(curl, shell=True, check=True, capture_output=True)
        expect(webhooks).to_have_count(before[0] + 1)
        expect(trades).to_have_count(before[1] + 1)
        expect(webhooks.first).to_contain_text(executed)
