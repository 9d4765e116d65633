"""The console's speed: first load, changes of route, and the amount of JavaScript that the first page needs.

The whole platform runs as a user starts it, and Chromium loads it over loopback. Figures are medians in milliseconds,
and their ratio to the targets. Each load is in a browser context that has never seen the page.
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from shared.running import running

REPOSITORY = Path(__file__).parents[1]
DIST = REPOSITORY / "frontend" / "dist"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LOADS, ROUNDS = 9, 5
EQUITY = "() => /\\d/.test(document.querySelector('[data-test=equity]')?.innerText ?? '')"
FIRST_LOAD, ROUTE_CHANGE, JAVASCRIPT = 1000.0, 100.0, 300_000
PATHS = (
    "/portfolio", "/symbols", "/heartbeat", "/webhooks", "/conditions", "/orders", "/alerts", "/latency", "/account",
    "/system", "/admin", "/",
)  # fmt: skip
HEADINGS = {
    "/portfolio": "Portfolio",
    "/symbols": "Pairs",
    "/heartbeat": "Heartbeat",
    "/conditions": "Conditions",
    "/latency": "Latency",
    "/orders": "Orders and trades",
    "/system": "System",
    "/webhooks": "Webhooks",
    "/alerts": "Alerts",
    "/account": "My account",
    "/admin": "Administration",
    "/": "Dashboard",
}


def size_of(scripts: set[str]) -> int:
    """Return the gzipped bytes of these scripts together."""
    return sum(len(gzip.compress((DIST / script.lstrip("/")).read_bytes())) for script in scripts)


def log_in(page: Page, told: dict[str, Any]) -> None:
    """Log in as a trader does."""
    page.goto(told["console"])
    page.fill("#username", told["user"])
    page.fill("#password", told["password"])
    page.keyboard.press("Enter")
    page.wait_for_selector("nav")


def first_load(browser: Any, state: Any, url: str) -> tuple[float, set[str]]:
    """Load the dashboard with an empty cache, until it tells what the accounts are worth.

    Return the milliseconds that this took and the paths of the scripts that it needed.
    """
    context = browser.new_context(storage_state=state, locale="en-GB")
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_function(EQUITY)
    took = (time.perf_counter() - began) * 1000
    script = "performance.getEntriesByType('resource').map(one => new URL(one.name).pathname)"
    needed = {path for path in page.evaluate(script) if path.endswith(".js")}
    context.close()
    return took, needed


def route_changes(page: Page) -> list[float]:
    """Return the milliseconds from each click to the other page's heading, measured inside the page."""
    script = """async ([path, heading]) => {
        const began = performance.now()
        document.querySelector(`nav a[href="${path}"]`).click()
        while (document.querySelector('h1')?.textContent !== heading) await new Promise(requestAnimationFrame)
        return performance.now() - began
    }"""
    return [page.evaluate(script, [path, HEADINGS[path]]) for _ in range(ROUNDS) for path in PATHS]


def main() -> int:
    """Return 0 when all three targets are met."""
    with running() as platform, sync_playwright() as playwright:
        told = platform.told
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        log_in(page, told)
        page.wait_for_selector("html[lang=en]")
        page.wait_for_function(EQUITY)
        state = context.storage_state()
        first = [first_load(browser, state, told["console"]) for _ in range(LOADS)]
        changes = route_changes(page)
        browser.close()
    loads, size = [took for took, _ in first], size_of(set[str]().union(*(needed for _, needed in first)))
    load, change = statistics.median(loads), statistics.median(changes)
    print(f"first load {load:.0f} ms, slowest {max(loads):.0f} (< {FIRST_LOAD:.0f}): {load / FIRST_LOAD:.2f} of it")
    print(
        f"route change {change:.0f} ms, slowest {max(changes):.0f} (< {ROUTE_CHANGE:.0f}): {change / ROUTE_CHANGE:.2f}"
    )
    print(f"initial JavaScript {size / 1000:.0f} kB gzipped (< {JAVASCRIPT / 1000:.0f}): {size / JAVASCRIPT:.2f}")
    return 0 if load < FIRST_LOAD and change < ROUTE_CHANGE and size < JAVASCRIPT else 1


if __name__ == "__main__":
    sys.exit(main())
