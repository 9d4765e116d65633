"""axe-core checks every page in both themes: nothing serious stands between a trader and the controls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.places import PAGES

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = {"serious", "critical"}
TABS = ("channels", "security", "preferences", "data", "brokers")
SHOWN = ("broker-chip", "health", "columns", "palette")
"""The buttons that show something over the page; Escape hides it again."""
SMALL = {"width": 1024, "height": 420}  # every scrollable region scrolls, so its rules are checked too


AT_REST = """() => !document.querySelector('[class*="-enter-"], [class*="-leave-"]') && document.getAnimations().every(
    one => one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity)"""


def findings_of(page: Any) -> list[str]:
    """Return the serious findings of the page as it is."""
    page.wait_for_function(AT_REST)  # contrast is wrong while anything fades in or changes theme
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{page.url}: {one['id']} ({one['impact']}) at {node['target']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_page_has_a_serious_finding(browse: Any, enter: Any, theme: str) -> None:
    """The test covers the login, every page behind it, and the forms that connect and edit a broker."""
    from playwright.sync_api import expect

    with browse() as page:
        page.set_viewport_size(SMALL)
        expect(page.locator("#username")).to_be_visible()
        findings = findings_of(page)
        enter(page, "en")
        page.click('a[href="/account"]')
        page.click("[data-test=tab-preferences]")
        page.select_option("[data-test=theme]", theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        for path in PAGES:
            page.click(f'nav a[href="{path}"]')
            expect(page.locator("h1")).to_be_visible()
            page.wait_for_load_state("networkidle")
            findings += findings_of(page)
        page.click('nav a[href="/webhooks"]')
        page.click("[data-test=set-up]")
        for tab in ("streams", "trades", "gains", "received"):
            page.click(f"main [data-test=tab-{tab}]")
            page.wait_for_load_state("networkidle")
            findings += findings_of(page)
        page.click('a[href="/account"]')
        for tab in TABS:
            page.click(f"[data-test=tab-{tab}]")
            page.wait_for_load_state("networkidle")
            findings += findings_of(page)
        for opener in SHOWN:
            page.locator(f"[data-test={opener}]").first.click()
            page.wait_for_function(AT_REST)
            findings += findings_of(page)
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open], :popover-open")).to_have_count(0)
        page.click("[data-test=tab-brokers]")
        for opener in ("new-broker", "edit-broker"):
            page.locator(f"[data-test={opener}]").first.click()
            expect(page.get_by_role("dialog")).to_be_visible()
            findings += findings_of(page)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
        page.click("[data-test=tab-preferences]")
        page.select_option("[data-test=theme]", "dark")
    assert "\n".join(findings) == ""
