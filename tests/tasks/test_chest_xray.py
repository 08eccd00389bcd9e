"""The chest X-ray task takes what it should, prepares it the same way every time, and says what it means."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore.cards import ModelCard
from medcore.records import Severity
from medcore.tasks import load_task
from medcore.volume import Geometry, Unit, Volume, Window
from tests.nn.model_folder import make_model

TASK = load_task("chest_xray")


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    return make_model(tmp_path_factory.mktemp("models"), width=8)


def radiograph(shape: tuple[int, int] = (400, 300), **changes: object) -> Volume:
    rows, columns = np.indices(shape)
    grey = (1000 + 2000 * rows / shape[0] + 500 * np.sin(30 * columns / shape[1])).astype(np.uint16)
    plain = Volume(
        grey[None], Unit.GREY, "DX", Geometry.from_spacing((1.0, 0.2, 0.2)), body_part="CHEST", view="PA", sha256="ab"
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def codes(scan: Volume, card: ModelCard) -> dict[str, Severity]:
    return {issue.code: issue.severity for issue in TASK.check(scan, card)}


def test_a_frontal_chest_radiograph_passes_without_a_word(card: ModelCard) -> None:
    assert codes(radiograph(), card) == {}


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"modality": "CT"}, "modality", Severity.BLOCK),
        ({"modality": "MR"}, "modality", Severity.BLOCK),
        ({"voxels": np.ones((5, 64, 64), np.uint16)}, "slices", Severity.BLOCK),
        ({"voxels": np.ones((1, 64, 64), np.uint16)}, "empty", Severity.BLOCK),
        ({"body_part": "HAND"}, "body_part", Severity.WARN),
        ({"view": "LL"}, "view", Severity.WARN),
        ({"modality": ""}, "content_unknown", Severity.INFO),
        ({"synthetic": True}, "synthetic", Severity.WARN),
    ],
)
def test_what_does_not_fit_is_named(card: ModelCard, changes: dict, code: str, severity: Severity) -> None:
    assert codes(radiograph(**changes), card)[code] is severity


def test_thumbnails_and_strips_are_doubted(card: ModelCard) -> None:
    assert codes(radiograph((30, 30)), card) == {"resolution": Severity.WARN}
    assert codes(radiograph((500, 100)), card) == {"aspect": Severity.WARN}


def test_nothing_is_cut_off_and_nothing_is_stretched(card: ModelCard) -> None:
    prepared = TASK.prepare(radiograph((400, 200)), card)
    assert prepared.inputs.shape == (1, 1, 64, 64)
    assert np.count_nonzero(prepared.seen.any(axis=0)) <= 32  # 200 of 400 columns: half the square, the rest is padding
    edges = prepared.to_scan @ np.array([[0, 64], [16, 48], [1, 1]])
    np.testing.assert_allclose(edges[:2], [[0, 400], [0, 200]])


@pytest.mark.parametrize(("gain", "shift"), [(3.0, 0.0), (0.25, 5000.0), (1.0, -900.0)])
def test_exposure_does_not_matter(card: ModelCard, gain: float, shift: float) -> None:
    scan = radiograph()
    other = replace(scan, voxels=(scan.voxels * gain + shift).astype(np.float32))
    np.testing.assert_allclose(TASK.prepare(scan, card).inputs, TASK.prepare(other, card).inputs, atol=5e-3)


def test_resolution_hardly_matters(card: ModelCard) -> None:
    large, small = TASK.prepare(radiograph((1600, 1200)), card), TASK.prepare(radiograph((400, 300)), card)
    assert np.corrcoef(large.seen.ravel(), small.seen.ravel())[0, 1] > 0.98


def test_the_files_own_window_cuts_what_it_hides(card: ModelCard) -> None:
    scan = radiograph()
    bright = scan.voxels.copy()
    bright[0, :40, :] = 60_000  # a burnt-in label
    windowed = replace(scan, voxels=bright, window=Window(centre=2250, width=3500))
    plain = TASK.prepare(replace(scan, voxels=bright), card).seen
    assert TASK.prepare(windowed, card).seen[10:].std() > 5 * plain[10:].std()


def test_colour_pictures_are_read_by_their_brightness(card: ModelCard) -> None:
    grey = (np.indices((100, 100))[0] * 2).astype(np.uint8)
    picture = Volume(np.repeat(grey[None, ..., None], 3, -1), Unit.RGB, "", Geometry.pixels())
    plain = Volume(grey[None], Unit.GREY, "", Geometry.pixels())
    np.testing.assert_array_equal(TASK.prepare(picture, card).inputs, TASK.prepare(plain, card).inputs)


def test_three_channel_networks_get_the_grey_thrice(tmp_path: Path) -> None:
    card = make_model(tmp_path, width=8, channels=3)
    inputs = TASK.prepare(radiograph(), card).inputs
    assert inputs.shape == (1, 3, 64, 64)
    assert np.array_equal(inputs[:, 0], inputs[:, 2])


def test_probability_is_the_calibrated_logit(tmp_path: Path, card: ModelCard) -> None:
    scaled = make_model(tmp_path, width=8, slope=2.0, offset=-1.0)
    scores = TASK.interpret(np.array([0.5], np.float32), radiograph(), scaled, None).scores  # type: ignore[arg-type]
    assert scores[0].probability == pytest.approx(0.5)  # 2 · 0.5 - 1 = 0
    assert scores[0].positive  # the threshold is 0.4
