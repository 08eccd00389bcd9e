"""Bad input of a comparison: a mask on another grid or beside its scan, an unfit scan, a study without a scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from medcore.comparison.doubts import doubts_about
from medcore.errors import Message, UnfitInputError
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.records import Issue, Severity, Study
from medcore.volume import Geometry, Unit, Volume
from medcore.workbench.compare import mask_of
from medcore.workbench.comparison_studies import study_doubts
from medcore.workbench.workbench import Workbench
from tests.workbench.test_comparisons import head, put  # noqa: F401  (put: a fixture)

SHAPE = (8, 20, 20)
GIVEN = Alignment(np.eye(4), Motion.RIGID, Method.GIVEN, Trust(1.0, 1.0, 0.0, 1.0))


def labels(geometry: Geometry, shape: tuple[int, int, int], box: tuple[slice, slice, slice]) -> Volume:
    drawn = np.zeros(shape, dtype=np.uint8)
    drawn[box] = 1
    return Volume(drawn, Unit.GREY, "", geometry, name="lesions")


SCAN = Volume(np.zeros(SHAPE, dtype=np.int16), Unit.HU, "CT", Geometry.from_spacing((2.0, 1.0, 1.0)), name="chest")


def test_a_mask_on_a_finer_grid_is_carried_onto_that_of_its_scan() -> None:
    fine = labels(Geometry.from_spacing((1.0, 0.5, 0.5)), (16, 40, 40), (slice(4, 8), slice(10, 20), slice(20, 30)))
    mask = mask_of(fine, SCAN)
    assert mask.labels.shape == SHAPE and mask.geometry is SCAN.geometry
    places = np.argwhere(mask.labels)
    assert places.min(axis=0).tolist() == [2, 5, 10] and abs(len(places) * 2.0 - 400 * 0.25) <= 40


def test_a_mask_that_lies_beside_its_scan_is_refused_with_the_reason() -> None:
    far = replace(SCAN.geometry, affine=SCAN.geometry.affine + np.array([[0, 0, 0, 500.0]] + [[0.0] * 4] * 3))
    with pytest.raises(UnfitInputError, match="outside the scan"):
        mask_of(labels(far, (8, 20, 21), (slice(2, 4), slice(5, 9), slice(5, 9))), SCAN)


def test_a_study_without_a_scale_leaves_relative_change_alone() -> None:
    bare = replace(SCAN, geometry=Geometry.pixels(), voxels=np.zeros((1, 20, 20), dtype=np.int16))
    (issue,) = [one for one in doubts_about([bare, bare], [GIVEN]) if one.code == "no_scale"]
    assert "only relative change" in issue.message.text()


def test_a_scan_that_the_quality_check_refuses_is_named(workbench: Workbench, put: Callable[..., Study]) -> None:  # noqa: F811
    study = put(head(24.0, 18.0, later=False), title="Head")
    wrong = Issue("broken", Severity.BLOCK, Message("x"), Message("y"))
    unfit = replace(study, scans=tuple(replace(one, issues=(wrong,)) for one in study.scans))
    assert "unfit_scan" not in {one.code for one in study_doubts([study, study], [one.id for one in study.scans] * 2)}
    found = {one.code: one for one in study_doubts([unfit, study], [one.id for one in study.scans] * 2)}
    assert "may be wrong" in found["unfit_scan"].hint.text() and "Head" in found["unfit_scan"].message.text()
    assert "show no change" in found["same_scan"].hint.text()
