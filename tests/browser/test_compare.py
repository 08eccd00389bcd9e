"""A reading by hand in a real browser: samples, alignment, lesions, response, report."""

from __future__ import annotations

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


@pytest.mark.slow
def test_before_and_after_are_aligned_looked_at_and_answered(tmp_path: Path, models: Path, page: Page) -> None:
    baseline = stored(tmp_path / "data", tmp_path / "files")
    with serving(tmp_path / "data", models) as address:
        page.goto(f"{address}/compare?study={baseline}")
        press(page, "compare-align")
        expect(page.get_by_text("well enough to tell change")).to_be_visible(timeout=SLOW)
        expect(page.locator(".stBidiComponent .viewport canvas").first).to_be_visible(timeout=SLOW)
        press(page, "compare-next")
        expect(page.get_by_test_id("stDataFrame").first).to_be_visible(timeout=SLOW)
        press(page, "compare-next")
        expect(page.locator(".st-key-compare-answer")).to_contain_text("RECIST 1.1: PR", timeout=SLOW)
        with page.expect_download(timeout=SLOW) as download:
            press(page, "compare-report")
        html = Path(download.value.path()).read_text(encoding="utf-8")
        assert "RECIST 1.1: PR" in html and "data:image/jpeg;base64," in html and "http:" not in html
        with page.expect_download(timeout=SLOW) as download:
            press(page, "compare-pdf")
        assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
        page.get_by_label("Your name or initials").fill("Dr A")
        page.get_by_label("Your name or initials").press("Enter")
        press(page, "compare-sign")
        expect(page.get_by_text("figures are those of version 1")).to_be_visible(timeout=SLOW)
        link = page.url.removeprefix(address)
    with serving(tmp_path / "data", models) as address:
        page.goto(address + link)
        expect(page.locator(".st-key-compare-answer")).to_contain_text("RECIST 1.1: PR", timeout=SLOW)
        expect(page.get_by_text("figures are those of version 1")).to_be_visible(timeout=SLOW)
