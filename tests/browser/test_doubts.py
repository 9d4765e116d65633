"""An order in doubt in a real Chromium, from the check to an informed resolution; and narrow windows."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import httpx
import pytest

from tests.browser.places import PAGES

WORDS = {
    "fr": {
        "checking": "certitude dans",
        "title": "En cours de vérification",
        "absent": "ne montre pas cet ordre",
    },
    "en": {"checking": "certain in at most", "title": "Being checked", "absent": "does not show this order"},
}
MINUTES = {"fr": "2026-01-07T10:00:00Z", "en": "2026-01-07T10:05:00Z"}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_doubt_is_checked_and_resolved_with_open_eyes(platform: Any, browse: Any, enter: Any, language: str) -> None:
    """No outcome is preselected, and one that contradicts the exchange has to be confirmed.

    The dialog opens from the dashboard and from the order's history.
    """
    from playwright.sync_api import expect

    # Given an order whose request is lost on its way to the exchange
    (told, printed), words = platform, WORDS[language]
    curl = next(line for line in printed.splitlines() if line.startswith("curl"))
    fault = {"when": "place_order", "kind": "lose_request", "times": 1, "seconds": 1}
    httpx.post(f"{told['paper']}/paper/faults", json=fault).raise_for_status()
    with browse() as page:
        enter(page, language)
        subprocess.run(
            re.sub(r"'\$\(date[^)]*\)'", MINUTES[language], curl), shell=True, check=True, capture_output=True
        )
        # Then the page shows that it is being checked
        card = page.locator("[data-test=decisions]")
        expect(card.locator("[data-test=checking]")).to_contain_text(words["checking"])
        expect(card.get_by_role("heading")).to_have_text(words["title"])
        if language == "fr":
            card.locator("[data-test=unknown]").get_by_role("button").last.click()
        else:  # from the order's history, which stands beside every page
            card.locator("[data-test=unknown] a.why").click()
            page.click("[data-test=resolve-here]")
        # And the dialog shows both sides and waits for a choice
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("[data-test=outcome]")).to_be_focused()
        expect(dialog.locator("[data-test=outcome]")).to_have_value("")
        expect(dialog.locator("[data-test=order-head]")).to_contain_text("USDT")
        expect(dialog.locator("[data-test=order-head]")).to_contain_text("ARISTO_")
        expect(dialog.locator("table")).to_contain_text(words["absent"])
        dialog.locator("input[type=password]").fill(told["password"])
        dialog.locator("input").first.fill("I looked")
        submit = dialog.locator("button[type=submit]")
        expect(submit).to_be_disabled()
        # When the outcome contradicts the exchange, then it has to be confirmed
        page.select_option("[data-test=outcome]", "cancelled")
        expect(dialog.locator("[data-test=contradiction]")).to_contain_text(words["absent"])
        expect(submit).to_be_disabled()
        page.check("[data-test=sure]")
        expect(submit).to_be_enabled()
        # When it agrees with the exchange, then the doubt is resolved
        page.select_option("[data-test=outcome]", "rejected")
        expect(dialog.locator("[data-test=contradiction]")).to_have_count(0)
        dialog.locator("input").first.fill("I looked")
        submit.click()
        expect(dialog).to_have_count(0)
        expect(card).to_have_count(0)


@pytest.mark.parametrize("width", [1024, 1280])
def test_a_narrow_window_shows_everything(browse: Any, enter: Any, width: int) -> None:
    """Wide tables scroll on their own, no page scrolls sideways, and the header stays one row."""
    from playwright.sync_api import expect

    with browse() as page:
        page.set_viewport_size({"width": width, "height": 800})
        enter(page, "fr")
        for path in PAGES:
            page.click(f'nav a[href="{path}"]')
            expect(page.locator("h1")).to_be_visible()
            page.wait_for_load_state("networkidle")
            assert page.evaluate("(m => m.scrollWidth <= m.clientWidth)(document.querySelector('main'))"), path
            header = page.get_by_role("banner")
            assert header.bounding_box()["height"] <= 48, path
            assert header.evaluate("one => one.scrollWidth <= one.clientWidth"), path
