"""A panic in the browser: by keyboard alone, on two exchanges at once, and while the database is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.browser.conftest import running
from tests.browser.test_accessibility import findings_of
from tests.browser.test_trading_journeys import bitget as bitget  # the fixture  # noqa: PLC0414
from tests.browser.test_truth import frozen, hold, postgres_of
from tests.conftest import short_folder

WORDS = {
    "fr": {"word": "panique", "done": "Plus rien", "waits": "RIEN N’EST VENDU"},
    "en": {"word": "panic", "done": "Nothing is left", "waits": "NOTHING SOLD"},
}


@pytest.fixture(scope="module")
def platform() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield a platform of their own: nobody else's positions are sold."""
    with short_folder() as home:
        yield from running(home)


def _bought(told: dict[str, Any], broker: int, name: str) -> None:
    """Send an alert that buys on this broker under a stop, and wait until it is held."""
    alert = {
        "Symbol": "BTCUSDT", "Action": "BuyMarket", "PourCent": 10, "PrixSL": 30000, "IndicateurName": name,
        "UserID": told["user_number"], "UserExchangeID": broker,
    }  # fmt: skip
    assert httpx.post(told["webhook_url"], json=alert, timeout=30).status_code == 200


@pytest.mark.parametrize("language", ["fr", "en"])
def test_everything_is_sold_by_keyboard_and_each_step_is_shown(
    platform: Any, browse: Any, enter: Any, bitget: int, language: str
) -> None:
    """It says first what it does. Once lifted, auto-trading stays halted until it is resumed."""
    from playwright.sync_api import expect

    told, words = platform[0], WORDS[language]
    with browse() as page:
        enter(page, language)
        for broker in (told["broker"], bitget):
            _bought(told, broker, f"{language} {broker}")
        page.locator("[data-test=tab-positions]").click()
        expect(page.locator("[data-test=position]")).to_have_count(2)
        page.locator("main").focus()
        page.keyboard.press("Shift+P")
        dialog = page.locator("[data-test=panic-dialog]")
        expect(dialog.locator("li")).to_have_count(2)
        assert findings_of(page) == []
        page.keyboard.type("no")
        page.keyboard.press("Enter")
        expect(page.locator("[data-test=panic-line]")).to_have_count(0)
        page.keyboard.press("Control+A")
        page.keyboard.type(words["word"])
        page.keyboard.press("Enter")
        expect(page.locator("[data-test=panic-line]")).to_be_visible()
        expect(dialog.locator("[data-test=panic-step-done]")).to_have_count(2)
        expect(dialog.locator("[data-test=panic-left]")).to_contain_text(words["done"])
        assert findings_of(page) == []
        page.keyboard.press("Escape")
        expect(page.locator("[data-test=position]")).to_have_count(0)
        page.locator("[data-test=panic-steps]").click()
        hold(page, "panic-lift")
        expect(page.locator("[data-test=panic-line]")).to_have_count(0)
        page.keyboard.press("Escape")
        expect(page.locator("[data-test=halted]")).to_be_visible()
        hold(page, "resume")
        expect(page.locator("[data-test=halted]")).to_have_count(0)
        page.locator("main").focus()
        page.keyboard.press("Shift+S")
        expect(page.locator("[data-test=stop]")).to_be_focused()


def test_without_the_database_nothing_is_sold_and_it_begins_by_itself(platform: Any, browse: Any, enter: Any) -> None:
    from playwright.sync_api import expect

    told, words = platform[0], WORDS["en"]
    with browse() as page:
        enter(page, "en")
        _bought(told, told["broker"], "away")
        page.locator("[data-test=tab-positions]").click()
        expect(page.locator("[data-test=position]")).to_have_count(1)
        with frozen(*postgres_of(told)):
            expect(page.locator("[data-test=silence]")).to_be_visible(timeout=60_000)
            page.click("[data-test=panic]")
            page.fill("[data-test=panic-word]", words["word"])
            page.click("[data-test=panic-begin]")
            expect(page.locator("[data-test=panic-waits]")).to_contain_text(words["waits"])
        expect(page.locator("[data-test=panic-left]")).to_contain_text(words["done"])
        expect(page.locator("[data-test=panic-waits]")).to_have_count(0)
        hold(page, "panic-lift")
        page.keyboard.press("Escape")
        expect(page.locator("[data-test=position]")).to_have_count(0)
        hold(page, "resume")
        expect(page.locator("[data-test=halted]")).to_have_count(0)
