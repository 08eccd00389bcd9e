"""Phantoms that moved in a known way are found again; what cannot be aligned is doubted."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import CancelledError, GeometryError
from medcore.imaging.itk import to_geometry, to_voxels
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr, rigid
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.imaging.phantoms.truth import Phantom
from medcore.imaging.registration.alignment import Alignment, Bending, Method, Motion, Trust
from medcore.imaging.registration.bending import bend, growth
from medcore.imaging.registration.pyramid import level
from medcore.imaging.registration.register import register
from medcore.imaging.registration.same_contrast import turn
from medcore.volume import Affine, Geometry, Mask, Unit, Volume

VOXEL_MM = 2.6
SHAPE = (70, 84, 84)
BEFORE, AFTER = (Lesion("it", (30, 10, 20), (12, 10, 9)),), (Lesion("it", (30, 10, 20), (17, 15, 13)),)
MOTIONS = [(4, 6), (20, 30)]


@cache
def head(degrees: float = 0.0, mm: float = 0.0) -> Phantom:
    """A head, its lesion grown and its bias and noise changed when it has moved."""
    geometry = axial(SHAPE, (VOXEL_MM,) * 3)
    if not degrees and not mm:
        return brain_mr(BEFORE, geometry, SHAPE, seed=1)
    return brain_mr(AFTER, geometry, SHAPE, moved=motion(degrees, mm), seed=2, bias=-0.1)


def motion(degrees: float, mm: float) -> Affine:
    axis, way = np.array([0.6, -0.48, 0.64]), np.array([0.48, 0.6, -0.64])
    return rigid(turn(np.deg2rad(degrees) * axis), tuple(mm * way))


def error_mm(found: Alignment, volume: Volume, truth: Affine) -> float:
    """Mean distance, over the foreground, between where places are and where they were found."""
    places = volume.geometry.to_lps(np.argwhere(volume.voxels > np.percentile(volume.voxels, 60))[::53])
    return float(
        np.linalg.norm(found.places_in_moving(places) - (places @ truth[:3, :3].T + truth[:3, 3]), axis=1).mean()
    )


@pytest.mark.parametrize(("degrees", "mm"), MOTIONS)
def test_a_head_that_moved_is_found_within_half_a_voxel(degrees: float, mm: float) -> None:
    found = register(head().volume, head(degrees, mm).volume)
    assert found.method is Method.SAME_CONTRAST and found.trust.trusted, found.trust
    assert error_mm(found, head().volume, motion(degrees, mm)) < VOXEL_MM / 2 * 0.5
    assert np.allclose(found.to_moving[:3, :3] @ found.to_moving[:3, :3].T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize(("degrees", "mm"), MOTIONS)
def test_another_contrast_is_aligned_by_mutual_information(degrees: float, mm: float) -> None:
    moved = head(degrees, mm).volume
    dark_is_bright = np.where(moved.voxels > 60, 1100 - np.minimum(moved.voxels, 1000), 20).astype(np.int16)
    found = register(head().volume, replace(moved, voxels=dark_is_bright))
    assert found.method is Method.MUTUAL_INFORMATION and found.trust.trusted, found.trust
    assert error_mm(found, head().volume, motion(degrees, mm)) < VOXEL_MM / 2


@pytest.mark.parametrize(("degrees", "mm"), [(6, 12), (20, 30)])
def test_a_chest_that_moved_on_another_grid_is_found_within_half_a_voxel(degrees: float, mm: float) -> None:
    ground, truth = chest(), motion(degrees, mm)
    grid, shape = axial((70, 110, 110), (3.5, 3.2, 3.2)), (70, 110, 110)
    moved = chest_ct([], Geometry(np.linalg.inv(truth) @ grid.affine), shape, seed=3).volume
    found = register(ground, replace(moved, geometry=grid))
    assert found.trust.trusted, found.trust
    assert error_mm(found, ground, truth) < 0.3  # a tenth of a voxel


@cache
def chest() -> Volume:
    return chest_ct([], axial((60, 120, 120), (4.0, 3.0, 3.0)), (60, 120, 120)).volume


def test_a_head_and_a_chest_do_not_fit_and_it_is_said() -> None:
    chest = chest_ct([], axial((40, 100, 100), (6.0, 3.6, 3.6)), (40, 100, 100)).volume
    found = register(head().volume, chest)
    assert not found.trust.trusted and found.trust.doubts


def test_two_scans_of_noise_are_not_trusted() -> None:
    geometry = axial((40, 60, 60), (3.0, 3.0, 3.0))
    first, second = (
        Volume(np.random.default_rng(seed).normal(500, 100, (40, 60, 60)).astype(np.float32), Unit.GREY, "MR", geometry)
        for seed in (1, 2)
    )
    assert not register(first, second).trust.trusted


def test_a_radiograph_is_refused_with_a_reason() -> None:
    picture = Volume(np.zeros((1, 20, 20), dtype=np.uint8), Unit.GREY, "DX", Geometry.pixels(), name="chest")
    with pytest.raises(GeometryError, match="chest is not a volume"):
        register(picture, head().volume)


def test_cancelling_stops_between_stages() -> None:
    told: list[float] = []
    with pytest.raises(CancelledError):
        register(
            head().volume,
            head(4, 6).volume,
            progress=lambda fraction, text: told.append(fraction),
            cancelled=lambda: len(told) > 1,
        )
    assert len(told) == 2


def test_soft_tissue_that_bent_is_followed() -> None:
    volume = head().volume
    index = np.indices(SHAPE).astype(float)
    shift = np.stack(
        [5.0 * np.sin(index[0] / 14) * np.cos(index[1] / 16), 4.0 * np.sin(index[2] / 15), index[0] * 0], -1
    )
    true = Alignment(
        np.eye(4),
        Motion.DEFORMABLE,
        Method.GIVEN,
        Trust(1, 1, 0, 1),
        Bending(shift.astype(np.float32), volume.geometry),
    )
    bent = replace(volume, voxels=true.carried(volume, volume.geometry, SHAPE))
    found = register(bent, volume, motion=Motion.DEFORMABLE)
    stiff = register(bent, volume, motion=Motion.RIGID)
    places = volume.geometry.to_lps(np.argwhere(volume.voxels > 300)[::97])

    def wrong(one: Alignment) -> float:
        return float(np.linalg.norm(one.places_in_moving(places) - true.places_in_moving(places), axis=1).mean())

    assert wrong(stiff) > 2.0
    assert wrong(found) < 0.5 * wrong(stiff)
    back = found.places_in_fixed(found.places_in_moving(places))
    assert np.percentile(np.abs(back - places), 95) < 0.1


def test_bending_tells_each_step_and_stops_at_the_next_one() -> None:
    scan, moved = level(head().volume, 8.0), level(head(4, 6).volume, 8.0)
    told: list[float] = []
    bend(scan, moved, np.eye(4), tell=told.append)
    assert len(told) > 3 and told == sorted(told) and told[0] > 0 and told[-1] <= 1.0, "it may be done early"
    asked: list[float] = []

    def stop(done: float) -> None:
        asked.append(done)
        if len(asked) == 3:
            raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        bend(scan, moved, np.eye(4), tell=stop)
    assert len(asked) == 3


def test_a_field_that_swells_by_a_tenth_says_so() -> None:
    geometry = Geometry.from_spacing((2.0, 1.0, 1.0))
    places = geometry.to_lps(np.moveaxis(np.indices((12, 12, 12)), 0, -1))
    swelling = growth(Bending((0.1 * places).astype(np.float32), geometry))
    assert swelling[5, 5, 5] == pytest.approx(1.1**3, rel=1e-4)


def test_a_mask_is_carried_to_the_place_of_the_same_voxels() -> None:
    truth = motion(4, 6)
    there, here = head(4, 6), head()
    given = Alignment(truth, Motion.RIGID, Method.GIVEN, Trust(1, 1, 0, 1))
    carried = given.carried_mask(there.mask, here.volume.geometry, SHAPE)
    big = np.asarray(carried.labels > 0)
    small = np.asarray(here.mask.labels > 0)
    assert (big & small).sum() / small.sum() > 0.99  # the lesion grew around its old place
    assert Mask(there.mask.labels, there.mask.names, there.mask.geometry).volume_ml(1) == pytest.approx(
        carried.volume_ml(1), rel=0.03
    )


def test_a_real_pair_agrees_with_its_published_alignment(shared_data: Path) -> None:
    folder = shared_data / "longitudinal_ms" / "patient01"
    first, second = (load(folder / f"study{number}_FLAIR.nii.gz") for number in (1, 2))
    found = register(first, second)
    to_common = [published(folder / f"study{number}_FLAIR_to_common_space.txt") for number in (1, 2)]
    assert found.trust.trusted
    assert error_mm(found, first, to_common[1] @ np.linalg.inv(to_common[0])) < 0.6


def load(path: Path) -> Volume:
    image = sitk.ReadImage(str(path))
    return Volume(
        to_voxels(image).astype(np.float32), Unit.GREY, "MR", to_geometry(image, Geometry.from_spacing((1, 1, 1)))
    )


def published(path: Path) -> Affine:
    transform = sitk.ReadTransform(str(path))
    matrix, centre = np.array(transform.GetParameters()), np.array(transform.GetFixedParameters())
    out = np.eye(4)
    out[:3, :3] = matrix[:9].reshape(3, 3)
    out[:3, 3] = centre + matrix[9:] - out[:3, :3] @ centre
    return out
