"""The portfolio of twenty assets: how soon the page shows another broker, and how soon the server answers.

The whole platform runs as a user starts it, with a second account that holds twenty assets. Chromium changes the broker
on the page, back and forth. Figures are in milliseconds, with their ratio to the target.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright
from shared.figures import keep
from shared.running import running

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PRICED = ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "USDT", "USDC")
ASSETS = dict.fromkeys(PRICED, "5") | {f"COIN{number}": "7" for number in range(10)}
ROUNDS, TARGET = 40, 300.0


def p95(figures: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(figures, n=20)[-1]


def connect(client: httpx.Client, told: dict[str, Any]) -> int:
    """Connect an account of twenty assets and wait until the portfolio tells them all. Return its broker's number."""
    account = httpx.post(f"{told['paper']}/paper/accounts", json={"exchange": "binance", "balances": ASSETS}).json()
    keys = {"key": account["key"], "secret": account["secret"], "passphrase": None}
    broker = {"exchange": "binance", "venue": "paper", "name": "Twenty", "keys": keys}
    number = client.post("/api/brokers", json=broker).raise_for_status().json()["number"]
    deadline = time.monotonic() + 60
    while len(held(client, number)) < len(ASSETS):
        if time.monotonic() > deadline:
            raise TimeoutError("the portfolio does not show the twenty assets")
        time.sleep(0.2)
    return int(number)


def held(client: httpx.Client, broker: int) -> list[Any]:
    """Return the holdings of a broker in the portfolio."""
    accounts = client.get("/api/portfolio").json()["accounts"]
    return next((one["holdings"] for one in accounts if one["broker_id"] == broker), [])


def answers(client: httpx.Client) -> list[float]:
    """Return the milliseconds of each answer of the portfolio."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get("/api/portfolio").raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return took


def changes(page: Page, broker: int, rows: int) -> list[float]:
    """Return the milliseconds from each choice of the broker to its rows on the screen, measured inside the page."""
    script = """async ([broker, rows]) => {
        const choice = document.querySelector('[data-table=holdings] [data-test=filter-broker]')
        const shown = () => document.querySelectorAll('[data-table=holdings] [data-test=holding]').length
        const choose = (value) => { choice.value = value; choice.dispatchEvent(new Event('change')) }
        choose('1')
        while (shown() >= rows) await new Promise(requestAnimationFrame)
        await new Promise((done) => setTimeout(done, 50))
        const began = performance.now()
        choose(broker)
        while (shown() < rows) await new Promise(requestAnimationFrame)
        return performance.now() - began
    }"""
    return [page.evaluate(script, [str(broker), rows]) for _ in range(ROUNDS)]


def main() -> int:
    """Return 0 when the target is met."""
    with running() as platform, sync_playwright() as playwright, httpx.Client() as client:
        told = platform.told
        client.base_url = httpx.URL(told["console"])
        person = {"username": told["user"], "password": told["password"]}
        client.headers["X-CSRF-Token"] = client.post("/api/session", json=person).json()["csrf"]
        broker = connect(client, told)
        answered = answers(client)
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(locale="en-GB", viewport={"width": 1920, "height": 1080})
        page.goto(told["console"])
        page.fill("#username", told["user"])
        page.fill("#password", told["password"])
        page.keyboard.press("Enter")
        page.wait_for_selector("nav")
        page.click('nav a[href="/portfolio"]')
        page.select_option("[data-table=holdings] [data-test=filter-broker]", str(broker))
        page.wait_for_function("document.querySelectorAll('[data-test=holding]').length > 0")
        page.wait_for_timeout(1000)
        rows = page.locator("[data-table=holdings] [data-test=holding]").count()
        changed = changes(page, broker, rows)
        browser.close()
    print(f"{rows} rows of the {len(ASSETS)} assets are drawn at once; the others on scrolling")
    print(f"broker changed p50 {statistics.median(changed):.0f} ms, p95 {p95(changed):.0f} (< {TARGET:.0f})")
    print(f"portfolio answered p50 {statistics.median(answered):.0f} ms, p95 {p95(answered):.0f}")
    print(f"{p95(changed) / TARGET:.2f} and {p95(answered) / TARGET:.2f} of the target")
    keep("portfolio", changed=changed, answered=answered)
    return 0 if max(p95(changed), p95(answered)) < TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
