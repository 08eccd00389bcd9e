"""The checks on real images: golden numbers, few findings on ordinary ones, most of the faults that were made."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.imaging.quality.blur import blur_of
from medcore.imaging.quality.noise import relative_noise
from medcore.imaging.quality_report import inspect
from medcore.intake import Source, read_sources
from medcore.settings import Settings
from medcore.volume import Array
from medcore.workbench.workbench import open_sandbox
from tests.imaging.quality.scans import radiograph

SOME = 10
GOLDEN_NOISE, GOLDEN_BLUR = 0.00228, 0.6841


def chests(shared_data: Path, folder: str) -> list[Array]:
    files = sorted((shared_data / folder / "images").rglob("*.jpg"))
    step = max(1, len(files) // SOME)
    return [np.asarray(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)) for file in files[::step][:SOME]]


def share(images: list[Array], code: str) -> float:
    return float(np.mean([code in {issue.code for issue in inspect(radiograph(image))} for image in images]))


@pytest.mark.parametrize("folder", ["kermany", "nih_adult"])
def test_ordinary_chests_are_left_in_peace_and_spoiled_ones_are_found(shared_data: Path, folder: str) -> None:
    images = chests(shared_data, folder)
    quiet = [image for image in images if not inspect(radiograph(image))]
    assert len(quiet) >= len(images) - 1
    rng = np.random.default_rng(0)
    assert share([image + rng.normal(0, 20, image.shape) for image in images], "noisy") == 1.0
    assert share([cv2.GaussianBlur(image, (0, 0), 3) for image in images], "blurred") >= 0.9
    assert share([255 - image for image in images], "inverted") > 0.8
    assert share([np.rot90(image).copy() for image in images], "turned") > 0.8


def test_golden_numbers_of_one_real_chest(shared_data: Path) -> None:
    file = shared_data / "kermany" / "images" / "normal" / "IM-0115-0001.jpg"
    plane = np.asarray(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE), dtype=np.float32)
    assert relative_noise(plane) == pytest.approx(GOLDEN_NOISE, rel=0.01)
    assert blur_of(plane[None]) == pytest.approx(GOLDEN_BLUR, rel=0.01)


@pytest.mark.slow
def test_whole_real_series_have_no_finding_but_true_ones(shared_data: Path) -> None:
    paths = [shared_data / "mr_t1_series" / "mr_t1_series.zip", shared_data / "ct_lidc_partial" / "LIDC-IDRI-0001.zip"]
    settings = Settings()
    with open_sandbox(settings) as sandbox:
        found = read_sources([Source(path.name, path=path) for path in paths], sandbox=sandbox, settings=settings).found
    reports = {one.volume.modality: [issue.code for issue in inspect(one.volume)] for one in found}
    assert reports == {"MR": [], "CT": ["metal"]}  # 36 mm² above 3000 HU
