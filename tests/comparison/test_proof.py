"""A change put into a scan is the change that was asked for, and the pipeline finds it again; nothing stays nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore.comparison.compare import Moment
from medcore.comparison.proof import grown, moved, prove
from medcore.errors import UnfitInputError
from medcore.imaging.lesions import lesions
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.volume import Geometry, Mask, Unit, Volume
from tests.comparison.test_compare import head, moment
from tests.imaging.registration.test_register import load, published


def ball(radius: float) -> tuple[Volume, Mask]:
    geometry = Geometry.from_spacing((1.5, 1.0, 1.0))
    places = geometry.to_lps(np.moveaxis(np.indices((40, 60, 60)), 0, -1))
    inside = np.linalg.norm(places - (30.0, 30.0, 30.0), axis=-1) <= radius
    voxels = np.where(inside, 900, 100).astype(np.int16)
    return Volume(voxels, Unit.HU, "CT", geometry), Mask(inside.astype(np.uint8), {1: "it"}, geometry)


@pytest.mark.parametrize("mm", [3.0, 1.5, -2.0, -4.0])
def test_a_ball_grows_by_what_was_asked_in_pixels_and_in_mask(mm: float) -> None:
    scan, mask = ball(9.0)
    larger, truth = grown(scan, mask, mm)
    expected = lesions(ball(9.0 + mm)[1])[0]
    assert lesions(truth)[0].longest_mm == pytest.approx(expected.longest_mm, abs=1.25)  # voxels of 1.5 mm
    assert truth.volume_ml(1) == pytest.approx(expected.volume_ml, rel=0.15)
    bright = Mask((larger.voxels > 500).astype(np.uint8), {1: "it"}, mask.geometry)
    assert bright.volume_ml(1) == pytest.approx(truth.volume_ml(1), rel=0.15)
    far = np.linalg.norm(mask.geometry.to_lps(np.moveaxis(np.indices(scan.shape), 0, -1)) - 30.0, axis=-1) > 25
    assert np.array_equal(larger.voxels[far], scan.voxels[far])


def test_nothing_asked_changes_nothing() -> None:
    scan, mask = ball(9.0)
    assert grown(scan, mask, 0.0) == (scan, mask)


def test_shrinking_to_nothing_and_having_no_lesion_are_refused() -> None:
    scan, mask = ball(4.0)
    with pytest.raises(UnfitInputError, match="leaves nothing"):
        grown(scan, mask, -6.0)
    empty = Mask(np.zeros(scan.shape, dtype=np.uint8), {1: "it"}, scan.geometry)
    with pytest.raises(UnfitInputError, match="no lesion"):
        prove(Moment("before", scan, empty), 2.0)


def test_another_day_keeps_volumes_and_does_not_overflow() -> None:
    scan, mask = ball(9.0)
    full = replace(scan, voxels=np.where(mask.labels > 0, 255, 0).astype(np.uint8))
    there, labels = moved(full, mask)
    assert there.voxels.dtype == np.uint8
    assert labels.volume_ml(1) == pytest.approx(mask.volume_ml(1), rel=0.03)


@pytest.mark.parametrize("mm", [3.0, -3.0])
def test_the_pipeline_finds_what_was_put_in_and_nothing_else(mm: float) -> None:
    proof = prove(moment(head(24.0, 18.0, later=False), "before"), mm)
    assert proof.aligned
    assert abs(proof.found_percent - proof.injected_percent) < 10.0
    assert proof.found_longest_mm is not None
    assert abs(proof.found_longest_mm - proof.injected_longest_mm) < 1.3  # voxels of 2.2 mm; < 1 mm with 1.6 mm
    assert abs(proof.null_percent) < 2.0
    assert np.sign(proof.injected_percent) == np.sign(mm) and abs(proof.injected_longest_mm - 2 * mm) < 2.0


def test_a_real_baseline_gives_its_change_back(shared_data: Path) -> None:
    folder = shared_data / "longitudinal_ms" / "patient01"
    scan, common = load(folder / "study2_FLAIR.nii.gz"), load(folder / "gt.nii.gz")
    there = np.linalg.inv(published(folder / "study2_FLAIR_to_common_space.txt"))
    drawn = Mask((common.voxels > 0).astype(np.uint8), {1: "new lesion"}, common.geometry)
    given = Alignment(there, Motion.RIGID, Method.GIVEN, Trust(1, 1, 0, 1))
    mask = given.carried_mask(drawn, scan.geometry, scan.shape)
    assert mask.volume_ml(1) == pytest.approx(drawn.volume_ml(1), rel=0.05)
    proof = prove(Moment("study 2", scan, mask), 1.5)
    assert proof.aligned and abs(proof.found_percent - proof.injected_percent) < 10.0 and abs(proof.null_percent) < 2.0
