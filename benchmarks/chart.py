"""Panning, zooming and dragging on a chart with 100,000 bars, 500 marks and 20 lines, as the trading desk draws it.

Measured is the thread time of each task of the page's main thread, from Chromium's own trace, while the chart is moved
and zoomed, and while a line is dragged. Target: p99 below 50 ms.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright
from screen import ARGUMENTS, traced
from shared.alerts import percentile
from shared.figures import keep
from shared.running import free_ports

TASK_MS = 50.0
FRONTEND = Path(__file__).parents[1] / "frontend"
STARTS_WITHIN = 60.0


def _await(url: str) -> None:
    began = time.monotonic()
    while True:
        try:
            httpx.get(url, timeout=2).raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() - began > STARTS_WITHIN:
                raise
            time.sleep(0.2)
        else:
            return


def _use(page: Page, seconds: float) -> None:
    """Move the chart to and fro, zoom out and in, and drag a line, all in turn."""
    until, step = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        step += 1
        page.mouse.move(900, 500)
        page.mouse.down()
        for n in range(12):
            page.mouse.move(900 + (60 if step % 2 else -60) * math.sin(n), 500 + n)
        page.mouse.up()
        for _ in range(6):
            page.mouse.wheel(0, 240 if step % 4 < 2 else -240)
            page.wait_for_timeout(16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    seconds = parser.parse_args().seconds
    port = free_ports(1)
    command = ["npx", "vite", "--port", str(port), "--strictPort", "--host", "127.0.0.1"]
    serving = subprocess.Popen(command, cwd=FRONTEND, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/benchmarks/chart.html"
        _await(url)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1600, "height": 900})
            page.goto(url)
            page.wait_for_selector("[data-test=chart] canvas")
            page.wait_for_timeout(3000)
            with traced(browser, page) as tasks:
                _use(page, seconds)
            browser.close()
    finally:
        serving.terminate()
        serving.wait()
    figures = {f"p{p}_ms": round(percentile(tasks, p), 1) for p in (50, 99)} | {"most_ms": round(max(tasks), 1)}
    met = figures["p99_ms"] < TASK_MS
    verdict = "met" if met else "missed"
    print(f"chart, {len(tasks)} tasks of the main thread: {figures}, target of p99 {TASK_MS:.0f} ms; {verdict}")
    keep("chart", figures=figures, tasks=len(tasks), target=TASK_MS, met=met)


if __name__ == "__main__":
    main()
