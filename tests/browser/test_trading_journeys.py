"""A trader's journeys on every exchange: an account is set up, an alert is protected, orders are placed by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.browser.conftest import running
from tests.browser.test_accessibility import findings_of
from tests.conftest import short_folder

WORDS = {
    "fr": {
        "filled": "exécuté",
        "open": "ouvert",
        "cancelled": "annulé",
        "funds": "Fonds insuffisants",
        "trailing": "stop suiveur",
    },
    "en": {
        "filled": "filled",
        "open": "open",
        "cancelled": "cancelled",
        "funds": "Insufficient funds",
        "trailing": "no trailing stop",
    },
}


BITGET = {
    "fr": {
        "ok": "Connexion OK - Bitget",
        "unified": "ce compte est un compte unifié",
        "trade": "Ordres du trade en cours",
        "stop": "30\u202f000,00",
        "target": "90\u202f000,00",
    },
    "en": {
        "ok": "Connection OK - Bitget",
        "unified": "this is a unified account",
        "trade": "Orders of the open trade",
        "stop": "30,000.00",
        "target": "90,000.00",
    },
}


@pytest.fixture(scope="module")
def platform() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield a platform of their own: other tests expect one account and no position of the hand."""
    with short_folder() as home:
        yield from running(home)


def _account(told: dict[str, Any], *, unified: bool = False) -> dict[str, str]:
    """Open an account at the paper Bitget and return its keys."""
    given = {"exchange": "bitget", "balances": {"USDT": "5000"}, "passphrase": "a phrase", "unified": unified}
    return httpx.post(f"{told['paper']}/paper/accounts", json=given).json()


@pytest.fixture(scope="module")
def bitget(platform: Any) -> int:
    """Connect a Bitget account beside the demo's, and return its broker."""
    told = platform[0]
    account = _account(told)
    with httpx.Client(base_url=told["console"], timeout=60) as client:
        body = {"username": told["user"], "password": told["password"]}
        client.headers["X-CSRF-Token"] = client.post("/api/session", json=body).json()["csrf"]
        keys = {name: account[name] for name in ("key", "secret", "passphrase")}
        wanted = {"exchange": "bitget", "venue": "paper", "name": "Bitget", "keys": keys}
        made = client.post("/api/brokers", json=wanted)
        assert made.status_code == 201, made.text
        return int(made.json()["number"])


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_bitget_account_is_set_up_and_traded(platform: Any, browse: Any, enter: Any, language: str) -> None:
    """A unified account is refused in words, a classic one is connected, and an alert buys under a stop there."""
    from playwright.sync_api import expect

    told, words = platform[0], BITGET[language]
    unified, classic = (_account(told, unified=one) for one in (True, False))
    with browse() as page:
        enter(page, language)
        page.click('a[href="/account"]')
        page.click("[data-test=new-broker]")
        page.get_by_role("dialog").locator("select").first.select_option("bitget")
        page.fill("[data-test=name]", f"Bitget {language}")
        for account, verdict in ((unified, words["unified"]), (classic, words["ok"])):
            for field in ("key", "secret", "passphrase"):
                page.fill(f"[data-test={field}]", account[field])
            page.click("[data-test=test]")
            expect(page.locator("[data-test=verdict]")).to_contain_text(verdict)
        expect(page.locator("[data-test=verdict]")).to_contain_text("USDT")
        page.click("[data-test=connect]")
        line = page.locator("[data-test=broker]").filter(has_text=f"Bitget {language}")
        expect(line).to_contain_text("OK9")  # connected, nine pairs
        _bought_under_a_stop(told, f"Bitget {language}")
        page.click('a[href="/webhooks"]')
        page.get_by_role("tab", name=words["trade"]).click()
        trade = page.locator("[data-test=open-trade]").filter(has_text=f"Bitget {language}")
        expect(trade.locator("[data-test=stop]")).to_contain_text(words["stop"])
        page.locator("[data-test=tab-positions]").click()
        position = page.locator("[data-test=position]").filter(has_text=f"Bitget {language}")
        target = position.locator("[data-test=take-profit]")
        expect(target).to_have_text(words["target"])
        assert target.evaluate(
            "one => one.getBoundingClientRect().right <= one.closest('td').getBoundingClientRect().right"
        )
        # And it is sold by hand, a half first: its stop goes with it.
        for share in ("50", "100"):
            held = position.locator("td").nth(2).inner_text()
            position.locator("[data-test=close-position]").click()
            page.locator(f"[data-test=close-{share}]").click()
            assert findings_of(page) == []
            page.locator("[data-test=close-confirm]").click()
            if share == "50":
                expect(position.locator("td").nth(2)).not_to_have_text(held)
        expect(position).to_have_count(0)
        page.locator("[data-test=tab-open]").click()
        expect(page.locator("[data-test=trade]").filter(has_text=f"Bitget {language}")).to_have_count(0)


def _bought_under_a_stop(told: dict[str, Any], name: str) -> None:
    """Send an alert that buys on this broker under a stop, which then waits on the exchange."""
    with httpx.Client(base_url=told["console"]) as client:
        client.post("/api/session", json={"username": told["user"], "password": told["password"]})
        [broker] = [one["number"] for one in client.get("/api/brokers").json()["items"] if one["name"] == name]
    alert = {
        "Symbol": "BTCUSDT", "Action": "BuyMarket", "PourCent": 10, "PrixSL": 30000, "PrixTP": 90000,
        "IndicateurName": name, "UserID": told["user_number"], "UserExchangeID": broker,
    }  # fmt: skip
    assert httpx.post(told["webhook_url"], json=alert).status_code == 200


def _validated(page: Any, **typed: str) -> None:
    """Type a ticket and validate it."""
    from playwright.sync_api import expect

    for name, value in typed.items():
        field = page.locator(f"[data-test=ticket-{name}]")
        if name in {"type", "unit", "force"}:
            field.select_option(value)
        else:
            field.fill(value)
    page.click("[data-test=validate]")
    expect(page.locator("[data-test=execute]")).to_be_enabled()


def _either(word: str) -> re.Pattern[str]:
    """Return a pattern for a word in any language."""
    return re.compile("|".join(words[word] for words in WORDS.values()))


def test_an_order_is_bought_by_keyboard_alone(platform: Any, browse: Any) -> None:
    """From the login to the filled order, without a pointer. No single key sends anything."""
    from playwright.sync_api import expect

    told = platform[0]
    with browse() as page:
        page.locator("#username").focus()
        page.keyboard.type(told["user"])
        page.keyboard.press("Tab")
        page.keyboard.type(told["password"])
        page.keyboard.press("Enter")
        expect(page.locator("nav")).to_be_visible()
        page.keyboard.press("g")
        page.keyboard.press("t")
        expect(page.locator("[data-test=ticket-amount]")).to_be_visible()
        page.keyboard.press("b")
        expect(page.locator("[data-test=ticket-amount]")).to_be_focused()
        page.keyboard.type("100")
        page.keyboard.press("Enter")
        expect(page.locator("[data-test=execute]")).to_be_enabled()
        while not page.evaluate("document.activeElement?.dataset?.test === 'execute'"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("[data-test=ticket-order] strong")).to_have_text(_either("filled"))
        assert findings_of(page) == []


@pytest.mark.parametrize("exchange", ["binance", "bitget"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_type_of_order_lives_and_ends(
    platform: Any, browse: Any, enter: Any, bitget: int, exchange: str, language: str
) -> None:
    """Bought under a stop and a target; a limit order, a stop and a take-profit rest in the dock and are cancelled."""
    from playwright.sync_api import expect

    told, words = platform[0], WORDS[language]
    broker = told["broker"] if exchange == "binance" else bitget
    with browse() as page:
        enter(page, language)
        page.goto(f"{told['console']}/trade?pair=ETH/USDT&broker={broker}")
        page.locator("[data-test=tab-open]").click()
        became = page.locator("[data-test=ticket-order] strong")
        rows = page.locator("[data-test=trade]").filter(has_text="ETH/USDT")
        _validated(page, type="market", unit="quote", amount="200")
        page.click("[data-test=execute]")
        expect(became).to_have_text(words["filled"])
        for kind, side, prices in (
            ("limit", "buy", {"price": "1500"}),
            ("stop_loss", "sell", {"stop_price": "1000"}),
            ("take_profit", "sell", {"stop_price": "9000"}),
            ("stop_loss_limit", "sell", {"stop_price": "1000", "price": "990"}),
            ("take_profit_limit", "sell", {"stop_price": "9000", "price": "8990"}),
        ):
            page.click(f"[data-test=side-{side}]")
            page.locator("[data-test=ticket-type]").select_option(kind)
            _validated(page, unit="base", amount="0.02", **prices)
            page.click("[data-test=execute]")
            expect(became).to_have_text(words["open"])
            expect(rows).to_have_count(1)
            rows.locator("[data-test=cancel-order]").click()
            page.locator(".n-dialog__action button").last.click()
            expect(rows).to_have_count(0)
            expect(became).to_have_text(words["cancelled"])
        # A trigger that follows the price, where the exchange has it; elsewhere its field says that it has not.
        page.locator("[data-test=ticket-type]").select_option("stop_loss")
        page.fill("[data-test=ticket-stop_price]", "")
        page.fill("[data-test=ticket-trailing]", "5")
        page.fill("[data-test=ticket-amount]", "0.02")
        if exchange == "bitget":
            expect(page.locator("label:has([data-test=ticket-trailing]) p")).to_contain_text(words["trailing"])
            return
        page.click("[data-test=validate]")
        expect(page.locator("[data-test=execute]")).to_be_enabled()
        page.click("[data-test=execute]")
        expect(rows).to_have_count(1)
        rows.locator("[data-test=cancel-order]").click()
        page.locator(".n-dialog__action button").last.click()
        expect(rows).to_have_count(0)


def test_a_lost_answer_makes_no_second_order(platform: Any, browse: Any, enter: Any) -> None:
    """The order is placed, and its answer is lost twice. The same ticket is asked about until it is known."""
    from playwright.sync_api import expect

    told, lost = platform[0], []
    with browse() as page:
        enter(page, "en")
        page.goto(f"{told['console']}/trade?pair=SOL/USDT&broker={told['broker']}")

        def lose(route: Any) -> None:
            if len(lost) < 2:
                lost.append(route.fetch().status)
                route.abort()
            else:
                route.continue_()

        page.route("**/api/tickets/*/execute", lose)
        _validated(page, type="market", unit="quote", amount="50")
        page.click("[data-test=execute]")
        expect(page.locator("[data-test=ticket-state]")).to_contain_text("without a second order")
        expect(page.locator("[data-test=validate]")).to_be_disabled()
        expect(page.locator("[data-test=ticket-order] strong")).to_have_text("filled")
        assert lost == [201, 201]
        page.locator("[data-test=tab-executed]").click()
        expect(page.locator("[data-test=trade]").filter(has_text="SOL/USDT")).to_have_count(1)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_cannot_be_sent_is_told_at_its_field(platform: Any, browse: Any, enter: Any, language: str) -> None:
    """Before anything is executed. Whatever changes in the ticket takes its validation away."""
    from playwright.sync_api import expect

    told, words = platform[0], WORDS[language]
    with browse() as page:
        enter(page, language)
        page.goto(f"{told['console']}/trade?pair=BTC/USDT")
        page.fill("[data-test=ticket-amount]", "99999999")
        expect(page.locator("label:has([data-test=ticket-amount]) p")).to_contain_text(words["funds"])
        expect(page.locator("[data-test=execute]")).to_be_disabled()
        _validated(page, amount="100", stop_loss="30000")
        page.fill("[data-test=ticket-stop_loss]", "999999")
        expect(page.locator("[data-test=execute]")).to_be_disabled()
        expect(page.locator("label:has([data-test=ticket-stop_loss]) p")).to_be_visible()
        page.locator("[data-test=share-50]").click()
        page.fill("[data-test=ticket-stop_loss]", "")
        expect(page.locator("[data-test=ticket-summary]")).to_contain_text("USDT")


@pytest.mark.parametrize("exchange", ["binance", "bitget"])
def test_the_order_book_is_followed_and_gives_its_prices_to_the_ticket(
    platform: Any, browse: Any, enter: Any, bitget: int, exchange: str
) -> None:
    """A validation says what would be paid by it, and the last trades are told beside it."""
    from playwright.sync_api import expect

    told = platform[0]
    broker = told["broker"] if exchange == "binance" else bitget
    with browse() as page:
        enter(page, "en")
        page.goto(f"{told['console']}/trade?pair=ETH/USDT&broker={broker}")
        expect(page.locator("[data-test=bid]").first).to_be_visible()
        expect(page.locator("[data-test=spread]")).to_contain_text("USDT")
        assert findings_of(page) == []
        page.fill("[data-test=ticket-amount]", "100")
        expect(page.locator("[data-test=ticket-summary]")).to_contain_text("slippage")
        page.locator("[data-test=ask]").last.click()
        expect(page.locator("[data-test=ticket-type]")).to_have_value("limit")
        expect(page.locator("[data-test=ticket-price]")).not_to_have_value("")
        page.locator("[data-test=depth] [data-test=tab-tape]").click()
        expect(page.locator("[data-test=tape-trade]").first).to_be_visible()
        assert findings_of(page) == []
        page.locator("[data-test=desk-depth]").click()
        expect(page.locator("[data-test=depth]")).to_have_count(0)
        page.locator("[data-test=desk-depth]").click()
        expect(page.locator("[data-test=depth]")).to_be_visible()
