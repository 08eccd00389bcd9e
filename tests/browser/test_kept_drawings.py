"""What is drawn on a page of the real app is there after a reload: measurements, and what was undone or deleted."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import nibabel
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_journeys import SLOW, picture, upload
from tests.browser.test_viewer import drag, look, screen, settle

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
PATIENCE = 100


def opened(page: Page) -> None:
    page.wait_for_selector(".viewer[data-loaded=true]", timeout=SLOW)
    expect(page.locator(".viewport").first).to_be_visible()


def volume() -> bytes:
    """A NIfTI of 20 slices of 64 × 64 grey voxels, 3 × 2 × 2 mm."""
    noise = np.random.default_rng(3).integers(0, 200, (64, 64, 20)).astype(np.int16)
    return gzip.compress(nibabel.Nifti1Image(noise, np.diag((2.0, 2.0, 3.0, 1.0))).to_bytes())


def analyse(page: Page, address: str, name: str, content: bytes) -> None:
    """Upload a scan and open it where it can be drawn on."""
    page.goto(address)
    upload(page, (name, content))
    page.locator("[class*=st-key-title-] button").first.click()  # the newest
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
    analyse(page, server, "scan11.png", picture(11))

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


LABELS = "v.panes[0].overlays.map((o) => (o.edited ?? o.image).data.reduce((a, b) => a + (b > 0), 0))"


def rows(page: Page) -> list[str]:
    """What the list under the picture says, without its icons."""
    return page.locator("[class*=st-key-entry-] button").all_inner_texts()


def test_a_brushed_mask_is_kept_corrected_listed_hidden_and_deleted(server: str, page: Page) -> None:
    analyse(page, server, "block.nii.gz", volume())
    look(page, "v.brush.setRadius(12)")
    settle(page)
    page.locator(".viewport").focus()
    page.keyboard.press("m")
    at = screen(page, look(page, "v.panes[0].crosshair"))
    drag(page, at)
    drawn = look(page, LABELS)
    assert drawn[0] > 80
    expect(page.get_by_text("Drawn mask")).to_be_visible(timeout=SLOW)
    reload(page)
    becomes(page, lambda: look(page, LABELS), drawn)  # it lies over the scan again, once
    expect(page.locator("[class*=st-key-entry-]")).to_have_count(1)
    # a click in the list goes there
    look(page, "v.jump([0, 0, 0])")
    before = look(page, "v.panes[0].crosshair[2]")
    page.locator("[class*=st-key-entry-] button").click()
    becomes(page, lambda: look(page, "v.panes[0].crosshair[2]") != before, True)
    becomes(page, lambda: page.locator("[class*=st-key-entry-open-]").count(), 1)
    # the eraser makes a corrected version, of which only one is shown
    page.locator(".viewport").focus()
    page.keyboard.press("u")
    look(page, "v.brush.setRadius(6)")
    settle(page)
    drag(page, screen(page, look(page, "v.panes[0].crosshair")))
    smaller = look(page, LABELS)
    assert 0 < smaller[0] < drawn[0]
    expect(page.get_by_text("Corrected")).to_be_visible(timeout=SLOW)
    reload(page)
    becomes(page, lambda: look(page, LABELS), smaller)
    # a click on it in the picture chooses its row
    look(page, "v.setTool('window')")
    page.locator("[class*=st-key-entry-] button").click()
    page.wait_for_timeout(800)
    x, y = screen(page, look(page, "v.panes[0].crosshair"))
    ring = look(page, "9 / v.viewports[0].frame().mmPerPx")  # between the two radii
    drag(page, (x + ring, y), (x + ring, y))
    becomes(page, lambda: look(page, "v.panes[0].overlays.length"), 1)
    expect(page.locator("[class*=st-key-entry-open-]")).to_have_count(1)
    # hidden, deleted back to the version before, and brought back
    page.locator(".st-key-reading-list [data-testid=stCheckbox] label").click()
    becomes(page, lambda: look(page, "v.panes[0].overlays[0].visible"), False)
    page.locator("[class*=st-key-delete-mask-] button").first.click()
    becomes(page, lambda: look(page, LABELS), drawn)
    page.locator(".st-key-undo-mask button").click()
    becomes(page, lambda: look(page, LABELS), smaller)
