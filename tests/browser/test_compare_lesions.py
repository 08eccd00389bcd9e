"""Lesions confirmed by hand in a real browser: dragged in the graph, with the keyboard, undone."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr
from medcore.imaging.phantoms.chest_ct import axial
from medcore.settings import Settings
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Mask, MaskOrigin
from medcore.workbench.workbench import Workbench
from tests.browser.conftest import serving

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Page, expect = playwright.Page, playwright.expect

SLOW = 120_000
pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]
STEP_MM, SHAPE = 4.0, (44, 54, 54)
STAYS, GOES, COMES = (30.0, 10.0, 20.0), (-30.0, -20.0, 12.0), (28.0, -40.0, 18.0)
VISITS = (
    (date(2021, 3, 1), ((STAYS, 26.0), (GOES, 20.0))),
    (date(2021, 6, 1), ((STAYS, 16.0), (COMES, 18.0))),
)


def stored(data: Path) -> str:
    """A synthetic head with one lesion that shrinks, one that goes and one that comes; the id of the baseline."""
    workbench = Workbench.open(Settings(data_dir=data, decode_workers=1))
    try:
        ids = []
        for seed, (when, sizes) in enumerate(VISITS):
            lesions = [Lesion(f"l{n}", at, (mm / 2,) * 3) for n, (at, mm) in enumerate(sizes)]
            phantom = brain_mr(lesions, axial(SHAPE, (STEP_MM,) * 3), SHAPE, seed=seed, acquired_on=when)
            study = NewStudy("Head", (NewScan(phantom.volume),), patient="PSEUDONYM-1")
            (added,) = workbench.store.add_studies([study])
            mask = Mask((phantom.mask.labels > 0).astype(np.uint8), {1: "lesion"}, phantom.mask.geometry)
            scan = added.study.scans[0].id
            workbench.studies.save_mask(scan, mask, name="Lesions", origin=MaskOrigin.DRAWN)
            ids.append(added.study.id)
        draft = workbench.comparisons.opened(workbench.studies.get(ids[0])).draft
        workbench.comparisons.align(draft)
        return ids[0]
    finally:
        workbench.close()


def middle(page: Page, label: str) -> tuple[float, float]:
    """The centre of a mark of the graph."""
    box = page.locator(f'.mark[aria-label^="{label}"]').bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_new_lesion_is_dragged_onto_the_one_that_seemed_gone_and_back_by_undo(
    tmp_path: Path, models: Path, page: Page
) -> None:
    baseline = stored(tmp_path / "data")
    with serving(tmp_path / "data", models) as address:
        page.goto(f"{address}/compare?study={baseline}&step=lesions")
        gone, new = (page.locator(f'.mark[aria-label^="{label}"]') for label in ("L2 at T1", "L3 at T1"))
        expect(new).to_have_attribute("aria-label", re.compile("new"), timeout=SLOW)
        expect(gone).to_have_attribute("aria-label", re.compile("gone"), timeout=SLOW)
        page.mouse.move(*middle(page, "L3 at T1"))
        page.mouse.down()
        page.mouse.move(*middle(page, "L2 at T1"), steps=8)
        page.mouse.up()
        expect(page.locator('.mark[aria-label^="L2 at T1"]')).to_have_attribute(
            "aria-label", re.compile("followed"), timeout=SLOW
        )
        expect(new).to_have_count(0)
        page.locator('[class*="st-key-compare-undo"] button').first.click()
        expect(new).to_have_count(1, timeout=SLOW)
        # the same by the keyboard: below all lesions is a lesion of its own, "gone" is what is left of the other
        page.locator('.mark[aria-label^="L3 at T1"]').focus()
        page.keyboard.press("m")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(new).to_have_count(0, timeout=SLOW)
        page.locator('.mark[aria-label^="L1 at T1"]').focus()
        page.keyboard.press("c")
        expect(page.get_by_text("1 of 2 confirmed")).to_be_visible(timeout=SLOW)
