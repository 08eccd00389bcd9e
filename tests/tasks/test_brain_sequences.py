"""Four sequences of a computed brain with known core, oedema and enhancement, and a network that knows the channels."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from medcore.cards import Calibration, InputContract, Label, MaskPoint, ModelCard
from medcore.engine import Output
from medcore.errors import CancelledError, Message, UnfitInputError
from medcore.imaging.head_grid import head_grid, off_head_grid, on_head_grid, standardise
from medcore.predictions import Segmentation
from medcore.records import Run, Severity
from medcore.tasks import VolumeAnswer
from medcore.tasks._brain_sequences import ENHANCES, OEDEMA, REST, sequence_of
from medcore.tasks._windows import NEVER, plan_windows, slide
from medcore.tasks.brain_tumour import TASK
from medcore.volume import Geometry, Unit, Volume

BRAIN_MM = (50.0, 60.0, 45.0)
PLACE = (14.0, -12.0, 8.0)  # of the tumour, LPS mm
RADII = {"ET": 7.0, "TC": 11.0, "WT": 17.0}  # each inside of the next
SIDE = 64
RUN = Run(
    id="r", study="", scan="", scan_sha256="", task="brain_tumour", model="oracle", model_version="1",
    weights_sha256="", preprocessing=MappingProxyType({}), device="cpu", precision="float32", seconds=0.0,
    software=MappingProxyType({}), started_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


def card() -> ModelCard:
    contract = InputContract(("MR", ""), ("BRAIN", "HEAD", ""), ("",), 4, SIDE, 40)
    labels = tuple(Label(name, name, 0.5) for name in ("core", "whole", "enhancing"))
    return ModelCard(
        id="oracle", title="Oracle", task="brain_tumour", network="segresnet", version="1", sha256="0" * 64,
        labels=labels, calibration=Calibration(), contract=contract, options={}, precision="float32", summary="",
        intended_use="", training_data=(), limits=(), licence="", attribution=(), folder=Path(), mask=MaskPoint(0.5),
    )  # fmt: skip


def oracle(inputs: NDArray[float32]) -> Output:
    """Enhancing where T1c is bright, core where T1 is dark too, whole where FLAIR is bright; T2 says nothing."""
    assert inputs.shape[1:] == (4, SIDE, SIDE, SIDE)
    t1c, t1, _, flair = inputs[0]
    core, whole = np.minimum(-t1 - 4.5, flair - 1.0), flair - 2.4  # half way up each edge, in standard deviations
    dense = np.stack([core, whole, 0.5 * (t1c - 8.8)])[None].astype(float32)
    return Output(np.zeros((1, 3), float32), np.zeros((1, 1, 1, 1, 1), float32), "cpu", "float32", 0.0, dense=dense)


def series(kind: str, geometry: Geometry, shape: tuple[int, int, int]) -> Volume:
    """A brain alone on nothing, as after skull stripping."""
    at = geometry.to_lps(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
    width = min(geometry.steps)
    away = np.linalg.norm(at - np.asarray(PLACE), axis=-1)
    share = {name: np.clip(0.5 + (radius - away) / width, 0, 1) for name, radius in RADII.items()}
    image = np.full(shape, 100.0)
    match kind:
        case "T1c":
            image += 100 * share["ET"]
        case "T1":
            image -= 60 * share["TC"]
        case "FLAIR":
            image += 60 * share["WT"]
    image += 5 * np.sin(at[..., 0] / 7) * np.sin(at[..., 1] / 9)
    brain = np.linalg.norm(at / np.asarray(BRAIN_MM), axis=-1) <= 1
    return Volume(np.where(brain, image, 0).astype(float32), Unit.GREY, "MR", geometry, name=f"AX {NAMED[kind]}")


NAMED = {"T1c": "T1 POST GD", "T1": "T1 SE", "T2": "T2 TSE", "FLAIR": "T2 FLAIR"}


def centred(spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> Geometry:
    s, r, c = spacing
    origin = (-c * (shape[2] - 1) / 2, -r * (shape[1] - 1) / 2, -s * (shape[0] - 1) / 2)
    return Geometry.from_spacing(spacing, origin_mm=origin)


def study(spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> list[Volume]:
    """T1 after contrast as asked, the others on grids of their own."""
    own = {"T1": ((2.0, 1.5, 1.5), (50, 88, 74)), "T2": ((3.0, 1.2, 1.2), (34, 110, 92))}
    grids = {kind: own.get(kind, (spacing, shape)) for kind in ("T1c", "T1", "T2", "FLAIR")}
    return [series(kind, centred(*grid), grid[1]) for kind, grid in grids.items()]


FINE = ((1.5, 1.25, 1.25), (66, 104, 88))


def ask(scans: Sequence[Volume]) -> VolumeAnswer:
    return TASK.analyse(
        scans, card=card(), forward=oracle, run=RUN, progress=lambda done, stage: None, cancelled=lambda: False
    )


@pytest.fixture(scope="module")
def plain() -> VolumeAnswer:
    return ask(study(*FINE))


def volumes_ml(answer: VolumeAnswer) -> dict[int, float]:
    assert isinstance(answer.prediction, Segmentation)
    return {value: answer.prediction.mask.volume_ml(value) for value in (REST, OEDEMA, ENHANCES)}


EXACT_ML = {
    ENHANCES: 4 / 3 * np.pi * 7**3 / 1000,
    REST: 4 / 3 * np.pi * (11**3 - 7**3) / 1000,
    OEDEMA: 4 / 3 * np.pi * (17**3 - 11**3) / 1000,
}


def test_core_oedema_and_enhancement_are_where_they_are(plain: VolumeAnswer) -> None:
    assert isinstance(plain.prediction, Segmentation)
    assert plain.prediction.mask.labels.shape == FINE[1]
    for value, exact in EXACT_ML.items():
        assert volumes_ml(plain)[value] == pytest.approx(exact, rel=0.06)
    enhancing = next(x for x in plain.prediction.lesions if x.label == plain.prediction.mask.names[ENHANCES])
    np.testing.assert_allclose(np.asarray(enhancing.centre_lps_mm), PLACE, atol=0.6)
    assert enhancing.volume_low_ml is None, "one look gives no interval"
    assert plain.parameters["sequences"] == "T1c, T1, T2, FLAIR"
    assert plain.parameters["brain"] == "as it came"
    assert plain.issues == ()


def test_another_spacing_gives_the_same_volumes(plain: VolumeAnswer) -> None:
    other = volumes_ml(ask(study((1.0, 1.0, 1.0), (98, 128, 108))))
    for value, ml in volumes_ml(plain).items():
        assert other[value] == pytest.approx(ml, rel=0.04)


def flipped(scan: Volume, axes: tuple[int, ...], order: tuple[int, int, int]) -> Volume:
    affine, voxels = scan.geometry.affine.copy(), np.asarray(scan.voxels)
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, axis] *= -1
        voxels = np.flip(voxels, axis)
    affine[:3, :3] = affine[:3, list(order)]
    return replace(scan, voxels=np.ascontiguousarray(voxels.transpose(order)), geometry=Geometry(affine))


def test_a_series_stored_in_another_order_gives_the_same_mask(plain: VolumeAnswer) -> None:
    scans = study(*FINE)
    turned = ask([flipped(scans[0], (0, 2), (2, 0, 1)), flipped(scans[1], (1,), (0, 2, 1)), *scans[2:]])
    assert isinstance(turned.prediction, Segmentation)
    assert isinstance(plain.prediction, Segmentation)
    back = np.flip(turned.prediction.mask.labels.transpose(1, 2, 0), (0, 2))
    assert np.count_nonzero(back != plain.prediction.mask.labels) <= 0.002 * np.count_nonzero(back)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("t1_mprage_sag_p2_post", "T1c"),
        ("AX T1 +C", "T1c"),
        ("BraTS-GLI-00001-000-t1c", "T1c"),
        ("sub-1_t1ce", "T1c"),
        ("t1_mprage unenhanced", "T1"),
        ("BraTS-GLI-00001-000-t1n", "T1"),
        ("AX T1", "T1"),
        ("BraTS-GLI-00001-000-t2w", "T2"),
        ("t2_tse_tra", "T2"),
        ("T2 FLAIR dark fluid", "FLAIR"),
        ("BraTS-GLI-00001-000-t2f", "FLAIR"),
        ("dwi b1000", None),
    ],
)
def test_a_series_is_told_by_its_name(name: str, kind: str | None) -> None:
    assert sequence_of(name) == kind


def test_the_four_series_are_put_into_the_order_of_the_channels() -> None:
    scans = study(*FINE)
    mixed = [scans[0], scans[3], replace(scans[2], name="dwi"), scans[2], scans[1]]
    assert TASK.order(mixed, card()) == (0, 4, 3, 1)


def test_what_is_missing_is_named_and_another_start_is_refused() -> None:
    scans = study(*FINE)
    with pytest.raises(UnfitInputError, match="missing: T1, FLAIR"):
        ask([scans[0], scans[2]])
    assert TASK.check(scans[0], card()) == ()
    assert [issue.severity for issue in TASK.check(scans[3], card())] == [Severity.BLOCK]


def test_a_grid_of_one_millimetre_covers_the_scan_and_leads_back() -> None:
    scan = series("T1c", centred((2.0, 1.5, 0.5), (40, 60, 120)), (40, 60, 120))
    grid = head_grid(scan)
    assert grid.shape == (80, 90, 60)
    np.testing.assert_allclose(grid.geometry.to_lps(np.array([39.5, 44.5, 29.5])), 0, atol=1e-9)
    smooth = replace(scan, voxels=np.fromfunction(lambda s, r, c: 2 * s + 3 * r - c, (40, 60, 120), dtype=float32))
    there = off_head_grid(on_head_grid(smooth, grid), grid, smooth)
    inner = (slice(5, -5), slice(5, -5), slice(8, -8))
    np.testing.assert_allclose(there[inner], smooth.voxels[inner], atol=0.05)


def test_what_is_not_empty_is_standardised_and_the_rest_stays_empty() -> None:
    voxels = np.array([0, 1, 3, 0, 5], dtype=float32)
    standardise(voxels)
    np.testing.assert_allclose(voxels, [0, -1.2247, 0, 0, 1.2247], atol=1e-3)


def test_windows_cover_what_is_filled_and_blend_to_what_a_pointwise_network_says() -> None:
    image = np.zeros((1, 50, 70, 40), dtype=float32)
    image[0, 5:45, 3:68, 10:30] = np.random.default_rng(0).normal(size=(40, 65, 20))
    image[0, 5:45, 30:68, 20:30] = 0
    windows = plan_windows(image[0] != 0, 24)
    assert windows.box == ((5, 45), (3, 68), (10, 30))

    def twice(inputs: NDArray[float32]) -> Output:
        nothing = np.zeros((1, 1, 1, 1, 1), float32)
        return Output(np.zeros((1, 1), float32), nothing, "cpu", "float32", 0.0, dense=2 * inputs)

    found = slide(
        image, windows, forward=twice, progress=lambda a, b: None, cancelled=lambda: False, stage=Message("x")
    )
    box = image[:, 5:45, 3:68, 10:30]
    seen = found != NEVER
    assert seen[box != 0].all()
    np.testing.assert_allclose(found[seen], 2 * box[seen], rtol=1e-5)


def test_windows_without_anything_are_left_out_and_small_images_are_padded() -> None:
    corners = np.zeros((60, 60, 60), dtype=bool)
    corners[:8, :8, :8] = corners[-8:, -8:, -8:] = True
    assert len(plan_windows(corners, 32).starts) == 2
    small = plan_windows(np.ones((10, 12, 14), dtype=bool), 16)
    assert small.starts == ((0, 0, 0),)
    assert plan_windows(np.zeros((4, 4, 4), dtype=bool), 16).starts == ()


def test_it_stops_before_the_next_window() -> None:
    asked: list[int] = []

    def forward(inputs: NDArray[float32]) -> Output:
        asked.append(1)
        return oracle(inputs)

    with pytest.raises(CancelledError):
        TASK.analyse(
            study(*FINE), card=card(), forward=forward, run=RUN, progress=lambda done, stage: None,
            cancelled=lambda: bool(asked),
        )  # fmt: skip
    assert len(asked) == 1
