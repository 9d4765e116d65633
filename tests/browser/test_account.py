"""The account page in a real Chromium: connecting a broker, the second factor, preferences and an alert."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import httpx
import pyotp
import pytest

WORDS = {
    "fr": {
        "ok": "Connexion OK - Binance",
        "withdraw": "Cette clé autorise les retraits",
        "limit": "Plafond d'achat",
        "delete": "Supprimer",
    },
    "en": {
        "ok": "Connection OK - Binance",
        "withdraw": "This key can withdraw funds",
        "limit": "Buy limit",
        "delete": "Delete",
    },
}


def _account(told: dict[str, Any], **given: Any) -> dict[str, str]:
    body = {"exchange": "binance", "balances": {"USDT": "5000"}, **given}
    return httpx.post(f"{told['paper']}/paper/accounts", json=body).json()


def _limit(told: dict[str, Any], per_order: str | None) -> None:
    """Set what the demo broker may spend per order."""
    with httpx.Client(base_url=told["console"]) as client:
        body = {"username": told["user"], "password": told["password"]}
        client.headers["X-CSRF-Token"] = client.post("/api/session", json=body).json()["csrf"]
        limits = {"currency": "USDT", "per_order": per_order}
        assert client.put(f"/api/brokers/{told['broker']}", json={"limits": limits}).status_code == 204


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_broker_is_tried_connected_and_removed(platform: Any, browse: Any, enter: Any, language: str) -> None:
    """A key that may withdraw is refused with the reason.

    A good key connects the broker, which can be edited and removed.
    """
    from playwright.sync_api import expect

    told, words = platform[0], WORDS[language]
    good, bad = _account(told), _account(told, may_withdraw=True)
    with browse() as page:
        enter(page, language)
        page.click('a[href="/account"]')
        lines = page.locator("[data-test=broker]")
        expect(lines).to_have_count(1)
        page.click("[data-test=new-broker]")
        page.fill("[data-test=name]", f"Second {language}")
        page.fill("[data-test=key]", bad["key"])
        page.fill("[data-test=secret]", bad["secret"])
        page.click("[data-test=test]")
        expect(page.locator("[data-test=verdict]")).to_contain_text(words["ok"])
        expect(page.locator("[data-test=verdict]")).to_contain_text("USDT")
        page.click("[data-test=connect]")
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(words["withdraw"])
        page.fill("[data-test=key]", good["key"])
        page.fill("[data-test=secret]", good["secret"])
        page.click("[data-test=connect]")
        expect(lines).to_have_count(2)
        expect(lines.last).to_contain_text(f"Second {language}")
        expect(lines.last).not_to_contain_text(good["key"])
        page.locator("[data-test=edit-broker]").last.click()
        page.fill("[data-test=per-order]", "-1")
        page.click("[data-test=save-broker]")
        expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        page.fill("[data-test=per-order]", "100")
        page.select_option("[data-test=usage]", "off")
        page.click("[data-test=save-broker]")
        expect(lines.last).to_contain_text("OFF")
        lines.last.locator("[data-test=more-broker]").click()
        page.get_by_text(words["delete"], exact=True).click()
        page.get_by_role("dialog").get_by_role("button").last.click()
        expect(lines).to_have_count(1)


def test_an_invitation_is_shown_once_and_can_be_withdrawn(browse: Any, enter: Any) -> None:
    """The list tells that a code is outstanding, never the code; a withdrawn one leaves it."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.goto(page.url.rstrip("/") + "/admin")
        card = page.locator("[data-test=invitations]")
        card.locator("[data-test=invite]").click()
        code = card.get_by_role("status").locator("code").inner_text()
        expect(card.locator("[data-test=invitation]")).to_have_count(1)
        page.reload()
        expect(card.locator("[data-test=invitation]")).to_have_count(1)
        expect(card).not_to_contain_text(code)
        card.locator("[data-test=invitation]").get_by_role("button").click()
        expect(card).to_contain_text("No outstanding invitations")


def test_a_broker_can_be_described_before_the_exchanges_are_known(browse: Any, enter: Any) -> None:
    """The form opens first. Its key fields appear once the exchange's requirements are known."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        waiting: list[Any] = []

        def hold(route: Any) -> None:
            waiting.append(route)

        page.route("**/api/exchanges", hold)
        page.click('a[href="/account"]')
        page.click("[data-test=new-broker]")
        expect(page.locator("[data-test=name]")).to_be_visible()
        expect(page.locator("[data-test=key]")).to_have_count(0)
        waiting.pop().continue_()
        expect(page.locator("[data-test=key]")).to_be_visible()


def test_the_second_factor_guards_the_next_login(platform: Any, browse: Any, enter: Any) -> None:
    """Its first code switches it on, the next login asks for it, and the password switches it off."""
    from playwright.sync_api import expect

    told = platform[0]
    with browse() as page:
        enter(page, "en")
        page.click('a[href="/account"]')
        page.click("[data-test=tab-security]")
        card = page.locator("section.card", has=page.get_by_role("heading", name="Two-factor authentication"))
        card.locator("input[type=password]").fill(told["password"])
        card.get_by_role("button").click()
        secret = card.locator("code").inner_text()
        card.locator("input").fill(pyotp.TOTP(secret).now())
        card.get_by_role("button").click()
        expect(card.locator("code")).to_have_count(10)
        recovery = card.locator("code").first.inner_text()
        page.locator("[data-test=user-menu]").click()
        page.get_by_text("Log out", exact=True).click()
        page.fill("#username", told["user"])
        page.fill("#password", told["password"])
        page.keyboard.press("Enter")
        page.fill("#code", "000000")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        page.fill("#code", recovery)
        page.keyboard.press("Enter")
        page.click('a[href="/account"]')
        page.click("[data-test=tab-security]")
        card.locator("input[type=password]").fill(told["password"])
        card.get_by_role("button").click()
        expect(card.locator(".badge")).to_have_text("off")


def test_preferences_are_kept_with_the_account(browse: Any, enter: Any) -> None:
    """Theme, time zone and colours return at the next login, even in a new browser."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.click('a[href="/account"]')
        page.click("[data-test=tab-preferences]")
        for field, choice in (("theme", "light"), ("colours", "blue_up"), ("time_zone", "local")):
            page.select_option(f"[data-test={field}]", choice)
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
    with browse() as page:
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        enter(page, "en")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        expect(page.locator("html")).to_have_attribute("data-colours", "blue_up")
        page.click('a[href="/account"]')
        page.click("[data-test=tab-preferences]")
        for field, choice in (("theme", "dark"), ("colours", "green_up"), ("time_zone", "UTC")):
            page.select_option(f"[data-test={field}]", choice)
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_session_that_was_ended_elsewhere_leads_back_to_the_login(browse: Any, enter: Any) -> None:
    """The first click leads to the login, with a message that says why."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        page.context.clear_cookies()
        page.click('a[href="/account"]')
        expect(page.locator("#username")).to_be_visible()
        expect(page.get_by_role("status")).to_contain_text("session has ended")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_alert_rings_the_bell(platform: Any, browse: Any, enter: Any, language: str) -> None:
    """An entry above its broker's limit appears in the notification centre, and leaves it once acknowledged."""
    from playwright.sync_api import expect

    told, printed = platform
    curl = next(line for line in printed.splitlines() if line.startswith("curl"))
    minute = {"fr": "2026-01-06T10:00:00Z", "en": "2026-01-06T10:05:00Z"}[language]
    with browse() as page:
        enter(page, language)
        _limit(told, "1")
        subprocess.run(re.sub(r"'\$\(date[^)]*\)'", minute, curl), shell=True, check=True, capture_output=True)
        page.click('a[href="/alerts"]')
        page.locator("h1").hover()  # the rail folds when the pointer leaves it
        page.click("[data-test=tab-positions]")
        newest = page.locator("[data-test=alert]", has_text=WORDS[language]["limit"]).first
        expect(newest.get_by_role("button").last).to_be_visible()
        expect(page.locator("[data-test=bell]")).to_contain_text("1")
        newest.get_by_role("button").last.click()
        expect(page.locator("[data-test=bell]")).not_to_contain_text("1")
    _limit(told, None)
