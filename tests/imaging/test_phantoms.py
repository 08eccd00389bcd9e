"""Phantoms must be what they say: right volumes, right places, the same in every grid, the same every time."""

import numpy as np
import pytest

from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr, rigid
from medcore.imaging.phantoms.chest_ct import Nodule, axial, chest_ct
from medcore.imaging.phantoms.clouds import plate, tube
from medcore.imaging.phantoms.golden import GRIDS, ORIENTATIONS, PARTS, golden, measure
from medcore.imaging.phantoms.radiographs import Opacity, Pose, chest_radiograph
from medcore.imaging.phantoms.shapes import Ellipsoid, Stack, covered, grid, hull, rotation
from medcore.imaging.phantoms.truth import known
from medcore.imaging.phantoms.wrist import wrist_radiograph
from medcore.imaging.phantoms.xray import Detector, enlarge
from medcore.volume import Geometry, Scale, Unit

BALL = Ellipsoid((3.0, -2.0, 5.0), (10.0, 10.0, 10.0))
EGG = Ellipsoid((3.0, -2.0, 5.0), (14.0, 9.0, 6.0), rotation("y", 25) @ rotation("z", 40))


def everywhere(shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    return slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])


def test_a_ball_of_20_mm_has_its_textbook_volume() -> None:
    assert BALL.volume_ml == pytest.approx(4.18879, abs=1e-5)


@pytest.mark.parametrize("solid", [BALL, EGG])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.8, 0.8), (0.7, 1.9, 1.1)])
def test_counted_voxels_give_the_analytical_volume_at_any_spacing(
    solid: Ellipsoid, spacing: tuple[float, float, float]
) -> None:
    shape = tuple(round(48 / mm) for mm in spacing)
    targets, mask = known([("it", solid)], axial(shape, spacing), shape)  # type: ignore[arg-type]
    assert mask.volume_ml(1) == pytest.approx(targets[0].volume_ml, rel=0.03)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipping_a_grid_changes_neither_volume_nor_place(axis: int) -> None:
    shape = (40, 44, 48)
    plain = axial(shape, (1.3, 1.1, 1.0))
    affine = plain.affine.copy()
    affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
    affine[:3, axis] *= -1
    _, mask = known([("it", EGG)], plain, shape)
    targets, flipped = known([("it", EGG)], Geometry(affine), shape)
    assert np.array_equal(np.flip(flipped.labels, axis), mask.labels)
    assert Geometry(affine).to_lps(np.array(targets[0].centre_index)).tolist() == pytest.approx(EGG.centre)


def test_the_signed_distance_to_a_ball_is_exact() -> None:
    x, y, z = np.float32([[[16.0]]]), np.float32([[[-2.0]]]), np.float32([[[5.0]]])
    assert BALL.distance((x, y, z)).item() == pytest.approx(3.0, abs=1e-4)


def test_the_box_of_a_turned_ellipsoid_encloses_it_and_touches_it() -> None:
    shape = (90, 90, 90)
    geometry = axial(shape, (0.5, 0.5, 0.5))
    inside = np.argwhere(EGG.distance(grid(geometry, everywhere(shape))) <= 0)
    places = geometry.to_lps(inside)
    low, high = EGG.box
    assert np.allclose(places.min(axis=0), low, atol=0.6) and np.allclose(places.max(axis=0), high, atol=0.6)


@pytest.mark.parametrize(
    "solid", [BALL, EGG, Stack(((-15, 0, 0, 6, 9), (0, 2, -3, 12, 10), (15, 0, 0, 8, 5)), 2.4)], ids=repr
)
def test_chords_along_the_beam_agree_with_counting_voxels(solid: Ellipsoid | Stack) -> None:
    step = 0.5
    shape = (80, 90, 90)
    geometry = axial(shape, (step, step, step))
    x, _y, z = grid(geometry, everywhere(shape))
    counted = (solid.distance(grid(geometry, everywhere(shape))) <= 0).sum(axis=1) * step
    enter, leave = solid.chord(x.reshape(1, -1), z.reshape(-1, 1))
    assert np.abs((leave - enter) - counted).max() <= 2 * step
    assert (leave - enter).sum() == pytest.approx(counted.sum(), rel=0.01)


def test_overlapping_chords_are_counted_once() -> None:
    def chord(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        return np.float32([[low]]), np.float32([[high]])

    assert covered([chord(0, 4), chord(2, 6), chord(9, 10), chord(0, 0)]).item() == 7.0
    assert covered([chord(0, 4), chord(2, 6), chord(9, 10)], within=chord(3, 9.5)).item() == 3.5
    assert [edge.item() for edge in hull([chord(0, 0), chord(1, 2), chord(4, 5)])] == [1.0, 5.0]


def test_a_tube_a_hollow_tube_and_a_plate_weigh_what_they_should() -> None:
    path = [(0, 0, 0), (0, 0, 50)]
    assert tube(path, 3.0).mm3.sum() == pytest.approx(np.pi * 9 * 50, rel=1e-4)
    assert tube(path, 3.0, wall_mm=1.0).mm3.sum() == pytest.approx(np.pi * (9 - 4) * 50, rel=0.01)
    assert tube(path, 3.0, flat=0.5).mm3.sum() == pytest.approx(np.pi * 4.5 * 50, rel=1e-4)
    assert plate([(0, 0, 0), (10, 0, 0), (0, 10, 0)], 2.0).mm3.sum() == pytest.approx(100, rel=1e-4)


def test_a_shadow_keeps_the_mass_times_the_magnified_area() -> None:
    detector = Detector(200, 200, 1.0, source_mm=1000.0, object_mm=100.0)
    bar = tube([(-5, 0, 0), (5, 0, 0)], 4.0)
    m = detector.magnification(0.0)
    assert m == pytest.approx(1000 / 900)
    assert detector.shadow(bar).sum() == pytest.approx(bar.mm3.sum() * m**2, rel=1e-3)


def test_enlarging_leaves_places_where_they_were() -> None:
    small = np.float32(np.add.outer(np.arange(8), 3 * np.arange(8)))
    large = enlarge(small, (16, 16), 2)
    assert large[2:-2, 2:-2].reshape(6, 2, 6, 2).mean(axis=(1, 3)) == pytest.approx(small[1:-1, 1:-1], abs=1e-5)


def test_every_grid_of_the_golden_object_shows_it_at_the_same_place() -> None:
    for orientation in ORIENTATIONS:
        for spacing, size in GRIDS:
            phantom = golden(orientation, spacing, size_mm=size)
            for _name, value, solid in PARTS:
                centre, ml = measure(phantom.volume, value)
                assert np.abs(np.subtract(centre, solid.centre)).max() < 0.15, (orientation, spacing)
                assert ml == pytest.approx(solid.volume_ml, rel=0.03), (orientation, spacing)


def test_ct_nodules_are_where_and_as_large_as_promised() -> None:
    nodules = [Nodule("a", (-80.0, 30.0, -48.0), 24.0), Nodule("b", (86.0, -24.0, 24.0), 16.0)]
    shape, spacing = (50, 120, 124), (3.0, 2.8, 2.7)
    phantom = chest_ct(nodules, axial(shape, spacing, centre_mm=(0, 5, -22)), shape, noise_hu=10.0)
    volume = phantom.volume
    assert volume.unit is Unit.HU and volume.synthetic and volume.voxels.dtype == np.int16
    for target, nodule in zip(phantom.targets, nodules, strict=True):
        assert volume.geometry.to_lps(np.array(target.centre_index)).tolist() == pytest.approx(nodule.centre_mm)
        assert target.longest_mm == nodule.diameter_mm
        inside = volume.voxels[phantom.mask.labels == target.label]
        assert -60 < np.median(inside) < 60
        assert phantom.mask.volume_ml(target.label) == pytest.approx(target.volume_ml, rel=0.08)
    s, r, c = (round(v) for v in volume.geometry.to_index(np.array([-90.0, 30.0, 10.0])))
    assert volume.voxels[s, r, c] < -600  # lung
    assert np.median(volume.voxels[:, :6]) < -950  # air in front of the chest


def test_the_mr_follow_up_is_the_same_head_moved() -> None:
    moved = rigid(rotation("z", 4.0), (2.0, -3.0, 1.5))
    lesion = Lesion("lesion", (-32.0, -34.0, 26.0), (15.0, 13.0, 12.0))
    shape = (40, 72, 60)
    geometry = axial(shape, (3.3, 3.3, 3.3), centre_mm=(0, 0, 14))
    still = brain_mr([lesion], geometry, shape, noise=0, bias=0)
    # Moving the head and the grid alike changes no voxel.
    along = brain_mr([lesion], Geometry(moved @ geometry.affine), shape, moved=moved, noise=0, bias=0)
    assert np.abs(still.volume.voxels.astype(int) - along.volume.voxels.astype(int)).max() <= 2
    turned = brain_mr([lesion], geometry, shape, moved=moved)
    expected = moved @ [*lesion.centre_mm, 1]
    assert turned.targets[0].centre_lps_mm == pytest.approx(expected[:3])
    assert turned.targets[0].volume_ml == pytest.approx(4 / 3 * np.pi * 15 * 13 * 12 / 1000)
    assert turned.mask.volume_ml(1) == pytest.approx(turned.targets[0].volume_ml, rel=0.05)


def test_a_radiograph_has_its_opacity_where_the_truth_says() -> None:
    patch = Opacity("opacity", (-84.0, 30.0, -46.0), (32.0, 36.0, 27.0))
    with_it, without = (chest_radiograph(o, pixel_mm=1.6) for o in (patch, None))
    assert with_it.volume.geometry.scale is Scale.DETECTOR and with_it.volume.modality == "DX"
    assert with_it.volume.geometry.orientation[1:] == "IL"
    change = with_it.volume.voxels[0].astype(float) - without.volume.voxels[0]
    rows, columns = np.indices(change.shape)
    gain = np.clip(change - 200, 0, None)
    _, row, column = with_it.targets[0].centre_index
    assert abs((rows * gain).sum() / gain.sum() - row) < 2.5
    assert abs((columns * gain).sum() / gain.sum() - column) < 2.5
    assert column < change.shape[1] / 2 and with_it.volume.voxels[0, :, :80].max() > 3800  # the R is at the right
    inside = with_it.mask.labels[0] == 1
    assert change[inside].mean() > 5 * abs(change[~inside]).mean()
    height = np.ptp(np.flatnonzero(inside.any(axis=1))) + 1
    assert height * 1.6 == pytest.approx(with_it.targets[0].size_mm[1], abs=2 * 1.6)


def test_the_pose_moves_the_shadow_and_its_truth_alike() -> None:
    patch = Opacity("opacity", (-84.0, 30.0, -46.0), (32.0, 36.0, 27.0))
    here = chest_radiograph(patch, pixel_mm=1.6).targets[0]
    there = chest_radiograph(patch, pose=Pose(x_mm=8.0, z_mm=-16.0), pixel_mm=1.6).targets[0]
    scale = Detector(1, 1, 1.6).magnification(30.0) / 1.6
    moved = np.subtract(there.centre_index, here.centre_index)
    assert moved.tolist() == pytest.approx([0, 16 * scale, 8 * scale])


def test_the_break_of_the_wrist_is_seen_where_the_truth_says() -> None:
    broken, whole = (wrist_radiograph(fractured=f, pixel_mm=0.5) for f in (True, False))
    assert whole.targets == () and broken.volume.modality == "CR"
    change = np.abs(broken.volume.voxels[0].astype(int) - whole.volume.voxels[0])
    near = broken.mask.labels[0] == 1
    below = np.zeros_like(near)
    _, row, column = broken.targets[0].centre_index
    below[round(row) + 60 :, round(column) - 30 : round(column) + 30] = True
    assert change[near].mean() > 5 * change[below].mean()


def test_the_same_phantom_twice_is_equal_to_the_last_bit() -> None:
    first, second = (chest_radiograph(pixel_mm=3.2).volume.voxels for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, chest_radiograph(pixel_mm=3.2, pose=Pose(seed=9)).volume.voxels)
