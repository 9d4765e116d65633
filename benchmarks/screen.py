"""What a trader sees and when: rows on the screen under load, after cuts of the line, and among 10,000 others.

The whole platform runs as a user starts it, and Chromium follows the page of webhooks over loopback, through a relay
that can cut every connection. Measured are:

- the time from sending an alert to its row on the screen, at 20 alerts per second, the growth of the page's heap
  meanwhile, and how long tasks hold the page's main thread (thread time, from Chromium's own trace);
- the same tasks, and the time from a click to the next frame, while 10,000 orders are scrolled, sorted and filtered;
- the time from a cut to the row of an alert that came meanwhile;
- the growth of the web terminal under eight sockets whose browser reads nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from shared.alerts import percentile
from shared.figures import keep
from shared.running import Running, free_ports, running
from shared.trades import write_trades
from steady import memory
from websockets.sync.client import connect

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info"]
RATE, SECONDS, WARM_SECONDS = 20.0, 300.0, 30.0
ROWS, CUTS, IDLE_SECONDS, SOCKETS = 10_000, 100, 300.0, 7
ABSENT = 99
ROW_MS, TASK_MS, CUT_MS, IDLE_MB, GROWTH = 200.0, 50.0, 5000.0, 1.0, 1.2
WATCH = """() => {
    window.seen = {}
    const look = () => {
        const text = document.querySelector('main tbody')?.textContent ?? ''
        for (const [name] of text.matchAll(/bench-\\d+-/g)) window.seen[name] ??= Date.now()
        requestAnimationFrame(look)
    }
    look()
}"""


class Relay:
    """A relay before the console whose connections can all be cut at once."""

    def __init__(self, target: str) -> None:
        self._host, self._port = (at := urlsplit(target)).hostname, at.port
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self.port = free_ports(1)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        self._loop.run_until_complete(asyncio.start_server(self._carry, "127.0.0.1", self.port))
        self._loop.run_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection(self._host, self._port)
        both = {writer, their_writer}
        self._writers |= both
        await asyncio.gather(self._pump(reader, their_writer), self._pump(their_reader, writer))
        self._writers -= both

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        """Cut every connection."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self._writers])


class Alerts:
    """Alerts that do nothing, each with a name of its own."""

    def __init__(self, platform: Running) -> None:
        self._client = httpx.Client()
        self._url, self._user = platform.told["webhook_url"], platform.told["user_number"]
        self.sent: dict[str, float] = {}

    def send(self) -> str:
        """Deliver the next alert and return its name."""
        name = f"bench-{len(self.sent)}-"
        fields = {"Action": "PING", "Symbol": "BTCUSDT", "UserID": self._user, "UserExchangeID": 1}
        self.sent[name] = time.time() * 1000
        self._client.post(self._url, json=fields | {"IndicateurName": name}).raise_for_status()
        return name

    def send_for(self, seconds: float) -> None:
        """Deliver alerts at an even rate."""
        began = time.monotonic()
        for number in range(round(seconds * RATE)):
            time.sleep(max(0, began + number / RATE - time.monotonic()))
            self.send()


def log_in(page: Page, told: dict[str, Any], url: str) -> None:
    """Log in as a trader does, and open the webhooks."""
    page.goto(url)
    page.fill("#username", told["user"])
    page.fill("#password", told["password"])
    page.keyboard.press("Enter")
    page.wait_for_selector("nav")
    page.goto(f"{url}/webhooks")
    page.wait_for_selector("main table")


@contextlib.contextmanager
def traced(browser: Browser, page: Page) -> Iterator[list[float]]:
    """Yield a list that is filled, in the end, with the thread time (ms) of each task of the page's main thread."""
    tasks: list[float] = []
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    yield tasks
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == "CrRendererMain"}
    ours = (one for one in events if (one["pid"], one["tid"]) in mains and one["name"].endswith("RunTask"))
    tasks += (one["tdur"] / 1000 for one in ours if "tdur" in one)


def heap(page: Page) -> float:
    """Return what the page's heap holds after a collection, in MB."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    session.detach()
    return used


def load(browser: Browser, page: Page, alerts: Alerts, seconds: float) -> dict[str, float]:
    """Return the figures of rows that come at the rate of the benchmark."""
    page.evaluate(WATCH)
    alerts.send_for(WARM_SECONDS)
    before = heap(page)
    first = len(alerts.sent)
    with traced(browser, page) as tasks:
        alerts.send_for(min(seconds, 60))
    alerts.send_for(max(seconds - 60, 0))
    page.wait_for_timeout(2000)
    seen = page.evaluate("window.seen")
    took = [seen.get(name, float("inf")) - at for name, at in [*alerts.sent.items()][first:]]
    return {"row_p50_ms": percentile(took, 50), "row_p95_ms": percentile(took, 95), "row_max_ms": max(took),
            "heap_ratio": heap(page) / before, "heap_mb": before} | long("load", tasks)  # fmt: skip


def long(name: str, tasks: list[float]) -> dict[str, float]:
    """Return the figures of tasks."""
    over = sum(task > TASK_MS for task in tasks)
    return {f"{name}_task_p99_ms": percentile(tasks, 99), f"{name}_task_max_ms": max(tasks), f"{name}_over": over}


def rows(browser: Browser, page: Page, url: str, count: int) -> dict[str, float]:
    """Return the figures of many rows that are scrolled, sorted and filtered."""
    page.goto(f"{url}/orders")
    page.wait_for_selector("main tbody tr[data-index]")
    page.evaluate(
        """async () => {
            for (let older; (older = document.querySelector('main [data-test=older]')); ) {
                if (!older.disabled) older.click()
                await new Promise(done => setTimeout(done, 10))
            }
        }"""
    )
    shown = int(page.locator("main table").get_attribute("aria-rowcount") or 0)
    assert shown > count, f"only {shown} rows"
    reactions: list[float] = []
    frame = "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))))"
    with traced(browser, page) as tasks:
        page.evaluate(
            """async () => {
                const box = document.querySelector('main .scroller')
                for (let step = 0; step <= 200; step++) {
                    box.scrollTop = box.scrollHeight * Math.abs(Math.sin(step / 20))
                    await new Promise(requestAnimationFrame)
                }
                box.scrollTop = 0
            }"""
        )
        for number in range(20):
            click = f"""async number => {{
                const heads = document.querySelectorAll('main thead th button')
                const began = performance.now(); heads[number % heads.length].click(); return {frame} }}"""
            reactions.append(page.evaluate(click, number))
        for text in ("btc", "eth", "sol", "", "xrp", "nothing", ""):
            type_in = f"""async text => {{
                const box = document.querySelector('main input[type=search]'); const began = performance.now()
                box.value = text; box.dispatchEvent(new Event('input', {{bubbles: true}})); return {frame} }}"""
            reactions.append(page.evaluate(type_in, text))
            page.wait_for_timeout(600)
    return {"reaction_p95_ms": percentile(reactions, 95)} | long("rows", tasks)


def cuts(page: Page, relay: Relay, alerts: Alerts, url: str, count: int) -> dict[str, float]:
    """Return the figures of cuts: how long until the page shows what came meanwhile."""
    page.goto(f"{url}/webhooks")
    page.wait_for_selector("main tbody tr[data-index]")
    page.evaluate(WATCH)
    took = []
    for _ in range(count):
        began = time.time() * 1000
        relay.cut()
        name = alerts.send()
        page.wait_for_function("name => window.seen[name]", arg=name, timeout=60_000)
        took.append(page.evaluate("name => window.seen[name]", name) - began)
        page.wait_for_timeout(300)
    return {"cut_p50_ms": percentile(took, 50), "cut_p95_ms": percentile(took, 95), "cut_max_ms": max(took)}


def idle(platform: Running, page: Page, alerts: Alerts, seconds: float) -> dict[str, float]:
    """Return by how much sockets that read nothing make the web terminal grow (MB each)."""
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())
    url = platform.told["console"]
    options: Any = {"origin": url, "additional_headers": {"Cookie": cookies}, "max_queue": 1, "ping_interval": None}
    pid = next(one["figures"]["pid"] for one in platform.house().bus.terminals(("web",)))
    alerts.send_for(WARM_SECONDS)
    before, most = memory(pid), 0.0
    with contextlib.ExitStack() as sockets:
        for _ in range(SOCKETS):
            socket = sockets.enter_context(connect(url.replace("http", "ws", 1) + "/api/live", **options))
            socket.send(json.dumps({"follow": ["webhooks", "trades", "positions", "portfolio", "health"]}))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            alerts.send_for(5)
            most = max(most, memory(pid) - before)
    return {"idle_mb": most / SOCKETS}


def main() -> int:
    """Return 0 when every target is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--cuts", type=int, default=CUTS)
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args()
    with running() as platform, sync_playwright() as playwright:
        write_trades(platform.house().store, platform.told["user_number"], ABSENT, "ETH/USDT", given.rows // 2)
        relay, alerts = Relay(platform.told["console"]), Alerts(platform)
        url = f"http://127.0.0.1:{relay.port}"
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_context(locale="en-GB", viewport={"width": 1920, "height": 1080}).new_page()
        alerts.send()
        log_in(page, platform.told, url)
        figures = load(browser, page, alerts, given.seconds)
        figures |= rows(browser, page, url, given.rows)
        figures |= cuts(page, relay, alerts, url, given.cuts)
        figures |= idle(platform, page, alerts, given.seconds)
        browser.close()
    targets = {"row_p95_ms": ROW_MS, "heap_ratio": GROWTH, "load_task_p99_ms": TASK_MS, "reaction_p95_ms": ROW_MS,
               "rows_task_p99_ms": TASK_MS, "cut_p95_ms": CUT_MS, "idle_mb": IDLE_MB}  # fmt: skip
    for name, figure in figures.items():
        aim = f" (< {targets[name]:g}): {figure / targets[name]:.2f} of it" if name in targets else ""
        print(f"{name} {figure:.2f}{aim}")
    keep("screen", **figures)
    return 0 if all(figures[name] < target for name, target in targets.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
