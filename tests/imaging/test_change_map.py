"""A map of change marks what changed and leaves alone what only moved, was noised or was filmed with another gain."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from medcore.errors import CancelledError, GeometryError
from medcore.imaging.change_map import GAINED, KEPT, LOST, ChangeMap, change_map, mask_change
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr, rigid
from medcore.imaging.phantoms.chest_ct import axial
from medcore.imaging.phantoms.truth import Phantom
from medcore.imaging.registration.alignment import Alignment, Bending, Method, Motion, Trust
from medcore.imaging.registration.bending import tissue_growth
from medcore.imaging.registration.register import register
from medcore.imaging.registration.same_contrast import turn
from medcore.volume import Geometry, Mask, Unit, Volume
from tests.imaging.registration.test_register import load, published

SHAPE, STEP_MM = (60, 70, 70), 3.0
PLACE = (30.0, 10.0, 20.0)
MOVED = rigid(turn(np.deg2rad(6) * np.array([0.6, -0.48, 0.64])), (6.0, -4.0, 8.0))
STILL = Alignment(np.eye(4), Motion.RIGID, Method.GIVEN, Trust(1.0, 1.0, 0.0, 1.0))


@cache
def head(radius: float, *, later: bool = False) -> Phantom:
    grid = axial(SHAPE, (STEP_MM,) * 3)
    lesions = [Lesion("it", PLACE, (radius,) * 3)] if radius else []
    return brain_mr(lesions, grid, SHAPE, seed=1 + later, moved=MOVED if later else None, bias=-0.1 if later else 0.1)


@cache
def found(before: float, after: float) -> ChangeMap:
    first, second = head(before).volume, head(after, later=True).volume
    return change_map(first, second, register(first, second) if before == after else replace(STILL, to_moving=MOVED))


def near(mm: float) -> np.ndarray:
    places = head(0.0).volume.geometry.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1))
    return np.linalg.norm(places - PLACE, axis=-1) <= mm


def test_the_same_head_moved_noised_and_unevenly_lit_has_not_changed() -> None:
    null = found(9.0, 9.0)
    assert null.compared.mean() > 0.3 and null.share < 0.02


def test_a_lesion_that_came_is_brighter_and_one_that_went_is_darker() -> None:
    came, went = found(0.0, 9.0), found(9.0, 0.0)
    core, far = near(5.0), ~near(15.0)
    assert came.marked[core].mean() > 0.7 and (came.z[core] > 0).all()
    assert went.marked[core].mean() > 0.7 and (went.z[core] < 0).all()
    assert came.marked[far].mean() < 0.01 and went.marked[far].mean() < 0.01
    assert came.brighter_ml is not None and came.brighter_ml > 1.5  # of 3.1 ml


def test_gain_and_offset_of_the_grey_values_do_not_matter() -> None:
    first, second = head(0.0).volume, head(9.0, later=True).volume
    alignment = replace(STILL, to_moving=MOVED)
    other = replace(second, voxels=second.voxels.astype(np.float32) * 3.0 + 500.0)
    changed, plain = change_map(first, other, alignment), change_map(first, second, alignment)
    assert changed.gain == pytest.approx(plain.gain / 3, rel=0.02)
    assert np.mean(changed.marked ^ plain.marked) < 0.002


def test_in_hounsfield_units_a_change_of_everything_is_a_change() -> None:
    rng, geometry = np.random.default_rng(3), Geometry.from_spacing((2.0, 2.0, 2.0))
    tissue = np.full((24, 40, 40), -1000.0)
    tissue[2:-2, 6:-6, 6:-6] = 40.0
    scans = []
    for value in (0.0, 60.0):
        voxels = tissue + value * (tissue > 0) + rng.normal(0, 10, tissue.shape)
        scans.append(Volume(voxels.astype(np.float32), Unit.HU, "CT", geometry))
    whole = change_map(*scans, STILL)
    assert (whole.gain, whole.offset) == (1.0, 0.0)


def test_what_is_outside_the_later_scan_is_not_compared() -> None:
    first = head(9.0).volume
    affine = first.geometry.affine.copy()
    affine[:3, 3] = first.geometry.to_lps(np.array([20, 0, 0]))
    upper = replace(first, voxels=first.voxels[20:], geometry=Geometry(affine))
    part = change_map(first, upper, STILL)
    assert not part.compared[:20].any() and part.compared[25:].any() and part.share < 0.001


def test_masks_gain_lose_and_keep_voxels() -> None:
    geometry = Geometry.from_spacing((2.0, 1.0, 1.0))
    before, after = (np.zeros((4, 6, 6), dtype=np.uint8) for _ in range(2))
    before[1, 1:4, 1:4], after[1, 2:6, 1:4] = 1, 1
    change = mask_change(Mask(before, {1: "x"}, geometry), Mask(after, {1: "x"}, geometry), STILL)
    assert [change.voxels(label) for label in (GAINED, LOST, KEPT)] == [6, 3, 6]
    assert change.ml(GAINED) == pytest.approx(0.012) and change.mask.names[LOST] == "lost"


def test_growth_of_tissue_is_the_stretch_times_the_bending() -> None:
    geometry = Geometry.from_spacing((2.0, 1.0, 1.0))
    places = geometry.to_lps(np.moveaxis(np.indices((12, 12, 12)), 0, -1))
    bent = replace(
        STILL, to_moving=np.diag([1.0, 1.0, 1.2, 1.0]), bending=Bending((0.1 * places).astype(np.float32), geometry)
    )
    assert tissue_growth(bent, geometry, (12, 12, 12))[5, 5, 5] == pytest.approx(1.2 * 1.1**3, rel=1e-4)
    assert tissue_growth(STILL, geometry, (2, 2, 2)).tolist() == np.ones((2, 2, 2)).tolist()


def test_radiographs_are_refused_and_it_can_be_stopped() -> None:
    picture = Volume(np.zeros((1, 20, 20), dtype=np.uint8), Unit.GREY, "DX", Geometry.pixels(), name="chest")
    with pytest.raises(GeometryError, match="needs grey volumes"):
        change_map(picture, picture, STILL)
    with pytest.raises(CancelledError):
        change_map(head(9.0).volume, head(9.0).volume, STILL, cancelled=lambda: True)


@pytest.mark.slow
def test_new_lesions_of_a_real_patient_are_marked(shared_data: Path) -> None:
    folder = shared_data / "longitudinal_ms" / "patient01"
    first, second = (load(folder / f"study{number}_FLAIR.nii.gz") for number in (1, 2))
    change = change_map(first, second, register(first, second))
    assert change.share < 0.02
    drawn = load(folder / "gt.nii.gz")
    new = Mask((drawn.voxels > 0).astype(np.uint8), {1: "new"}, drawn.geometry)
    onto = replace(STILL, to_moving=np.linalg.inv(published(folder / "study1_FLAIR_to_common_space.txt")))
    inside = onto.carried_mask(new, first.geometry, first.shape).labels > 0
    assert change.marked[inside].mean() > 0.5 and change.z[inside].mean() > 4.0  # the readers' new lesions
