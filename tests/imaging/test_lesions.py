"""Lesions of a mask are counted right and measured in millimetres within half a voxel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from medcore.errors import NoScaleError
from medcore.imaging.lesions import border_gap, lesions, measure
from medcore.imaging.phantoms.shapes import Ellipsoid
from medcore.imaging.phantoms.truth import known
from medcore.volume import Geometry, Mask, Scale


def mask_of(inside: np.ndarray, geometry: Geometry) -> Mask:
    return Mask(inside.astype(np.uint8), {1: "lesion"}, geometry)


def test_a_box_by_hand() -> None:
    inside = np.zeros((4, 10, 12), dtype=bool)
    inside[2, 3:6, 2:9] = True  # 3 rows of 2 mm, 7 columns of 1 mm
    (one,) = lesions(mask_of(inside, Geometry.from_spacing((5.0, 2.0, 1.0))))
    assert one.voxels == 21 and one.volume_ml == pytest.approx(21 * 10 / 1000)
    assert (one.corner, one.size) == ((2, 3, 2), (1, 3, 7))
    assert one.centre == pytest.approx((5.0, 8.0, 10.0))
    assert one.diameters.slice_index == 2
    # Corner voxels are 2 rows and 6 columns apart; the border is 0.43 voxels beyond each, in the direction of the line.
    voxel = np.hypot(4.0, 6.0) / np.hypot(2, 6)
    assert one.longest_mm == pytest.approx(np.hypot(4.0, 6.0) + 2 * border_gap(21) * voxel)
    assert border_gap(21) == pytest.approx(0.431, abs=0.001)


def test_one_voxel_has_a_size() -> None:
    inside = np.zeros((3, 3, 3), dtype=bool)
    inside[1, 1, 1] = True
    (one,) = lesions(mask_of(inside, Geometry.from_spacing((2.0, 1.5, 1.5))))
    assert one.longest_mm == pytest.approx(1.5) and one.short_axis_mm == pytest.approx(1.5)


@pytest.mark.parametrize("steps", [(1.0, 1.0, 1.0), (3.0, 0.8, 0.8), (2.0, 0.5, 1.2)])
@pytest.mark.parametrize("turn", [0, 25, 60])
def test_an_ellipsoid_is_measured_within_half_a_voxel(steps: tuple[float, float, float], turn: int) -> None:
    angle = np.deg2rad(turn)
    geometry = Geometry.from_spacing(steps)
    shape = (int(60 / steps[0]), int(60 / steps[1]), int(60 / steps[2]))
    centre = geometry.to_lps(np.array([shape[0] // 2, shape[1] / 2 + 0.3, shape[2] / 2 - 0.2]))
    axes = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    solid = Ellipsoid(tuple(centre), (18.0, 10.0, 8.0), axes)
    targets, mask = known([("lesion", solid)], geometry, shape)
    (one,) = lesions(mask)
    half = max(steps[1:]) / 2
    assert one.longest_mm == pytest.approx(36.0, abs=half)
    assert one.short_axis_mm == pytest.approx(20.0, abs=half)
    assert one.volume_ml == pytest.approx(targets[0].volume_ml, rel=0.03)
    assert np.allclose(one.centre, solid.centre, atol=max(steps) / 2)
    for ends, length in (
        (one.diameters.longest_ends, one.longest_mm),
        (one.diameters.perpendicular_ends, one.short_axis_mm),
    ):
        assert np.linalg.norm(np.subtract(*ends)) == pytest.approx(length)
    along, across = (np.subtract(*ends) for ends in (one.diameters.longest_ends, one.diameters.perpendicular_ends))
    assert along @ across == pytest.approx(0.0, abs=1e-6)


def test_an_oblique_grid_measures_the_same() -> None:
    inside = np.zeros((3, 20, 20), dtype=bool)
    inside[1, 5:16, 8:12] = True
    straight = Geometry.from_spacing((2.0, 1.0, 1.0))
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    affine = straight.affine.copy()
    affine[:3, :3] = turn @ affine[:3, :3]
    (a,), (b,) = lesions(mask_of(inside, straight)), lesions(mask_of(inside, Geometry(affine)))
    assert a.longest_mm == pytest.approx(b.longest_mm) and a.short_axis_mm == pytest.approx(b.short_axis_mm)
    assert a.volume_ml == pytest.approx(b.volume_ml)


def test_pieces_that_touch_at_a_corner_are_one_and_labels_stay_apart() -> None:
    labels = np.zeros((1, 8, 8), dtype=np.uint8)
    labels[0, 1, 1] = labels[0, 2, 2] = 1
    labels[0, 3:6, 3:6] = 2
    labels[0, 7, 7] = 1
    found = lesions(Mask(labels, {1: "a", 2: "b"}, Geometry.from_spacing((1, 1, 1))))
    assert [(one.label, one.voxels) for one in found] == [(2, 9), (1, 2), (1, 1)]
    assert len(lesions(Mask(labels, {1: "a", 2: "b"}, Geometry.from_spacing((1, 1, 1))), at_least_voxels=2)) == 2


def test_an_empty_mask_has_none() -> None:
    assert lesions(mask_of(np.zeros((2, 3, 4), dtype=bool), Geometry.from_spacing((1, 1, 1)))) == ()


def test_a_picture_is_measured_in_pixels_and_refuses_millimetres() -> None:
    inside = np.zeros((1, 9, 9), dtype=bool)
    inside[0, 4, 2:7] = True
    one = measure(inside, Geometry.pixels())
    assert one.scale is Scale.NONE and one.diameters.longest == pytest.approx(5.0) and one.volume_ml is None
    with pytest.raises(NoScaleError):
        _ = one.longest_mm


def brute_force(inside: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Longest pair of voxel centres, and by dense sampling the longest chord of their hull at a right angle to it."""
    points = np.argwhere(inside).astype(float)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    longest = apart.max()
    hull = ConvexHull(points).equations
    best = []
    for first, second in np.argwhere(np.isclose(apart, longest)):
        along = (points[second] - points[first]) / longest
        across = np.array([-along[1], along[0]])
        chords = []
        for at in np.linspace(1e-6, longest - 1e-6, 400):
            speed, room = hull[:, :2] @ across, -(hull[:, :2] @ (points[first] + at * along) + hull[:, 2])
            high = min(room[speed > 1e-12] / speed[speed > 1e-12])
            low = max(room[speed < -1e-12] / speed[speed < -1e-12])
            chords.append(high - low)
        best.append(max(chords))
    return longest, (min(best), max(best))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_diameters_of_any_shape_agree_with_brute_force(seed: int) -> None:
    random = np.random.default_rng(seed)
    inside = np.zeros((1, 12, 12), dtype=bool)
    inside[0, 1:11, 1:11] = random.random((10, 10)) < 0.3
    inside[0, 5, 5] = inside[0, 3, 4] = inside[0, 6, 9] = True
    one = measure(inside, Geometry.from_spacing((1, 1, 1)))
    longest, (low, high) = brute_force(inside[0])
    gap = 2 * border_gap(int(inside.sum()))
    assert one.diameters.longest == pytest.approx(longest + gap)
    assert low - 0.05 <= one.diameters.perpendicular - gap <= high + 0.05


def test_many_ellipses_are_measured_without_bias() -> None:
    random = np.random.default_rng(7)
    rows, columns = np.mgrid[:64, :64]
    errors = []
    for _ in range(200):
        long, short = random.uniform(4, 24), 0.0
        short = long * random.uniform(0.4, 0.95)
        angle, (r, c) = random.uniform(0, np.pi), random.uniform(31, 33, size=2)
        u = (rows - r) * np.sin(angle) + (columns - c) * np.cos(angle)
        v = (rows - r) * np.cos(angle) - (columns - c) * np.sin(angle)
        inside = ((u / long) ** 2 + (v / short) ** 2 <= 1)[None]
        found = measure(inside, Geometry.from_spacing((1, 1, 1))).diameters
        errors.append((found.longest - 2 * long, found.perpendicular - 2 * short))
    bias, spread = np.mean(errors, axis=0), np.std(errors, axis=0)
    assert np.abs(bias).max() < 0.2, bias
    assert spread.max() < 0.5, spread
    assert np.abs(errors).max() < 1.2
