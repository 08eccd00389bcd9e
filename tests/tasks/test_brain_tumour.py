"""The brain tumour task on computed heads of known lesions, with a network that knows what is bright."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from medcore.cards import Calibration, InputContract, Label, MaskPoint, ModelCard
from medcore.engine import Output
from medcore.errors import CancelledError, Message, UnfitInputError
from medcore.predictions import Lesion, Segmentation
from medcore.records import Issue, Run, Severity
from medcore.tasks import VolumeAnswer
from medcore.tasks.brain_tumour import TASK
from medcore.volume import Geometry, Unit, Volume

SIDE = 96
HEAD_MM, HEAD_CENTRE = (70.0, 88.0, 72.0), (0.0, 0.0, 0.0)  # half diameters along x, y, z
LARGE = ((20.0, -30.0, 5.0), (24.0, 20.0, 20.0))  # centre in LPS mm, half diameters
SMALL = ((-25.0, 30.0, 15.0), (12.0, 12.0, 12.0))
EXACT_ML = {"1": 4 / 3 * np.pi * 24 * 20 * 20 / 1000, "2": 4 / 3 * np.pi * 12**3 / 1000}
HEAD, TUMOUR = 100.0, 200.0


def card(**other: object) -> ModelCard:
    """A card of the four kinds; nothing in it is trained."""
    labels = tuple(Label(name, name.title(), 0.9) for name in ("glioma", "meningioma", "pituitary", "none"))
    contract = InputContract(("MR", ""), ("BRAIN", "HEAD", ""), ("",), 1, SIDE, 40)
    plain = ModelCard(
        id="oracle", title="Oracle", task="brain_tumour", network="unet", version="1", sha256="0" * 64, labels=labels,
        calibration=Calibration(), contract=contract, options={}, precision="float32", summary="", intended_use="",
        training_data=(), limits=(), licence="", attribution=(), folder=Path(), mask=MaskPoint(0.5, 0.0),
    )  # fmt: skip
    return replace(plain, **other)  # type: ignore[arg-type]


RUN = Run(
    id="r", study="", scan="", scan_sha256="", task="brain_tumour", model="oracle", model_version="1",
    weights_sha256="", preprocessing=MappingProxyType({}), device="cpu", precision="float32", seconds=0.0,
    software=MappingProxyType({}), started_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


def oracle(inputs: NDArray[float32]) -> Output:
    """Says tumour where a slice is brighter than half way from head to tumour; a slice with some is a glioma."""
    seen = inputs[:, 0] * TASK.spread + TASK.mean
    dense = (40 * (seen - 0.72))[:, None].astype(float32)
    some = (dense > 0).any(axis=(1, 2, 3))
    logits = np.where(some[:, None], [[3.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 6.0]]).astype(float32)
    return Output(logits, np.zeros((len(inputs), 1, 1, 1), float32), "cpu", "float32", 0.0, dense=dense)


def head(geometry: Geometry, shape: tuple[int, int, int], *, lesions: Sequence[object] = (LARGE, SMALL)) -> Volume:
    """An ellipsoid with brighter ones in it, each voxel by the share of it that is covered."""
    places = geometry.to_lps(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
    voxel = min(geometry.steps)

    def covered(centre: Sequence[float], half: Sequence[float]) -> NDArray[np.float64]:
        relative = (places - np.asarray(centre)) / np.asarray(half)
        radius = np.linalg.norm(relative, axis=-1)
        slope = np.linalg.norm(relative / np.asarray(half), axis=-1) / np.maximum(radius, 1e-9)
        return np.clip(0.5 + (1 - radius) / np.maximum(slope, 1e-9) / voxel, 0, 1)

    image = HEAD * covered(HEAD_CENTRE, HEAD_MM)
    for centre, half in lesions:  # type: ignore[misc]
        share = covered(centre, half)
        image = image * (1 - share) + TUMOUR * share
    return Volume(image.astype(np.float32), Unit.GREY, "MR", geometry, name="T1 post", body_part="BRAIN")


def centred(spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> Geometry:
    s, r, c = spacing
    origin = (-c * (shape[2] - 1) / 2, -r * (shape[1] - 1) / 2, -s * (shape[0] - 1) / 2)
    return Geometry.from_spacing(spacing, origin_mm=origin)


FINE = centred((2.5, 2.2, 2.2), (64, 88, 72)), (64, 88, 72)


def ask(
    *scans: Volume,
    run: Run = RUN,
    forward: Callable[[NDArray[float32]], Output] = oracle,
    cancelled: Callable[[], bool] = lambda: False,
    **other: object,
) -> VolumeAnswer:
    return TASK.analyse(
        scans, card=card(**other), forward=forward, run=run, progress=lambda done, stage: None, cancelled=cancelled
    )


def found(answer: VolumeAnswer) -> tuple[Lesion, ...]:
    assert isinstance(answer.prediction, Segmentation)
    return answer.prediction.lesions


@pytest.fixture(scope="module")
def watched() -> tuple[VolumeAnswer, list[str]]:
    """The answer of the plain head, and in their order the questions whether to stop and the forward passes."""
    events: list[str] = []

    def forward(inputs: NDArray[float32]) -> Output:
        events.append(f"forward {len(inputs)}")
        return oracle(inputs)

    def cancelled() -> bool:
        events.append("ask")
        return False

    return ask(head(*FINE), forward=forward, cancelled=cancelled), events


@pytest.fixture(scope="module")
def plain(watched: tuple[VolumeAnswer, list[str]]) -> VolumeAnswer:
    return watched[0]


def test_a_stop_is_asked_for_before_every_batch_and_before_measuring(watched: tuple[VolumeAnswer, list[str]]) -> None:
    events = watched[1]
    assert all(first == "ask" for first, then in pairwise(events) if then != "ask")
    assert {int(one.split()[1]) for one in events if one != "ask"} <= {1, 2, 3, 4}, "slices of a batch"
    assert events[-1] == "ask", "before the lesions are measured"


def test_known_lesions_are_found_where_they_are_with_their_volumes(plain: VolumeAnswer) -> None:
    lesions = found(plain)
    assert len(lesions) == 2
    for lesion, (centre, half) in zip(lesions, (LARGE, SMALL), strict=True):
        assert lesion.volume_ml == pytest.approx(EXACT_ML[lesion.id], rel=0.05)
        np.testing.assert_allclose(lesion.centre_lps_mm, centre, atol=0.8)
        assert lesion.longest_mm == pytest.approx(2 * max(half[:2]), rel=0.06)
        assert lesion.product_mm2 == pytest.approx(4 * half[0] * half[1], rel=0.1)
        assert lesion.volume_low_ml is not None
        assert lesion.volume_high_ml is not None
        assert lesion.volume_low_ml <= lesion.volume_ml <= lesion.volume_high_ml


def test_the_mask_lies_on_the_scans_own_grid_and_every_slice_has_a_probability(plain: VolumeAnswer) -> None:
    segmentation = plain.prediction
    assert isinstance(segmentation, Segmentation)
    assert segmentation.mask.labels.shape == FINE[1]
    with_tumour = np.flatnonzero(segmentation.mask.labels.any(axis=(1, 2)))
    assert all(segmentation.presence[i] > 0.5 for i in with_tumour)
    assert segmentation.presence[0] == 0
    assert segmentation.uncertainty is not None
    edge = segmentation.uncertainty[segmentation.mask.labels > 0].mean()
    assert segmentation.uncertainty[:10].max() == 0 < edge
    assert max(segmentation.scores, key=lambda score: score.probability).label == "glioma"
    assert segmentation.burden_ml == pytest.approx(sum(EXACT_ML.values()), rel=0.05)
    assert plain.parameters["planes"] == "axial, coronal, sagittal"


def turned(scan: Volume, axes: tuple[int, int, int], flips: tuple[int, ...]) -> Volume:
    """The same scan stored in another order, with the affine that says so."""
    affine = scan.geometry.affine.copy()
    voxels = np.asarray(scan.voxels)
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, axis] *= -1
        voxels = np.flip(voxels, axis)
    affine[:3, :3] = affine[:3, list(axes)]
    return replace(scan, voxels=np.ascontiguousarray(voxels.transpose(axes)), geometry=Geometry(affine))


@pytest.mark.parametrize(
    ("axes", "flips"),
    [((0, 1, 2), (0,)), ((0, 2, 1), (1,)), ((2, 0, 1), (0, 2)), ((1, 0, 2), ())],
    ids=["flipped", "turned by 90 degrees", "stored sagittally", "stored coronally"],
)
def test_a_scan_stored_in_another_order_has_the_same_lesions(
    plain: VolumeAnswer, axes: tuple[int, int, int], flips: tuple[int, ...]
) -> None:
    other = ask(turned(head(*FINE), axes, flips))
    for one, two in zip(found(plain), found(other), strict=True):
        assert two.volume_ml == pytest.approx(one.volume_ml, rel=0.02)
        np.testing.assert_allclose(two.centre_lps_mm, one.centre_lps_mm, atol=1.1)  # half a voxel


def test_a_head_split_into_two_series_has_the_same_lesions() -> None:
    low, high = ((20.0, -25.0, -32.0), (24.0, 20.0, 16.0)), ((-22.0, 20.0, 30.0), (18.0, 18.0, 18.0))
    whole = head(*FINE, lesions=(low, high))
    middle = FINE[1][0] // 2
    shifted = whole.geometry.affine.copy()
    shifted[:3, 3] = whole.geometry.to_lps(np.array([middle, 0.0, 0.0]))
    lower = replace(whole, voxels=np.asarray(whole.voxels[:middle]))
    upper = replace(whole, voxels=np.asarray(whole.voxels[middle:]), geometry=Geometry(shifted))
    parts = [*found(ask(lower)), *found(ask(upper))]
    assert len(parts) == 2
    for one, two in zip(sorted(found(ask(whole)), key=_height), sorted(parts, key=_height), strict=True):
        assert two.volume_ml == pytest.approx(one.volume_ml, rel=0.02)
        np.testing.assert_allclose(np.asarray(two.centre_lps_mm), np.asarray(one.centre_lps_mm), atol=1.1)


def _height(lesion: Lesion) -> float:
    assert lesion.centre_lps_mm is not None
    return lesion.centre_lps_mm[2]


@pytest.mark.parametrize("spacing", [(1.8, 2.0, 2.0), (3.0, 2.4, 2.4)])
def test_another_spacing_gives_the_same_lesions(plain: VolumeAnswer, spacing: tuple[float, float, float]) -> None:
    shape = tuple(round(n * s / t) for n, s, t in zip(FINE[1], FINE[0].steps, spacing, strict=True))
    other = ask(head(centred(spacing, shape), shape))  # type: ignore[arg-type]
    for one, two in zip(found(plain), found(other), strict=True):
        assert two.volume_ml == pytest.approx(one.volume_ml, rel=0.02)
        np.testing.assert_allclose(two.centre_lps_mm, one.centre_lps_mm, atol=1.0)


def test_slices_at_other_places_give_the_same_lesions(plain: VolumeAnswer) -> None:
    geometry, shape = FINE
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.to_lps(np.array([0.5, 0.3, -0.4]))
    for one, two in zip(found(plain), found(ask(head(Geometry(affine), shape))), strict=True):
        assert two.volume_ml == pytest.approx(one.volume_ml, rel=0.02)
        np.testing.assert_allclose(two.centre_lps_mm, one.centre_lps_mm, atol=1.1)


def test_thick_slices_are_looked_at_as_they_were_acquired_only() -> None:
    shape = (26, 110, 90)
    scan = head(centred((6.0, 1.8, 1.8), shape), shape)
    answer = ask(scan)
    assert answer.parameters["planes"] == "axial"
    assert answer.parameters["votes"] == 4
    assert found(answer)[0].volume_ml == pytest.approx(EXACT_ML["1"], rel=0.1)
    assert "thick_slices" in {issue.code for issue in TASK.check(scan, card())}


def test_a_file_that_lost_its_spacing_gives_voxels_and_no_millilitre() -> None:
    doubt = Issue("unit_spacing", Severity.WARN, Message("?"))
    answer = ask(head(*FINE), run=replace(RUN, warnings=(doubt,)))
    lesion = found(answer)[0]
    assert lesion.volume_ml is lesion.longest_mm is lesion.centre_lps_mm is lesion.product_mm2 is None
    assert lesion.voxels > 1000
    assert lesion.volume_low_ml is lesion.volume_high_ml is None
    assert lesion.voxels_low is not None and lesion.voxels_high is not None
    assert 1000 < lesion.voxels_low <= lesion.voxels <= lesion.voxels_high
    assert [issue.code for issue in answer.issues] == ["relative_volume"]


def test_a_single_picture_gets_an_outline_in_pixels() -> None:
    picture = replace(head(*FINE), geometry=Geometry.pixels(), modality="", body_part="")
    slice_of = replace(picture, voxels=np.asarray(picture.voxels[34:35]))
    answer = ask(slice_of)
    assert sum(x.voxels for x in found(answer)) == pytest.approx(np.count_nonzero(slice_of.voxels > 150), rel=0.05)
    assert "relative_volume" in {issue.code for issue in answer.issues}
    assert "one_slice" in {issue.code for issue in TASK.check(slice_of, card())}


def test_training_sees_what_serving_sees_of_a_slice() -> None:
    scan = head(*FINE)
    slice_of = replace(scan, voxels=np.asarray(scan.voxels[34:35]))
    shown: list[NDArray[float32]] = []

    def remember(inputs: NDArray[float32]) -> Output:
        shown.append(inputs)
        return oracle(inputs)

    ask(slice_of, forward=remember)
    np.testing.assert_array_equal(TASK.prepare(slice_of, card()).inputs, shown[0])


def test_one_slice_interpreted_with_its_mirror_image_is_outlined_where_the_tumour_is() -> None:
    scan = head(*FINE)
    slice_of = replace(scan, voxels=np.asarray(scan.voxels[34:35]))
    two = card(views=2)
    prepared = TASK.prepare(slice_of, two)
    output = oracle(prepared.inputs)
    assert output.dense is not None
    answer = TASK.interpret(output.logits.mean(axis=0), slice_of, two, RUN, dense=output.dense[:, 0], prepared=prepared)
    assert isinstance(answer, Segmentation)
    drawn = slice_of.voxels > 150
    both = np.count_nonzero((answer.mask.labels > 0) & drawn)
    assert 2 * both / (np.count_nonzero(answer.mask.labels) + np.count_nonzero(drawn)) > 0.95


def test_small_pieces_and_slices_called_empty_are_left_out() -> None:
    assert len(found(ask(head(*FINE), mask=MaskPoint(0.5, 0.15)))) == 1
    labels = card().labels
    assert not found(ask(head(*FINE), labels=(*labels[:-1], replace(labels[-1], threshold=0.001))))


def test_it_stops_between_batches_when_told_to() -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(CancelledError):
        ask(head(*FINE), cancelled=cancelled)
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"modality": "CT"}, "modality"),
        ({"body_part": "CHEST"}, "body_part"),
        ({"name": "T2 flair"}, "weighting"),
        ({"name": "axial t2w tse"}, "weighting"),
    ],
)
def test_what_is_no_enhanced_t1_of_a_brain_is_refused_with_the_reason(change: dict[str, str], code: str) -> None:
    issues = TASK.check(replace(head(*FINE), **change), card())  # type: ignore[arg-type]
    assert [issue.code for issue in issues if issue.severity is Severity.BLOCK] == [code]


def test_values_of_a_ct_in_a_nameless_file_are_refused() -> None:
    scan = head(*FINE)
    air = replace(scan, modality="", voxels=np.asarray(scan.voxels) * 10 - 1000)
    assert [issue.code for issue in TASK.check(air, card()) if issue.severity is Severity.BLOCK] == ["modality"]


def test_a_trunk_is_refused_by_its_width() -> None:
    shape = (20, 80, 140)
    geometry = centred((5.0, 3.0, 3.0), shape)
    places = geometry.to_lps(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
    trunk = (np.hypot(places[..., 0] / 180, places[..., 1] / 110) < 1) * 100.0
    with pytest.raises(UnfitInputError, match="trunk"):
        ask(Volume(trunk.astype(np.float32), Unit.GREY, "MR", geometry))


def test_half_a_brain_is_told_as_such() -> None:
    scan = head(*FINE)
    half = replace(scan, voxels=np.where(np.arange(72) > 36, scan.voxels, 0).astype(np.float32))
    assert "half_a_brain" in {issue.code for issue in ask(half).issues}
    assert "half_a_brain" not in {issue.code for issue in ask(scan).issues}


def test_a_picture_of_half_a_head_is_told_as_such_though_nobody_knows_its_plane() -> None:
    whole = replace(head(*FINE), geometry=Geometry.pixels(), modality="", body_part="")
    one = np.asarray(whole.voxels[34:35])
    half = np.ascontiguousarray(one[:, :, one.shape[2] // 2 :])
    told = {issue.code: issue for issue in ask(replace(whole, voxels=half)).issues}
    assert told["half_a_brain"].measured > 0.85
    assert "half_a_brain" not in {issue.code for issue in ask(replace(whole, voxels=one)).issues}


def picture(voxels: NDArray[np.float64]) -> Volume:
    return Volume(voxels[None].astype(np.float32), Unit.GREY, "", Geometry.pixels())


def test_a_radiograph_of_a_chest_is_refused_for_its_bright_edges() -> None:
    rows, columns = np.mgrid[-1:1:160j, -1:1:160j]
    lungs = (np.hypot((columns - 0.4) / 0.3, rows / 0.6) < 1) | (np.hypot((columns + 0.4) / 0.3, rows / 0.6) < 1)
    with pytest.raises(UnfitInputError, match="bright up to its edges"):
        ask(picture(np.where(lungs, 60.0, 180.0)))


def test_a_radiograph_of_a_limb_is_refused_for_its_shape() -> None:
    rows, columns = np.mgrid[-1:1:160j, -1:1:160j]
    fingers = (np.abs(rows) < 0.7) & (np.abs(np.mod(columns * 3, 1.0) - 0.5) < 0.25) & (np.abs(columns) < 0.6)
    with pytest.raises(UnfitInputError, match="no oval"):
        ask(picture(np.where(fingers | ((rows > 0.4) & (rows < 0.7) & (np.abs(columns) < 0.6)), 150.0, 5.0)))


def test_a_series_that_says_it_is_mr_is_not_judged_by_its_border() -> None:
    scan = head(*FINE)
    brighter = replace(scan, voxels=np.asarray(scan.voxels) + 300)
    assert "no_head" not in {issue.code for issue in ask(brighter).issues}


def test_a_void_as_around_metal_is_told(plain: VolumeAnswer) -> None:
    scan = head(*FINE)
    voxels = np.array(scan.voxels)
    voxels[20:40, 20:55, 25:55] = 0
    told = {issue.code: issue for issue in ask(replace(scan, voxels=voxels)).issues}
    assert told["signal_void"].measured == pytest.approx(35 * 30 / (np.pi * 70 * 88 / 2.2**2), rel=0.15)
    assert "signal_void" not in {issue.code for issue in plain.issues}


def test_a_long_echo_time_is_refused_as_t2_though_the_name_does_not_say_so() -> None:
    scan = replace(head(*FINE), name="AX brain", facts={"echo_time_ms": "98.5"})
    with pytest.raises(UnfitInputError, match="98 ms"):
        ask(scan)
    assert ask(replace(scan, facts={"echo_time_ms": "3.4"})).prediction


def test_a_series_whose_name_does_not_speak_of_contrast_is_doubted() -> None:
    told = [issue.code for issue in TASK.check(replace(head(*FINE), name="t1 mprage"), card())]
    assert told == ["contrast"]
    assert not TASK.check(head(*FINE), card())


def test_among_several_series_the_enhanced_t1_is_chosen() -> None:
    scans = [replace(head(*FINE), name=name) for name in ("t2 flair", "t1", "t1 post c+", "dwi")]
    assert TASK.order(scans, card()) == (2,)
    assert TASK.order(scans[:2], card()) == (1,)
