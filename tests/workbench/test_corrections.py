"""A reader accepts, rejects and redraws what a model found: sizes follow, the original stays, undo goes back."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from medcore.errors import Message, StoreError
from medcore.imaging.measured import measured
from medcore.predictions import Box, Detection, Segmentation
from medcore.records import Issue, Severity, Study
from medcore.settings import Settings
from medcore.store.store import Store
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Geometry, Mask, Unit, Volume
from medcore.workbench.corrected import Finding, Origin, Review, Standing
from medcore.workbench.corrections import ResultCorrections
from tests.store.test_results import run

GEOMETRY = Geometry.from_spacing((2.0, 1.0, 1.0), origin_mm=(10.0, 20.0, 30.0))
SHAPE = (8, 30, 30)


def found() -> Mask:
    """Two lesions, 100 and 27 voxels, and a speck that no list names."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:5, 2:7, 2:7] = 1
    labels[3:6, 20:23, 20:23] = 1
    labels[7, 29, 29] = 1
    return Mask(labels, {1: "tumour"}, GEOMETRY)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def kept(store: Store) -> Study:
    voxels = np.random.default_rng(0).integers(0, 100, SHAPE).astype(np.int16)
    volume = Volume(voxels, Unit.GREY, "MR", GEOMETRY, sha256="1" * 64)
    return store.add_studies([NewStudy("head", (NewScan(volume),))])[0].study


@pytest.fixture
def door(store: Store, kept: Study) -> ResultCorrections:
    mask = found()
    store.save_prediction(Segmentation(run(kept), mask, measured(mask, at_least_voxels=10)))
    return ResultCorrections(store)


@pytest.fixture
def now(store: Store, door: ResultCorrections) -> Callable[[], Review]:
    return lambda: door.review(store.prediction("run0"))


def by_id(review: Review) -> dict[str, Finding]:
    return {one.id: one for one in review.findings}


def redrawn(review: Review, change: Callable[[np.ndarray], None]) -> Mask:
    assert review.mask is not None
    labels = np.array(review.mask.labels)
    change(labels)
    return Mask(labels, {3: "Label 3", **review.mask.names}, GEOMETRY)


def test_at_first_everything_stands_as_the_model_left_it(now: Callable[[], Review]) -> None:
    review = now()
    assert [(one.id, one.standing, one.origin) for one in review.findings] == [
        ("1", Standing.OPEN, Origin.FOUND),
        ("2", Standing.OPEN, Origin.FOUND),
    ]
    assert review.burden_ml == pytest.approx(127 * 2 / 1000)
    assert review.burden_voxels == 127
    assert not review.edited and review.result.lesions == review.prediction.lesions


def test_a_rejected_lesion_leaves_mask_and_burden_and_comes_back_when_accepted(
    door: ResultCorrections, now: Callable[[], Review]
) -> None:
    door.judge(now(), "1", Standing.REJECTED, by="Dr A")
    review = now()
    assert review.mask is not None and np.count_nonzero(review.mask.labels) == 28
    assert by_id(review)["1"].standing is Standing.REJECTED
    assert review.burden_voxels == 27 and [one.id for one in review.counted] == ["2"]
    assert (review.history[0].by, review.history[0].lesion) == ("Dr A", "1")
    assert [one.id for one in review.result.lesions] == ["2"]
    door.judge(review, "1", Standing.ACCEPTED)
    again = now()
    assert again.mask is not None
    np.testing.assert_array_equal(again.mask.labels, found().labels)
    assert by_id(again)["1"].standing is Standing.ACCEPTED and again.burden_voxels == 127


def test_the_brush_changes_one_lesion_and_only_that_is_measured_anew(
    door: ResultCorrections, now: Callable[[], Review]
) -> None:
    def grow(labels: np.ndarray) -> None:
        labels[1:5, 2:7, 7:9] = 1

    assert door.redraw(now(), redrawn(now(), grow), by="Dr A")
    review = now()
    first, second = review.findings
    assert first.lesion is not None
    assert (first.id, first.origin, first.lesion.voxels) == ("1", Origin.CHANGED, 140)
    assert first.lesion.volume_ml == pytest.approx(0.28)
    assert second.lesion == review.prediction.lesions[1] and second.origin is Origin.FOUND
    assert isinstance(review.prediction, Segmentation)
    assert review.prediction.lesions[0].voxels == 100, "the original is as it was"
    assert not door.redraw(review, redrawn(review, lambda labels: None)), "the same again is no correction"
    assert len(now().history) == 1


def test_a_new_lesion_gets_the_next_number_an_erased_one_stays_in_the_list(
    door: ResultCorrections, now: Callable[[], Review]
) -> None:
    def change(labels: np.ndarray) -> None:
        labels[3:6, 20:23, 20:23] = 0
        labels[0:2, 12:15, 12:15] = 1

    door.redraw(now(), redrawn(now(), change))
    review = now()
    findings = by_id(review)
    assert list(findings) == ["1", "2", "3"], "and the speck still has no name"
    assert findings["2"].standing is Standing.ERASED
    assert (findings["3"].origin, findings["3"].lesion.voxels) == (Origin.ADDED, 18)
    assert review.burden_voxels == 118
    with pytest.raises(StoreError, match="no longer"):
        door.judge(review, "2", Standing.ACCEPTED)


def test_drawing_over_a_rejected_lesion_is_a_new_one_and_the_rejected_keeps_its_voxels(
    door: ResultCorrections, now: Callable[[], Review]
) -> None:
    door.judge(now(), "2", Standing.REJECTED)

    def over(labels: np.ndarray) -> None:
        labels[3, 20, 20:22] = 1

    door.redraw(now(), redrawn(now(), over))
    review = now()
    findings = by_id(review)
    assert (findings["2"].standing, findings["2"].lesion.voxels) == (Standing.REJECTED, 27)
    assert (findings["3"].origin, findings["3"].lesion.voxels) == (Origin.ADDED, 2)
    door.judge(review, "2", Standing.OPEN)
    assert now().mask.labels[3:6, 20:23, 20:23].all()


def test_what_was_brought_back_and_then_trimmed_stays_trimmed(
    door: ResultCorrections, now: Callable[[], Review]
) -> None:
    door.judge(now(), "1", Standing.REJECTED)
    door.judge(now(), "1", Standing.ACCEPTED)

    def trim(labels: np.ndarray) -> None:
        labels[1:3, 2:7, 2:7] = 0

    door.redraw(now(), redrawn(now(), trim))
    review = now()
    assert by_id(review)["1"].lesion.voxels == 50
    assert np.count_nonzero(review.mask.labels) == 50 + 27 + 1


def test_undo_goes_back_step_by_step_and_the_history_keeps_all(
    door: ResultCorrections, now: Callable[[], Review]
) -> None:
    first = now()
    door.judge(first, "1", Standing.ACCEPTED)
    door.redraw(now(), redrawn(now(), lambda labels: labels.__setitem__((0, 0, 0), 1)))
    door.judge(now(), "2", Standing.REJECTED)
    seen = [now().burden_voxels]
    for _ in range(3):
        door.undo(now(), by="Dr B")
        seen.append(now().burden_voxels)
    assert seen == [101, 128, 127, 127]
    review = now()
    assert not review.edited and len(review.history) == 6
    assert [one.standing for one in review.findings] == [Standing.OPEN] * 2
    door.undo(review)
    assert len(now().history) == 6, "there is nothing to undo"


def test_lesions_that_grow_together_become_one_with_the_name_of_the_larger(
    door: ResultCorrections, now: Callable[[], Review]
) -> None:
    def bridge(labels: np.ndarray) -> None:
        for k in range(6, 21):
            labels[4, k, k] = 1

    door.redraw(now(), redrawn(now(), bridge))
    findings = by_id(now())
    assert findings["1"].lesion.voxels == 127 + 13
    assert findings["2"].standing is Standing.ERASED


def test_a_click_finds_the_lesion_of_its_voxel(door: ResultCorrections, now: Callable[[], Review]) -> None:
    review = now()
    x, y, z = GEOMETRY.to_lps(np.array([4.0, 21.0, 21.0])).tolist()
    assert door.at(review, (x, y, z)).id == "2"
    assert door.at(review, (10.0, 20.0, 30.0)) is None
    assert review.findings[1].place == pytest.approx((x, y, z))


def test_boxes_are_accepted_and_rejected_by_number(store: Store, kept: Study) -> None:
    boxes = (Box((1, 2, 3, 2, 4, 5), None, None, "nodule", 0.9), Box((0, 0, 0, 1, 1, 1), None, None, "nodule", 0.2))
    store.save_prediction(Detection(run(kept), boxes))
    door = ResultCorrections(store)
    door.judge(door.review(store.prediction("run0")), "2", Standing.REJECTED)
    review = door.review(store.prediction("run0"))
    assert [one.standing for one in review.findings] == [Standing.OPEN, Standing.REJECTED]
    assert review.result == Detection(run(kept), boxes[:1])
    assert review.findings[0].place == pytest.approx((10 + 4, 20 + 3, 30 + 3.0))
    with pytest.raises(StoreError, match="no mask"):
        door.redraw(review, found())


def test_lesions_of_several_labels_are_measured_as_one_piece(store: Store, kept: Study) -> None:
    """As BraTS has it: a core inside an oedema is one tumour."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:5, 2:8, 2:8] = 1
    labels[2:4, 4:6, 4:6] = 2
    mask = Mask(labels, {1: "oedema", 2: "core"}, GEOMETRY)
    (whole,) = measured(Mask((labels > 0).astype(np.uint8), {1: "tumour"}, GEOMETRY))
    store.save_prediction(Segmentation(run(kept), mask, (whole,)))
    door = ResultCorrections(store)
    review = door.review(store.prediction("run0"))
    door.redraw(review, redrawn(review, lambda grid: grid.__setitem__((1, 8, slice(2, 8)), 1)))
    (one,) = door.review(store.prediction("run0")).findings
    assert (one.label, one.lesion.voxels, one.origin) == ("tumour", 150, Origin.CHANGED)


def test_an_outlined_nodule_keeps_its_number_by_its_value_and_loses_what_was_told_from_the_old_outline(
    store: Store, kept: Study
) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 2:6, 2:6] = 1
    labels[5, 20:24, 20:24] = 2
    boxes = (
        Box((1, 2, 2, 3, 5, 5), None, 4.5, "nodule", 0.9, 0.7, 1, 5.0, 4.0, 0.096, "solid", hu_mean=30.0),
        Box((5, 20, 20, 5, 23, 23), None, 4.5, "nodule", 0.6, 0.1, 2, 5.0, 4.0, 0.032, "ground_glass"),
    )
    given = Detection(run(kept), boxes, Mask(labels, {1: "nodule 1", 2: "nodule 2"}, GEOMETRY))
    store.save_prediction(given)
    door = ResultCorrections(store)
    review = door.review(store.prediction("run0"))
    assert [one.lesion.volume_ml for one in review.findings] == [0.096, 0.032]
    assert review.burden_ml == pytest.approx(0.128)
    assert door.at(review, review.findings[0].place).id == "1"

    def change(grid: np.ndarray) -> None:
        grid[4, 2:6, 2:6] = 1  # one slice more
        grid[7, 10:12, 10:12] = 3  # and a new one, in two parts with an empty slice between them
        grid[5, 10:12, 10:12] = 3

    door.redraw(review, redrawn(review, change), by="Dr A")
    door.judge(door.review(store.prediction("run0")), "2", Standing.REJECTED)
    review = door.review(store.prediction("run0"))
    first, second, third = review.findings
    assert (first.origin, first.lesion.voxels, first.lesion.volume_ml) == (Origin.CHANGED, 64, pytest.approx(0.128))
    assert (second.standing, second.lesion.volume_ml) == (Standing.REJECTED, 0.032)
    assert (third.origin, third.box, third.lesion.voxels) == (Origin.ADDED, None, 8)
    assert isinstance(review.result, Detection)
    (now,) = review.result.boxes
    assert (now.volume_ml, now.hu_mean, now.kind, now.malignancy) == (pytest.approx(0.128), None, "solid", 0.7)
    assert set(np.unique(review.result.mask.labels)) == {0, 1, 3}
    door.judge(review, "3", Standing.REJECTED)
    assert set(np.unique(door.review(store.prediction("run0")).mask.labels)) == {0, 1}


def test_where_the_model_invented_no_millimetre_the_brush_invents_none(store: Store, kept: Study) -> None:
    mask = found()
    relative = [replace(one, volume_ml=None, longest_mm=None, short_axis_mm=None) for one in measured(mask)]
    empty = Mask(np.zeros(SHAPE, np.uint8), {1: "tumour"}, GEOMETRY)
    told = (Issue("relative_volume", Severity.WARN, Message("The file does not give the true distance.")),)
    store.save_prediction(Segmentation(run(kept, 0), mask, tuple(relative)))
    store.save_prediction(Segmentation(run(kept, 1, warnings=told), empty, ()))
    door = ResultCorrections(store)
    for name in ("run0", "run1"):
        review = door.review(store.prediction(name))
        door.redraw(review, redrawn(review, lambda grid: grid.__setitem__((0, slice(12, 15), slice(12, 15)), 1)))
        drawn = door.review(store.prediction(name)).findings[-1]
        assert (drawn.origin, drawn.lesion.voxels, drawn.lesion.volume_ml) == (Origin.ADDED, 9, None)
        assert drawn.lesion.longest_mm is None and drawn.place is not None
