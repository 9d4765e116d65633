"""A trader writes a strategy in the browser: every fault at its line, every version kept, no draft ever lost."""

from __future__ import annotations

import os
import re
import signal
from typing import Any
from uuid import uuid4

from tests.support.processes import children_of, words_of
from tests.web.strategies.conftest import CROSSING

CODE = ".cm-content[contenteditable=true]"


def create(page: Any, name: str) -> None:
    """Go to the strategies and create one."""
    page.click('nav a[href="/strategies"]')
    page.click("[data-test=new-strategy]")
    page.fill("[data-test=strategy-name]", name)
    page.click("[data-test=strategy-save]")
    page.wait_for_selector(CODE)


def write(page: Any, code: str) -> None:
    """Replace what is in the editor."""
    page.click(CODE)
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(code)


def test_a_strategy_is_written_checked_saved_and_taken_back(browse: Any, enter: Any) -> None:
    """From the template to two versions, and back to the first, with what is wrong named at its line."""
    from playwright.sync_api import expect

    name = f"Crossing {uuid4().hex[:6]}"
    with browse() as page:
        enter(page, "en")
        create(page, name)
        state, verdict = page.locator("[data-test=state]"), page.locator("[data-test=check-verdict]")
        expect(page.locator(CODE)).to_contain_text("class MaNouvelleStrategie(Strategy):")
        write(page, "import os\n" + CROSSING)
        expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
        page.click("[data-test=strategy-check]")
        expect(verdict).to_have_text("One problem")
        expect(page.locator("[data-test=check-result]")).to_contain_text("os cannot be imported in the sandbox")
        page.click("[data-test=strategy-store]")
        expect(state).to_have_text("Draft")
        write(page, CROSSING)
        expect(page.locator(".cm-lint-marker-error")).to_have_count(0)
        page.click("[data-test=strategy-check]")
        expect(verdict).to_have_text("Valid syntax")
        expect(page.locator("[data-test=check-result]")).to_contain_text("Asked at 100 candles")
        expect(page.locator("[data-test=preview-buys]")).to_have_text(re.compile(r"^\d+ buys?$"))
        page.click("[data-test=strategy-store]")
        expect(state).to_have_text("Version 1 · valid")
        write(page, CROSSING.replace("length=10", "length=15"))
        page.keyboard.press("Control+s")
        expect(state).to_have_text("Version 2 · valid")
        page.click("[data-test=strategy-versions]")
        page.click("[data-test=version-1]")
        expect(page.locator("[data-test=diff] .cm-changedText")).to_have_text(["0", "5"])
        page.click("[data-test=restore]")
        expect(page.locator(CODE)).to_contain_text("length=10")
        expect(state).to_have_text("Draft")
        page.click("[data-test=discard]")
        expect(page.locator(CODE)).to_contain_text("length=15")
        expect(state).to_have_text("Version 2 · valid")
        page.reload()
        expect(page.locator(CODE)).to_contain_text("length=15")
        expect(state).to_have_text("Version 2 · valid")
        page.click("[data-test=strategy-delete]")
        page.click("[data-test=strategy-delete-yes]")
        expect(page.locator("main")).not_to_contain_text(name)


def test_a_draft_outlives_a_server_that_does_not_answer(browse: Any, enter: Any) -> None:
    """It stays in the browser, says so, and goes to the server once that answers again."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "en")
        create(page, f"Draft {uuid4().hex[:6]}")
        page.route("**/draft", lambda route: route.abort())
        write(page, "# half of an idea")
        kept = page.locator("[data-test=draft]")
        expect(kept).to_contain_text("in this browser")
        page.reload()
        expect(page.locator(CODE)).to_contain_text("# half of an idea")
        page.unroute("**/draft")
        expect(kept).to_have_text("Draft kept", timeout=20_000)
        page.evaluate("localStorage.clear()")
        page.reload()
        expect(page.locator(CODE)).to_contain_text("# half of an idea")


def test_two_windows_overwrite_nothing(browse: Any, enter: Any) -> None:
    """The second one to save is told that there is a newer version, and keeps its draft."""
    from playwright.sync_api import expect

    with browse() as first, browse() as second:
        enter(first, "en")
        create(first, f"Twice {uuid4().hex[:6]}")
        write(first, CROSSING)
        address = first.url
        enter(second, "en")
        first.click("[data-test=strategy-store]")
        expect(first.locator("[data-test=state]")).to_have_text("Version 1 · valid")
        second.goto(address)
        second.wait_for_selector(CODE)
        for page, length in ((first, "16"), (second, "17")):
            write(page, CROSSING.replace("length=10", f"length={length}"))
            page.click("[data-test=strategy-store]")
        expect(first.locator("[data-test=state]")).to_have_text("Version 2 · valid")
        expect(second.get_by_text("Another version was saved since")).to_be_visible()
        second.reload()
        expect(second.locator(CODE)).to_contain_text("length=17")
        second.click("[data-test=strategy-store]")
        expect(second.get_by_text("Another version was saved since")).to_be_visible()
        second.click("[data-test=strategy-versions]")
        expect(second.locator("[data-test=diff] .cm-changedText")).to_have_text(["16", "17"])
        second.keyboard.press("Escape")
        second.click("[data-test=strategy-store]")
        expect(second.locator("[data-test=state]")).to_have_text("Version 3 · valid")


def test_two_drafts_are_both_there_until_one_is_chosen(browse: Any, enter: Any) -> None:
    """What was written in another window meanwhile is neither lost nor written over."""
    from playwright.sync_api import expect

    with browse() as first, browse() as second:
        enter(first, "en")
        create(first, f"Both {uuid4().hex[:6]}")
        enter(second, "en")
        second.goto(first.url)
        second.wait_for_selector(CODE)
        write(first, "# the first")
        expect(first.locator("[data-test=draft]")).to_have_text("Draft kept")
        write(second, "# the second")
        expect(second.locator("[data-test=elsewhere]")).to_be_visible()
        second.click("[data-test=take-other]")
        expect(second.locator(CODE)).to_have_text("# the first")
        write(second, "# the third")
        expect(second.locator("[data-test=draft]")).to_have_text("Draft kept")
        write(first, "# the fourth")
        first.click("[data-test=keep-mine]")
        expect(first.locator("[data-test=draft]")).to_have_text("Draft kept")
        first.reload()
        expect(first.locator(CODE)).to_have_text("# the fourth")


def test_the_editor_speaks_french_and_lets_the_keyboard_out(browse: Any, enter: Any) -> None:
    """Completion names the functions of the library; search is in French; Escape and Tab leave."""
    from playwright.sync_api import expect

    with browse() as page:
        enter(page, "fr")
        with page.expect_response("**/api/strategies/functions"):
            create(page, f"Croisée {uuid4().hex[:6]}")
        page.click(CODE)
        page.keyboard.press("Control+End")
        page.keyboard.type("x = ta.supertre")
        offered = page.locator(".cm-tooltip-autocomplete li")
        expect(offered).to_contain_text(["supertrend(high, low, close"])
        offered.first.click()
        expect(page.locator(CODE)).to_contain_text('x = ta.supertrend(self.candles["high"]')
        page.keyboard.press("Escape")
        page.keyboard.press("Control+f")
        expect(page.get_by_placeholder("Rechercher").last).to_be_focused()
        expect(page.locator(".cm-search")).to_contain_text("respecter la casse")
        page.keyboard.press("Escape")
        expect(page.locator(CODE)).to_be_focused()
        page.keyboard.press("Escape")
        page.keyboard.press("Tab")
        expect(page.locator(CODE)).not_to_be_focused()


def test_a_sandbox_that_dies_is_back_at_once(platform: Any, browse: Any, enter: Any, eventually: Any) -> None:
    """It is restarted like any terminal, and the next check finds it."""
    from playwright.sync_api import expect

    def zygotes() -> list[int]:
        return [pid for pid in children_of(platform[0]["pid"]) if "adapters.sandbox.zygote" in " ".join(words_of(pid))]

    with browse() as page:
        enter(page, "en")
        create(page, f"After {uuid4().hex[:6]}")
        [before] = zygotes()
        os.kill(before, signal.SIGKILL)
        eventually(lambda: (found := zygotes()) and found != [before])
        write(page, CROSSING)
        page.click("[data-test=strategy-check]")
        expect(page.locator("[data-test=check-verdict]")).to_have_text("Valid syntax")
