"""Candidates and outlines on phantoms with known nodules: found, measured, and the same however the scan was taken."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from medcore.imaging.nodules.candidates import Candidate, candidates
from medcore.imaging.nodules.field import Field, lung_field, resampled
from medcore.imaging.nodules.measuring import GROUND_GLASS, PART_SOLID, SOLID, Nodule, measured
from medcore.imaging.nodules.outline import outline
from medcore.imaging.nodules.patches import SLANTING, STRAIGHT, plane_patches
from medcore.imaging.phantoms.chest_ct import Nodule as Known
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.imaging.regions import RegionMask
from medcore.volume import Geometry, Mask, Triple, Unit, Volume

FREE = (
    Known("large", (-88.0, -38.0, 2.0), 14.0),
    Known("long", (84.0, -46.0, 6.0), 11.0, stretch=(1.25, 0.8, 1.0)),
    Known("small", (-104.0, 30.0, -6.0), 7.0),
    Known("glass", (96.0, 44.0, -4.0), 12.0, hu=-600.0),
    Known("part-solid", (-70.0, -66.0, 4.0), 16.0, hu=-620.0, core_mm=7.0),
)
FINE, OTHER = (1.25, 0.75, 0.75), (1.0, 0.65, 0.65)


@cache
def chest(spacing: Triple) -> Volume:
    """A slab of a chest of about 50 mm."""
    shape = (int(50 / spacing[0]), int(245 / spacing[1]), int(312 / spacing[2]))
    return chest_ct(FREE, axial(shape, spacing), shape, noise_hu=12.0).volume


def looked_at(scan: Volume) -> tuple[Field, tuple[Candidate, ...]]:
    field = lung_field(scan)
    assert field is not None
    return field, candidates(field)


def nearest(places: Sequence[Candidate], known: Known) -> Candidate:
    return min(places, key=lambda place: np.linalg.norm(np.subtract(place.centre_lps_mm, known.centre_mm)))


def nodules(scan: Volume, wanted: Sequence[Known] = FREE) -> list[Nodule]:
    field, places = looked_at(scan)
    found = []
    for known in wanted:
        place = nearest(places, known)
        drawn = outline(scan, field, place.centre_lps_mm, place.radius_mm)
        assert drawn is not None, known.name
        found.append(measured(scan, drawn))
    return found


def test_every_nodule_is_among_the_strongest_candidates() -> None:
    _, places = looked_at(chest(FINE))
    for known in FREE:
        apart = np.linalg.norm(np.subtract(nearest(places, known).centre_lps_mm, known.centre_mm))
        assert apart < 0.35 * known.diameter_mm, known.name
        assert places.index(nearest(places, known)) < 110, known.name


def test_faint_ground_glass_is_a_candidate_among_many_bright_crossings() -> None:
    rng = np.random.default_rng(3)
    values = np.full((90, 90, 90), -860.0, np.float32)
    near = np.stack(np.mgrid[-6:7, -6:7, -6:7], axis=-1)
    for low in rng.integers(6, 70, (90, 3)):  # as bright, thin and frequent as forks of vessels
        for way in rng.normal(size=(3, 3)):
            along = near @ (way / np.linalg.norm(way))
            rod = (np.sum(near**2, axis=-1) - along**2 < 1.8**2) & (np.abs(along) < 5)
            values[tuple(slice(a, a + 13) for a in low)][rod] = 30.0
    offset = np.moveaxis(np.mgrid[0:90, 0:90, 0:90], 0, -1) - (45.0, 40.0, 50.0)
    values[np.linalg.norm(offset, axis=-1) < 3.8] = -650.0
    values += rng.normal(0, 15, values.shape).astype(np.float32)
    geometry, whole = Geometry.from_spacing((1.0, 1.0, 1.0)), np.ones(values.shape, np.uint8)
    lungs = RegionMask("lungs", Mask(whole, {1: "lungs"}, geometry), 1.0, (), {"lungs": 729.0})
    field = Field(values, whole > 0, geometry, lungs, 729.0)
    middle = field.geometry.to_lps(np.array([45.0, 40.0, 50.0]))
    assert min(np.linalg.norm(np.subtract(place.centre_lps_mm, middle)) for place in candidates(field)) < 2.0


def test_solid_nodules_are_measured_as_they_were_made() -> None:
    for known, found in zip(FREE[:3], nodules(chest(FINE), FREE[:3]), strict=True):
        assert np.linalg.norm(np.subtract(found.extent.centre, known.centre_mm)) < 0.4
        assert found.volume_ml == pytest.approx(known.solid.volume_ml, rel=0.04), known.name
        assert found.kind == SOLID
    long = nodules(chest(FINE), FREE[1:2])[0]
    assert long.extent.longest_mm == pytest.approx(11 * 1.25, abs=0.9)
    assert long.extent.short_axis_mm == pytest.approx(11 * 0.8, abs=0.9)


def test_ground_glass_and_part_solid_nodules_are_told_apart_with_their_evidence() -> None:
    glass, part = nodules(chest(FINE), FREE[3:])
    assert glass.kind == GROUND_GLASS and glass.hu_mean < -500
    assert glass.volume_ml == pytest.approx(FREE[3].solid.volume_ml, rel=0.15)
    assert part.kind == PART_SOLID and part.solid_mm == pytest.approx(7.0, abs=1.5)
    assert part.diameter_mm == pytest.approx(16.0, abs=2.0)
    assert all("HU" in str(one) or "mm" in str(one) for one in (*glass.evidence, *part.evidence))


def assert_same(one: Sequence[Nodule], other: Sequence[Nodule], *, voxel_mm: float, share: float = 0.02) -> None:
    for a, b in zip(one, other, strict=True):
        assert np.linalg.norm(np.subtract(a.extent.centre, b.extent.centre)) < voxel_mm / 2
        assert a.volume_ml == pytest.approx(b.volume_ml, rel=share)


def test_two_spacings_give_the_same_lesions() -> None:
    assert_same(nodules(chest(FINE), FREE[:2]), nodules(chest(OTHER), FREE[:2]), voxel_mm=1.25)


def turned(scan: Volume, order: tuple[int, int, int], mirrored: int | None = None) -> Volume:
    """The same patient with the array's axes in another order, one of them running the other way."""
    affine = scan.geometry.affine.copy()
    voxels = np.transpose(scan.voxels, order)
    affine[:3, :3] = affine[:3, list(order)]
    if mirrored is not None:
        affine[:3, 3] += affine[:3, mirrored] * (voxels.shape[mirrored] - 1)
        affine[:3, mirrored] *= -1
        voxels = np.flip(voxels, mirrored)
    return Volume(np.ascontiguousarray(voxels), scan.unit, scan.modality, Geometry(affine))


@pytest.mark.slow
@pytest.mark.parametrize(("order", "mirrored"), [((0, 1, 2), 0), ((0, 1, 2), 2), ((0, 2, 1), 1), ((1, 0, 2), None)])
def test_flips_and_quarter_turns_give_the_same_lesions(order: tuple[int, int, int], mirrored: int | None) -> None:
    plain, other = nodules(chest(FINE), FREE[:3]), nodules(turned(chest(FINE), order, mirrored), FREE[:3])
    assert_same(plain, other, voxel_mm=0.75)


@cache
def between_slices() -> Volume:
    """The same chest with slices half way between those of `chest(FINE)`."""
    whole = chest(FINE)
    affine = whole.geometry.affine.copy()
    affine[:3, 3] = whole.geometry.to_lps(np.array([0.5, 0.3, -0.4]))
    return chest_ct(FREE, Geometry(affine), whole.shape, noise_hu=12.0).volume


@pytest.mark.slow
@pytest.mark.parametrize("known", FREE[:3], ids=lambda known: known.name)
def test_slices_at_other_places_give_the_same_lesions(known: Known) -> None:
    assert_same(nodules(chest(FINE), [known]), nodules(between_slices(), [known]), voxel_mm=1.25)


@pytest.mark.slow
def test_a_series_split_in_two_gives_the_same_lesions() -> None:
    whole = chest(FINE)
    cut = 14  # above it lies all of the large and the long nodule
    affine = whole.geometry.affine.copy()
    affine[:3, 3] = whole.geometry.to_lps(np.array([cut, 0, 0]))
    upper = Volume(whole.voxels[cut:], whole.unit, whole.modality, Geometry(affine))
    assert_same(nodules(whole, FREE[:2]), nodules(upper, FREE[:2]), voxel_mm=0.75)


def test_what_is_no_denser_than_the_lung_has_no_outline() -> None:
    scan = chest(FINE)
    field, _ = looked_at(scan)
    values = np.where(field.inside, field.values, 0)
    s, r, c = (int(v) for v in np.unravel_index(int(values.argmin()), values.shape))
    x, y, z = field.geometry.to_lps(np.array([s, r, c])).tolist()
    assert outline(scan, field, (x, y, z), 3.0) is None


@pytest.mark.parametrize("vessels", [1, 3])
def test_a_nodule_grown_together_with_vessels_as_thick_as_itself_keeps_its_place(vessels: int) -> None:
    at = np.moveaxis(np.mgrid[0:80, 0:80, 0:80], 0, -1) * 0.6 - 24.0  # mm from the nodule's middle
    bright = np.linalg.norm(at, axis=-1) < 3.0
    for number in range(vessels):
        way = np.array([(0.0, 0.3, 1.0), (1.0, 0.2, 0.4), (0.5, 1.0, -0.3)][number])
        way /= np.linalg.norm(way)
        across = np.cross(way, (0.0, 1.0, 0.0))
        beside = at - 4.2 * across / np.linalg.norm(across)
        bright |= np.linalg.norm(beside - (beside @ way)[..., None] * way, axis=-1) < 2.4
    blurry = ndimage.gaussian_filter(np.where(bright, 30.0, -860.0).astype(np.float32), 0.8)
    geometry, whole = Geometry.from_spacing((0.6, 0.6, 0.6), origin_mm=(-24.0, -24.0, -24.0)), np.ones((80,) * 3)
    scan = Volume(blurry, Unit.HU, "CT", geometry)
    lungs = RegionMask("lungs", Mask(whole.astype(np.uint8), {1: "lungs"}, geometry), 1.0, (), {"lungs": 100.0})
    drawn = outline(scan, Field(blurry, whole > 0, geometry, lungs, 100.0), (0.3, -0.2, 0.2), 2.8)
    assert drawn is not None
    assert np.linalg.norm(measured(scan, drawn).extent.centre) < 1.5, "half of the nodule's radius"
    assert drawn.volume_ml == pytest.approx(4 / 3 * np.pi * 3.0**3 / 1000, rel=0.6)


def test_resampling_keeps_a_ramp_in_its_place() -> None:
    geometry = Geometry.from_spacing((2.5, 0.7, 0.7), origin_mm=(3.0, 4.0, 5.0))
    shape = (9, 30, 40)
    x, y, z = np.moveaxis(geometry.to_lps(np.stack(np.indices(shape), axis=-1)), -1, 0)
    values, grid = resampled((2 * x - y + 3 * z).astype(np.float32), geometry, 1.0)
    x, y, z = np.moveaxis(grid.to_lps(np.stack(np.indices(values.shape), axis=-1)), -1, 0)
    inner = (slice(2, -2),) * 3
    np.testing.assert_allclose(values[inner], (2 * x - y + 3 * z)[inner], atol=0.25)


def test_the_three_planes_show_the_place_in_their_middle_whatever_way_the_array_runs() -> None:
    scan = chest(FINE)
    centre = np.array([FREE[0].centre_mm])
    plain = plane_patches(scan, centre, side=33, pixel_mm=0.7, outside=-1000.0)
    other = plane_patches(turned(scan, (2, 0, 1), 1), centre, side=33, pixel_mm=0.7, outside=-1000.0)
    np.testing.assert_allclose(plain, other, atol=0.6)
    assert (plain[0, :, 14:19, 14:19] > -100).all() and plain.shape == (1, 3, 33, 33)


@pytest.mark.parametrize("tilt", [0.0, 0.2], ids=["straight", "tilted"])
def test_a_patch_holds_what_point_by_point_interpolation_gives(tilt: float) -> None:
    affine = Geometry.from_spacing((1.5, 0.7, 0.8), origin_mm=(3.0, -4.0, 5.0)).affine.copy()
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    affine[:3, :3] = turn @ affine[:3, :3]
    voxels = np.random.default_rng(1).integers(-1000, 400, (30, 40, 50)).astype(np.int16)
    scan = Volume(voxels, Unit.HU, "CT", Geometry(affine))
    index = np.array([[14.3, 20.6, 24.1], [9.0, 2.2, 47.5]])  # the second one reaches beyond the field
    offsets = (np.arange(12) - 5.5) * 0.7
    for planes in (STRAIGHT, SLANTING):
        found = plane_patches(scan, scan.geometry.to_lps(index), planes=planes, side=12, pixel_mm=0.7, outside=-1000.0)
        for place, patches in zip(scan.geometry.to_lps(index), found, strict=True):
            for (down, across), patch in zip(planes, patches, strict=True):
                points = place + offsets[:, None, None] * down + offsets[None, :, None] * across
                at = np.moveaxis(scan.geometry.to_index(points), -1, 0)
                wanted = ndimage.map_coordinates(voxels.astype(np.float64), at, order=1, mode="constant", cval=-1000.0)
                np.testing.assert_allclose(patch, wanted, atol=0.05)
