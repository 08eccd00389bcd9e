"""What a model found may be the lesions of a visit, as its reader has left it; a drawn mask comes before it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from math import hypot

import numpy as np
import pytest

from medcore.comparison.uncertainty import Error, error_of, of_reading, sphere_mm
from medcore.comparison.visits import Visit
from medcore.imaging.measured import measured
from medcore.predictions import Box, Detection, Segmentation
from medcore.records import LesionReading, LesionRole, Severity, Study
from medcore.settings import Settings
from medcore.store.store import Store
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Geometry, Mask, MaskOrigin, Unit, Volume
from medcore.workbench.comparison_draft import Chosen, Draft
from medcore.workbench.comparison_sources import model_doubts
from medcore.workbench.comparisons import Comparisons
from medcore.workbench.corrected import Standing
from medcore.workbench.corrections import ResultCorrections
from tests.store.test_results import run

GEOMETRY = Geometry.from_spacing((2.0, 1.0, 1.0))
SHAPE = (10, 40, 40)


def mask(*, small: bool) -> Mask:
    """One lesion of 9 × 9 × 4 voxels, and a smaller one where it is wanted."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:6, 4:13, 4:13] = 1
    labels[2:6, 25:31, 25:31] = small
    return Mask(labels, {1: "tumour"}, GEOMETRY)


def test_what_the_model_doubted_goes_with_the_comparison_study_by_study(store: Store) -> None:
    study, later = put(store, 1), put(store, 2)
    store.save_prediction(Segmentation(run(study), mask(small=True), measured(mask(small=True), at_least_voxels=10)))
    sources = [("run:run0",), ("a-drawn-mask",)]
    (found,) = model_doubts(store, sources, "run:")
    assert found.message.text() == "T0, result of a model: The view is LL." and found.severity is Severity.WARN
    chinese = {
        "T{visit}, result of a model: {doubt!t}": "T{visit}，模型结果：{doubt!t}",
        "The view is {view}.": "体位为 {view}。",
    }
    assert found.message.text(lambda text: chinese[text]) == "T0，模型结果：体位为 LL。"
    assert model_doubts(store, sources[1:], "run:") == () and later.id


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings)
    yield opened
    opened.close()


def put(store: Store, day: int) -> Study:
    voxels = np.random.default_rng(day).integers(0, 100, SHAPE).astype(np.int16)
    volume = Volume(voxels, Unit.GREY, "MR", GEOMETRY, acquired_on=date(2021, day, 1), sha256=str(day) * 64)
    return store.add_studies([NewStudy("head", (NewScan(volume),), patient="P")])[0].study


def test_a_result_counts_as_its_reader_left_it_and_a_drawn_mask_before_it(store: Store) -> None:
    study, later = put(store, 1), put(store, 2)
    found = mask(small=True)
    store.save_prediction(Segmentation(run(study), found, measured(found, at_least_voxels=10)))
    door, corrections = Comparisons(store), ResultCorrections(store)
    chosen, draft = Chosen(study.id, study.scans[0].id), door.proposed(study)
    assert [(one.id, one.origin) for one in door.sources(chosen.scan, chosen.study)] == [("run:run0", "model")]
    assert door.chosen_sources(chosen) == ("run:run0",)
    moment = door._moments(draft)[0]
    assert moment.mask is not None and np.array_equal(moment.mask.labels, found.labels)
    before = door.fingerprint(draft)
    corrections.judge(corrections.review(store.prediction("run0")), "2", Standing.REJECTED)
    moment = door._moments(draft)[0]
    assert moment.mask is not None and np.array_equal(moment.mask.labels, mask(small=False).labels)
    assert door.fingerprint(draft) != before, "the page looks again"
    drawn = store.save_mask(chosen.scan, mask(small=False), name="Lesions", origin=MaskOrigin.DRAWN)
    assert door.chosen_sources(chosen) == (drawn.id,) and len(door.sources(chosen.scan, chosen.study)) == 2
    assert later.id in {one.study for one in draft.visits}


def test_what_varied_passes_of_the_model_differ_by_widens_the_intervals_until_the_lesion_is_redrawn(
    store: Store,
) -> None:
    study, _ = put(store, 1), put(store, 2)
    found = mask(small=False)
    (lesion,) = measured(found)
    assert lesion.volume_ml is not None
    low, high = lesion.volume_ml * 0.8, lesion.volume_ml * 1.25
    store.save_prediction(Segmentation(run(study), found, (replace(lesion, volume_low_ml=low, volume_high_ml=high),)))
    door = Comparisons(store)
    moment = door._moments(door.proposed(study))[0]
    assert moment.mask is not None and len(moment.outlined) == 1
    visit = Visit("T0", None, moment.scan, moment.mask, outlined=moment.outlined)
    (piece,) = visit.pieces
    wanted = (sphere_mm(high) - sphere_mm(low)) / 2
    assert piece.outline_sd_mm == pytest.approx(wanted) and wanted > 0.5
    alone, plain = LesionReading("L1", LesionRole.TARGET, longest_mm=12.0), Error(1.5)
    assert error_of(alone, plain) == plain
    both = of_reading(replace(alone, outline_sd_mm=wanted), plain)["longest_mm"]
    assert both.high - both.value == pytest.approx(1.959964 * hypot(1.5, wanted))
    redrawn = found.labels.copy()
    redrawn[2:6, 4:13, 4:6] = 0
    drawn = replace(visit, mask=Mask(redrawn, found.names, GEOMETRY))
    assert drawn.pieces[0].outline_sd_mm == 0.0


def test_a_detection_counts_where_it_outlines_what_it_found(store: Store) -> None:
    study = put(store, 1)
    box = Box((2, 4, 4, 5, 12, 12), None, 9.0, "nodule", 0.9, mask_label=1)
    store.save_prediction(Detection(run(study), (box,)))
    door, scan = Comparisons(store), study.scans[0].id
    assert door.sources(scan, study.id) == () and door.unmeasured(scan, study.id) == (run(study).model,)
    store.save_prediction(Detection(run(study, 1), (box,), mask(small=False)))
    assert [one.id for one in door.sources(scan, study.id)] == ["run:run1"]
    draft = Draft((Chosen(study.id, scan, ("run:run1",)),))
    moment = door._moments(draft)[0]
    assert moment.mask is not None and moment.mask.labels.sum() == 9 * 9 * 4
