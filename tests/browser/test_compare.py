"""A reading by hand in a real browser: samples, alignment, lesions, response, report."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from medcore.exports.samples import SAMPLES, write_sample
from medcore.intake import Source
from medcore.settings import Settings
from medcore.volume import Mask, MaskOrigin
from medcore.workbench.workbench import Workbench
from tests.browser.conftest import serving

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Page, expect = playwright.Page, playwright.expect

SLOW = 120_000
pytestmark = pytest.mark.timeout(900)
NAMES = ("brain-lesion", "brain-lesion-later")


def stored(data: Path, folder: Path) -> str:
    """The synthetic head before and after treatment with its true lesions; the id of the baseline."""
    workbench = Workbench.open(Settings(data_dir=data, decode_workers=1))
    try:
        ids = []
        for sample in (one for one in SAMPLES if one.id in NAMES):
            phantom, files = write_sample(sample, folder, coarse=2.0)
            study = workbench.studies.add([Source(file.name, path=file) for file in files]).added[0]
            labels = (phantom.mask.labels > 0).astype(np.uint8)
            volume = workbench.studies.volume(study.scans[0].id)
            mask = Mask(labels, {1: "lesion"}, volume.geometry)
            workbench.studies.save_mask(study.scans[0].id, mask, name="Lesions", origin=MaskOrigin.FILE)
            ids.append(study.id)
        return ids[0]
    finally:
        workbench.close()


def press(page: Page, key: str) -> None:
    """Press a button; one with a tooltip stands twice in the page."""
    page.locator(f".st-key-{key} button").first.click(timeout=SLOW)


def settle(page: Page) -> None:
    """Wait until the page has caught up with the last click: what stands there now is not about to be replaced."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=SLOW)


def download(page: Page, key: str) -> bytes:
    """What a download button gives."""
    with page.expect_download(timeout=SLOW) as got:
        press(page, key)
    return Path(got.value.path()).read_bytes()


def confirmed_in_the_graph(page: Page) -> None:
    """The lesion is followed to the later study in the graph, and a key confirms it there."""
    later = page.locator('.graph .mark[aria-label^="L1 at T1"]')
    expect(later).to_be_visible(timeout=SLOW)
    expect(later).to_have_attribute("aria-label", re.compile("followed"))
    settle(page)
    later.focus()
    page.keyboard.press("c")
    expect(page.get_by_text("1 of 1 confirmed")).to_be_visible(timeout=SLOW)


def signed_off(page: Page) -> None:
    """A reader signs the draft, which then has the figures of that version."""
    name = page.get_by_label("Your name or initials")
    name.fill("Dr A")
    name.press("Tab")
    settle(page)
    press(page, "compare-sign")
    expect(page.get_by_text("figures are those of version 1")).to_be_visible(timeout=2 * SLOW)


@pytest.mark.slow
def test_before_and_after_are_aligned_looked_at_and_answered(tmp_path: Path, models: Path, page: Page) -> None:
    baseline = stored(tmp_path / "data", tmp_path / "files")
    with serving(tmp_path / "data", models) as address:
        page.goto(f"{address}/compare?study={baseline}")
        press(page, "compare-align")
        expect(page.get_by_text("well enough to tell change")).to_be_visible(timeout=SLOW)
        expect(page.locator(".stBidiComponent .viewport canvas").first).to_be_visible(timeout=SLOW)
        press(page, "compare-next")
        confirmed_in_the_graph(page)
        press(page, "compare-next")
        expect(page.locator(".st-key-compare-answer")).to_contain_text("RECIST 1.1: PR", timeout=SLOW)
        html = download(page, "compare-report").decode("utf-8")
        assert "RECIST 1.1: PR" in html and "data:image/jpeg;base64," in html and "http:" not in html
        assert download(page, "compare-pdf").startswith(b"%PDF")
        signed_off(page)
        link = page.url.removeprefix(address)
    assert "step=response" in link
    with serving(tmp_path / "data", models) as address:
        page.goto(address + link)
        expect(page.locator(".st-key-compare-answer")).to_contain_text("RECIST 1.1: PR", timeout=SLOW)
        expect(page.get_by_text("figures are those of version 1")).to_be_visible(timeout=SLOW)
