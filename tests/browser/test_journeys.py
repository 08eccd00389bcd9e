"""What a user does, in a real browser on the real app: upload to heat map, bad file beside a good one, deep link."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Page, expect = playwright.Page, playwright.expect

PAGES = Path(__file__).resolve().parents[2] / "pages"
SLOW = 120_000  # ms; the first run loads torch, and the machine may be busy
pytestmark = pytest.mark.timeout(900)


def picture(seed: int) -> bytes:
    """A PNG of 192 × 160 grey pixels with soft shapes."""
    noise = np.random.default_rng(seed).random((12, 10))
    grey = Image.fromarray((noise * 255).astype(np.uint8)).resize((160, 192), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    grey.save(file, "PNG")
    return file.getvalue()


def upload(page: Page, *files: tuple[str, bytes]) -> None:
    """Drop files and wait for the outcome."""
    chooser = page.locator("[data-testid=stFileUploader] input[type=file]:not([webkitdirectory])").first
    payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    chooser.set_input_files(payload)
    expect(page.locator(".st-key-close-outcome")).to_be_visible(timeout=SLOW)


def banner(page: Page) -> None:
    expect(page.locator(".medcore-banner")).to_contain_text("Not a medical device", timeout=SLOW)
    expect(page.locator(".medcore-banner")).to_be_in_viewport()


@pytest.mark.parametrize("path", ["models", "analyse", "about"])
def test_a_deep_link_as_the_very_first_request_reaches_the_shell(fresh_server: str, page: Page, path: str) -> None:
    page.goto(f"{fresh_server}/{path}")
    banner(page)
    expect(page.get_by_test_id("stTopNavLink")).to_have_count(len([*PAGES.glob("[a-z]*.py")]))
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)  # the legacy list of pages/*.py
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_upload_then_run_gives_a_result_with_its_heat_map_that_survives_a_restart(
    restartable: Callable[[], AbstractContextManager[str]], page: Page
) -> None:
    with restartable() as address:
        page.goto(address)
        upload(page, ("chest.png", picture(1)))
        page.locator("[class*=st-key-title-] button").first.click()
        page.get_by_test_id("stTopNavLink").nth(1).click()
        page.locator(".st-key-run button").click()
        expect(page.locator(".medcore-scale")).to_be_visible(timeout=2 * SLOW)
        heat_map_is_drawn(page)
        link = page.url.removeprefix(address)
    assert "study=" in link and "model=" in link
    assert "chest" not in link.replace("chest_xray", ""), "a title in the link may hold a patient's name"
    with restartable() as address:
        page.goto(address + link)
        expect(page.locator(".medcore-scale")).to_be_visible(timeout=SLOW)
        heat_map_is_drawn(page)


def heat_map_is_drawn(page: Page) -> None:
    """The viewer shows a picture with colour in it: a grey scan alone has none."""
    canvas = page.locator(".stBidiComponent .viewport canvas").first
    expect(canvas).to_be_visible(timeout=SLOW)
    for _ in range(60):
        shot = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)
        if (shot.max(axis=2) - shot.min(axis=2) > 40).mean() > 0.02:
            return
        page.wait_for_timeout(500)
    pytest.fail("no colour in the viewer: the heat map is missing")


def test_a_bad_file_beside_a_good_one_is_named_with_reason_while_the_good_one_is_read(server: str, page: Page) -> None:
    page.goto(server)
    upload(page, ("good.png", picture(2)), ("notes.dcm", b"this is no image at all"), ("empty.jpg", b""))
    outcome = page.locator(".st-key-outcome")
    expect(outcome).to_contain_text("1 read, 2 refused")
    expect(outcome).to_contain_text("notes")
    expect(outcome).to_contain_text("empty")
    expect(page.locator("[class*=st-key-title-]", has_text=re.compile("^Picture"))).to_be_visible(timeout=SLOW)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.locator(".st-key-close-outcome button").click()
    expect(outcome).to_have_count(0)


def test_the_language_switch_holds_over_pages_and_a_reload(server: str, page: Page) -> None:
    page.goto(server)
    banner(page)
    page.locator(".st-key-language button").click()
    expect(page.locator(".st-key-language")).to_contain_text("English", timeout=SLOW)
    page.get_by_test_id("stTopNavLink").nth(2).click()
    expect(page.locator(".st-key-language")).to_contain_text("English", timeout=SLOW)
    expect(page).to_have_url(re.compile("lang=zh_CN"))
    page.reload()
    expect(page.locator(".st-key-language")).to_contain_text("English", timeout=SLOW)


def test_nothing_is_fetched_from_another_machine(server: str, page: Page) -> None:
    foreign = []
    page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith(server) else None)
    for path in ("", "models", "about"):
        page.goto(f"{server}/{path}")
        banner(page)
        page.wait_for_timeout(1000)
    assert not [url for url in foreign if not url.startswith(("data:", "blob:"))]
