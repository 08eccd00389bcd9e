"""A reader at a result of a volume jumps to a lesion, corrects it by hand, rejects it, comes back, undoes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from medcore.cards import ModelCard
from medcore.imaging.measured import measured
from medcore.predictions import Segmentation
from medcore.records import Run
from medcore.settings import Settings
from medcore.store.store import Store
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Geometry, Mask, Unit, Volume
from tests.browser.conftest import serving
from tests.browser.test_journeys import SLOW
from tests.browser.test_kept_drawings import becomes, opened
from tests.browser.test_viewer import drag, look, screen, settle
from tests.nn.model_folder import make_model

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
GEOMETRY = Geometry.from_spacing((3.0, 1.0, 1.0))
SHAPE = (20, 64, 64)
FIRST, SECOND = (slice(4, 12), slice(20, 30), slice(20, 30)), (slice(14, 16), slice(40, 44), slice(40, 44))


def stored(data: Path, card: ModelCard) -> tuple[str, str]:
    """A study with a result of two lesions; its id and the result's."""
    noise = np.random.default_rng(0).integers(-1000, -800, SHAPE).astype(np.int16)
    labels = np.zeros(SHAPE, np.uint8)
    for lesion in (FIRST, SECOND):
        noise[lesion], labels[lesion] = 40, 1
    store = Store.open(Settings(data_dir=data))
    volume = Volume(noise, Unit.HU, "CT", GEOMETRY, name="Chest", sha256="1" * 64)
    study = store.add_studies([NewStudy("chest", (NewScan(volume),))])[0].study
    run = Run(
        **{"id": "run", "study": study.id, "scan": study.scans[0].id, "scan_sha256": "1" * 64, "task": "lung_nodule"},
        **{"model": card.id, "model_version": "1", "weights_sha256": card.sha256, "preprocessing": {}},
        **{"device": "cpu", "precision": "float32", "seconds": 1.0, "software": {}},
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    mask = Mask(labels, {1: "nodule"}, GEOMETRY)
    presence = tuple(float(one) for one in 0.05 + 0.9 * labels.any(axis=(1, 2)))
    store.save_prediction(Segmentation(run, mask, measured(mask), presence=presence))
    store.close()
    return study.id, run.id


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[str]:
    """The address of the page with the result."""
    card = make_model(tmp_path / "models", network="resnet18", width=16)
    path = card.folder / "card.toml"
    text = path.read_text().replace('task = "chest_xray"', 'task = "lung_nodule"')
    path.write_text(text.replace('modalities = ["DX", "CR", "RG", ""]', 'modalities = ["CT"]'))
    study, _ = stored(tmp_path / "data", card)
    with serving(tmp_path / "data", tmp_path / "models") as address:
        yield f"{address}/analyse?study={study}&task=lung_nodule&model={card.id}&lang=en"


def crosshair(page: Page) -> list[int]:
    place: list[float] = look(page, "v.panes[0].geometry.toIndex(v.panes[0].crosshair)")
    return [round(one) for one in place]


def test_a_reader_corrects_a_result_by_hand_and_it_is_kept(reading: str, page: Page) -> None:
    page.goto(reading)
    opened(page)
    headline = page.locator("h4").first
    expect(headline).to_have_text("2 lesions, 2.50 ml together", timeout=SLOW)
    becomes(page, lambda: crosshair(page)[0] in (7, 8), True)  # the picture opens at the first lesion
    page.get_by_label("Reader", exact=True).fill("Dr A")
    page.keyboard.press("Tab")

    table = page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    assert table
    page.mouse.click(table["x"] + 15, table["y"] + 35 * 2 + 15)  # the second row
    expect(page.get_by_text("Lesion 2")).to_be_visible(timeout=SLOW)
    becomes(page, lambda: crosshair(page)[0] in (14, 15), True)

    x, y, z = GEOMETRY.to_lps(np.array([15.0, 25.0, 25.0])).tolist()
    look(page, f"v.jump([{x}, {y}, {z - 12}])")  # slice 11 holds the first lesion
    settle(page)
    drag(page, screen(page, (x, y, z - 12)))  # a click in the picture picks its row
    expect(page.get_by_text("Lesion 1")).to_be_visible(timeout=SLOW)

    look(page, "v.brush.setRadius(4)")
    page.locator(".viewport").first.focus()
    page.keyboard.press("m")
    drag(page, screen(page, (33.0, 25.0, z - 12)))
    expect(headline).not_to_have_text("2 lesions, 2.50 ml together", timeout=SLOW)
    corrected = headline.inner_text()
    grown = float(re.findall(r"([\d.]+) ml", corrected)[0])
    assert 2.55 < grown < 2.75, "some 30 voxels of 3 mm³ more"
    expect(page.get_by_text("As the model drew it")).to_be_visible(timeout=SLOW)

    page.wait_for_timeout(1500)
    page.reload()
    opened(page)
    expect(headline).to_have_text(corrected, timeout=SLOW)
    page.get_by_text("corrections; the model's own answer is kept").click()
    expect(page.get_by_text("Dr A · drew with the brush")).to_be_visible(timeout=SLOW)

    page.get_by_role("button", name="Reject").click()
    expect(headline).to_have_text("1 lesion, 0.096 ml together", timeout=SLOW)
    becomes(page, lambda: look(page, "v.panes[0].overlays[0].image.data.reduce((a, b) => a + (b > 0), 0)"), 32)
    page.locator(".st-key-undo-correction button").first.click()
    expect(headline).to_have_text(corrected, timeout=SLOW)
    page.locator(".st-key-undo-correction button").first.click()
    expect(headline).to_have_text("2 lesions, 2.50 ml together", timeout=SLOW)
