"""What is drawn on a page of the real app is there after a reload: measurements, and what was undone or deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_journeys import SLOW, picture, upload
from tests.browser.test_viewer import drag, look

pytestmark = pytest.mark.timeout(600)
PATIENCE = 100


def opened(page: Page) -> None:
    page.wait_for_selector(".viewer[data-loaded=true]", timeout=SLOW)
    expect(page.locator(".viewport").first).to_be_visible()


def analyse(page: Page, address: str, seed: int) -> None:
    """Upload a picture and open it where it can be drawn on."""
    page.goto(address)
    upload(page, (f"scan{seed}.png", picture(seed)))
    page.locator("[class*=st-key-title-] button", has_text=f"scan{seed}").click()
    page.get_by_test_id("stTopNavLink").nth(1).click()
    expect(page.locator(".st-key-viewport-large")).to_be_visible(timeout=SLOW)
    opened(page)


def becomes(page: Page, ask: Callable[[], Any], expected: object) -> None:
    """Until the answer is the expected one."""
    found = None
    for _ in range(PATIENCE):
        found = ask()
        if found == expected:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{found}, not {expected}")


def reload(page: Page) -> None:
    page.wait_for_timeout(1500)  # what was drawn last reaches the store
    page.reload()
    opened(page)


def test_a_drawn_length_is_there_after_a_reload_and_a_deleted_one_is_not(server: str, page: Page) -> None:
    analyse(page, server, 11)

    def kinds() -> list[str]:
        found: list[str] = look(page, "v.marks.list.map((mark) => mark.kind)")
        return found

    page.locator(".viewport").focus()
    page.keyboard.press("l")
    drag(page, (200, 200), (300, 260))
    page.keyboard.press("x")
    drag(page, (250, 150), (250, 150))
    becomes(page, kinds, ["length", "point"])
    reload(page)
    becomes(page, kinds, ["length", "point"])
    longest = look(page, "v.marks.list[0].values.longest")
    assert longest > 10
    page.locator(".viewport").focus()
    drag(page, (250, 150), (250, 150))  # choose the point
    page.keyboard.press("Delete")
    becomes(page, kinds, ["length"])
    reload(page)
    becomes(page, kinds, ["length"])
    page.locator(".viewport").focus()
    page.keyboard.press("x")
    drag(page, (350, 150), (350, 150))
    page.wait_for_timeout(500)
    page.keyboard.press("Control+z")
    becomes(page, kinds, ["length"])
    reload(page)
    becomes(page, kinds, ["length"])
    page.get_by_test_id("stTopNavLink").nth(0).click()  # the quick look shows it too, and coming back keeps it
    expect(page.locator(".st-key-viewport-quick")).to_be_visible(timeout=SLOW)
    opened(page)
    becomes(page, kinds, ["length"])
    page.get_by_test_id("stTopNavLink").nth(1).click()
    expect(page.locator(".st-key-viewport-large")).to_be_visible(timeout=SLOW)
    opened(page)
    becomes(page, kinds, ["length"])
    assert look(page, "v.marks.list[0].values.longest") == longest
