"""A change put into a scan is the change that was asked for, and the pipeline finds it again; nothing stays nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore.comparison.compare import Moment
from medcore.comparison.known_change import grown, motion, moved
from medcore.comparison.proof import Proof, prove
from medcore.errors import UnfitInputError
from medcore.imaging.borders import borders
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.volume import Geometry, Mask, Unit, Volume
from tests.comparison.test_compare import head, moment
from tests.imaging.registration.test_register import load, published

TOLERANCE_MM = 1.0


def ball(radius: float) -> tuple[Volume, Mask]:
    geometry = Geometry.from_spacing((1.5, 1.0, 1.0))
    places = geometry.to_lps(np.moveaxis(np.indices((40, 60, 60)), 0, -1))
    inside = np.linalg.norm(places - (30.0, 30.0, 30.0), axis=-1) <= radius
    voxels = np.where(inside, 900, 100).astype(np.int16)
    return Volume(voxels, Unit.HU, "CT", geometry), Mask(inside.astype(np.uint8), {1: "it"}, geometry)


@pytest.mark.parametrize("mm", [3.0, 1.5, -2.0, -4.0])
def test_a_ball_grows_in_its_pixels_by_what_was_asked(mm: float) -> None:
    scan, mask = ball(9.0)
    larger = grown(scan, borders(mask, reach_mm=15.0), mm)
    bright = Mask((larger.voxels > 500).astype(np.uint8), {1: "it"}, mask.geometry)
    assert bright.volume_ml(1) == pytest.approx(4 / 3 * np.pi * (9.0 + mm) ** 3 / 1000, rel=0.12)  # 0.2 mm all around
    far = np.linalg.norm(mask.geometry.to_lps(np.moveaxis(np.indices(scan.shape), 0, -1)) - 30.0, axis=-1) > 25
    assert np.array_equal(larger.voxels[far], scan.voxels[far])


def test_nothing_asked_changes_nothing() -> None:
    scan, mask = ball(9.0)
    assert grown(scan, borders(mask, reach_mm=5.0), 0.0) is scan


def test_shrinking_to_nothing_having_no_lesion_and_a_radiograph_are_refused() -> None:
    scan, mask = ball(4.0)
    with pytest.raises(UnfitInputError, match="leaves nothing"):
        prove(Moment("before", scan, mask), -6.0)
    empty = Mask(np.zeros(scan.shape, dtype=np.uint8), {1: "it"}, scan.geometry)
    with pytest.raises(UnfitInputError, match="no lesion"):
        prove(Moment("before", scan, empty), 2.0)
    flat = replace(scan, voxels=scan.voxels[20:21])
    with pytest.raises(UnfitInputError, match="volume only"):
        prove(Moment("before", flat, Mask(mask.labels[20:21], mask.names, mask.geometry)), 2.0)


def test_another_day_has_noise_of_its_own_and_does_not_overflow() -> None:
    scan, mask = ball(9.0)
    rough = np.where(mask.labels > 0, 250, 40) + np.random.default_rng(1).integers(-5, 6, mask.labels.shape)
    full = replace(scan, voxels=rough.astype(np.uint8))
    there = moved(full, motion(borders(mask, reach_mm=2.0)))
    assert there.voxels.dtype == np.uint8 and there.voxels.max() == 255
    assert np.count_nonzero(there.voxels > 145) == pytest.approx(np.count_nonzero(mask.labels), rel=0.03)
    assert there.voxels[:, -5:].std() > full.voxels[:, -5:].std()


@pytest.mark.parametrize("mm", [2.75, -3.0])
def test_the_pipeline_finds_what_was_put_in_and_nothing_else(mm: float) -> None:
    proof = prove(moment(head(24.0, 18.0, later=False), "before"), mm)
    assert proof.aligned
    assert proof.injected_longest_mm == pytest.approx(2 * mm, abs=0.5)  # parts of a voxel of 2.2 mm
    true = 100 * (((24 + 2 * mm) ** 3 + (18 + 2 * mm) ** 3) / (24**3 + 18**3) - 1)
    assert proof.injected_percent == pytest.approx(true, abs=5.0)
    assert proof.found_longest_mm == pytest.approx(proof.injected_longest_mm, abs=TOLERANCE_MM)
    assert proof.found_percent == pytest.approx(proof.injected_percent, abs=10.0)
    assert abs(proof.null_percent) < 2.0
    assert proof.longest_recovered and proof.volume_recovered and proof.null_kept


def test_a_real_baseline_gives_its_change_back(shared_data: Path) -> None:
    folder = shared_data / "longitudinal_ms" / "patient01"
    scan, common = load(folder / "study2_FLAIR.nii.gz"), load(folder / "gt.nii.gz")
    there = np.linalg.inv(published(folder / "study2_FLAIR_to_common_space.txt"))
    drawn = Mask((common.voxels > 0).astype(np.uint8), {1: "new lesion"}, common.geometry)
    given = Alignment(there, Motion.RIGID, Method.GIVEN, Trust(1, 1, 0, 1))
    mask = given.carried_mask(drawn, scan.geometry, scan.shape)
    assert mask.volume_ml(1) == pytest.approx(drawn.volume_ml(1), rel=0.05)
    proof = prove(Moment("study 2", scan, mask), 1.5)
    assert proof.aligned and proof.longest_recovered and proof.volume_recovered and proof.null_kept
    assert proof.found_longest_mm == pytest.approx(proof.injected_longest_mm, abs=TOLERANCE_MM)


def test_the_verdict_asks_no_more_than_voxels_can_tell() -> None:
    coarse = Proof(2.0, 60.0, 45.0, 4.0, 5.6, 5.0, True, 2.0, 15.0, 6.0)
    assert coarse.longest_recovered and coarse.volume_recovered and coarse.null_kept
    fine = replace(coarse, limit_longest_mm=0.4, limit_percent=2.0, limit_null_percent=0.5)
    assert (fine.longest_recovered, fine.volume_recovered, fine.null_kept) == (False, True, False)
    assert not replace(fine, found_percent=40.0).volume_recovered
    assert not replace(coarse, found_longest_mm=None).longest_recovered
