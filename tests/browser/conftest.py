"""The whole platform as a user starts it, with a real Chromium in front of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import short_folder
from tests.support.ports import neighbours

REPOSITORY = Path(__file__).parents[2]
PAGES = REPOSITORY / "frontend" / "dist" / "index.html"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
REQUIRED = os.environ.get("ARISTOBOT_BROWSER") == "required"
PATIENCE = 60_000
"""Milliseconds to wait, as in `eventually`: the exchange and the books can be slow on a busy machine."""
LANGUAGES = {"fr": "Français", "en": "English"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests, with a reason, when Chromium or the built console is missing and they are not required."""
    missing = CHROMIUM is None or not PAGES.exists()
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if missing and not REQUIRED:
                item.add_marker(pytest.mark.skip(reason="no Chromium or no built console here"))


@pytest.fixture(scope="package")
def platform() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the contents of the platform's `run.json` and its printed output."""
    with short_folder() as home:
        yield from running(home)


def running(home: Path, program: str = "aristobot") -> Iterator[tuple[dict[str, Any], str]]:
    """Run the platform, or a program that stands for it, and yield what the fixture `platform` yields."""
    web, door, paper, *_ = range(first := neighbours(5), first + 5)
    ports = {"ARISTOBOT_WEB_PORT": web, "ARISTOBOT_WEBHOOK_PORT": door, "ARISTOBOT_PAPER_PORT": paper}
    environment = (
        os.environ
        | {"ARISTOBOT_HOME": str(home), "ARISTOBOT_PRIVATE_CHANNELS": "true"}
        | {name: str(port) for name, port in ports.items()}
    )
    out = home / "out"
    with out.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", program, "run"], cwd=REPOSITORY, env=environment, stdout=said, stderr=said
        )
    try:
        deadline = time.monotonic() + 240
        while "Ctrl+C" not in out.read_text():
            assert process.poll() is None, out.read_text()
            assert time.monotonic() < deadline, out.read_text()
            time.sleep(0.1)
        yield json.loads((home / "run.json").read_text()) | {"pid": process.pid, "home": str(home)}, out.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser that the tests of a file share; what a site leaves in it ends with each test's own context.

    Not longer: it keeps an event loop running, in which no other test can start one.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browse(platform: tuple[dict[str, Any], str], chromium: Any) -> Callable[..., Any]:
    """Return `browse()`, a context manager that opens a page without a login.

    Any error the page throws fails the test.
    """

    @contextmanager
    def open_page() -> Iterator[Any]:
        with chromium.new_context(viewport={"width": 1600, "height": 900}) as context:
            page = context.new_page()
            faults: list[str] = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(platform[0]["console"])
            yield page
            assert not faults

    return open_page


@pytest.fixture
def enter(platform: tuple[dict[str, Any], str]) -> Callable[[Any, str], None]:
    """Return `enter(page, "fr")`, which logs the demo user in and selects that language."""
    from playwright.sync_api import expect

    def log_in(page: Any, language: str) -> None:
        page.fill("#username", platform[0]["user"])
        page.fill("#password", platform[0]["password"])
        page.keyboard.press("Enter")
        expect(page.locator("nav")).to_be_visible()
        if page.get_attribute("html", "lang") != language:
            page.locator("[data-test=user-menu]").click()
            page.get_by_text(LANGUAGES[language], exact=True).click()
            expect(page.locator(".n-dropdown-menu")).to_have_count(0)
        expect(page.locator("html")).to_have_attribute("lang", language)

    return log_in
