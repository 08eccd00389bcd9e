"""Borders of lesions are known finer than the voxels that drew them, and can be moved by parts of a voxel."""

from __future__ import annotations

import numpy as np
import pytest

from medcore.imaging.borders import borders
from medcore.imaging.lesions import lesions
from medcore.volume import Geometry, Mask

STILL = np.eye(4)


def balls(steps: tuple[float, float, float], *spots: tuple[float, float]) -> Mask:
    """Balls on one line through the middle of 64 × 50 × 50 mm, each at a place along it and with a radius, mm."""
    geometry = Geometry.from_spacing(steps)
    shape = [round(mm / step) for mm, step in zip((50, 50, 64), steps, strict=True)]
    places = geometry.to_lps(np.moveaxis(np.indices(shape), 0, -1))
    labels = np.zeros(shape, dtype=np.uint8)
    for number, (along, radius) in enumerate(spots, start=1):
        labels[np.linalg.norm(places - (along, 24.8, 25.3), axis=-1) <= radius] = number
    return Mask(labels, dict.fromkeys(range(1, len(spots) + 1), "it"), geometry)


@pytest.mark.parametrize("steps", [(1.0, 1.0, 1.0), (3.0, 0.8, 0.8), (3.0, 3.0, 3.0), (1.0, 2.0, 2.5)])
@pytest.mark.parametrize("mm", [-2.75, 0.4, 2.0])
def test_a_ball_grows_by_parts_of_any_voxel(steps: tuple[float, float, float], mm: float) -> None:
    mask = balls(steps, (30.0, 10.0))
    known = borders(mask, reach_mm=abs(mm) + 2)
    drawn = np.count_nonzero(mask.labels)
    assert known.filled(0.0) == pytest.approx(drawn, rel=0.02)
    assert known.filled(mm) / drawn == pytest.approx((1 + mm / 10) ** 3, abs=0.05)
    assert known.longest_mm(0, mm) - known.longest_mm(0, 0.0) == pytest.approx(2 * mm, abs=0.5)


def test_unmoved_borders_draw_the_voxels_they_came_from() -> None:
    mask = balls((2.0, 1.0, 1.0), (20.0, 9.0), (45.0, 5.0))
    again = borders(mask, reach_mm=3.0).drawn(0.0, mask.geometry, mask.labels.shape, STILL)
    both = np.count_nonzero((again.labels == mask.labels) & (mask.labels > 0))
    assert both / np.count_nonzero(mask.labels) > 0.97
    assert np.count_nonzero(again.labels) == pytest.approx(np.count_nonzero(mask.labels), rel=0.02)


def test_a_shift_by_whole_voxels_moves_the_drawing_by_them() -> None:
    mask = balls((2.0, 1.0, 1.0), (30.0, 8.0))
    known, shift = borders(mask, reach_mm=3.0), np.eye(4)
    shift[:3, 3] = (3.0, -2.0, 4.0)  # where the grid's places lie in the mask: 2 slices, -2 rows, 3 columns
    here, there = (known.drawn(0.3, mask.geometry, mask.labels.shape, one).labels for one in (STILL, shift))
    assert np.array_equal(np.roll(here, (-2, 2, -3), axis=(0, 1, 2)), there)


def test_lesions_that_grow_together_are_measured_as_one() -> None:
    mask = balls((1.0, 1.0, 1.0), (20.0, 8.0), (38.0, 7.0))
    known = borders(mask, reach_mm=6.0)
    assert known.longest_mm(0, 1.0) == pytest.approx(18.0, abs=0.6)
    assert known.longest_mm(0, 3.0) == pytest.approx(11 + 18 + 10, abs=0.8)
    assert len(lesions(known.drawn(1.0, mask.geometry, mask.labels.shape, STILL))) == 2
    apart = sum(4 / 3 * np.pi * (radius + 1.0) ** 3 for radius in (8.0, 7.0))
    assert known.filled(1.0) == pytest.approx(apart, rel=0.05)
    assert known.filled(3.0) < 4 / 3 * np.pi * (11**3 + 10**3)  # what both cover counts once


def test_nothing_is_left_of_what_shrank_away() -> None:
    mask = balls((1.0, 1.0, 1.0), (30.0, 6.0))
    known = borders(mask, reach_mm=3.0)
    assert known.longest_mm(0, -7.0) == 0.0 and known.filled(-7.0) == 0.0


def test_a_lesion_cut_by_the_last_slice_keeps_its_volume() -> None:
    mask = balls((2.0, 1.0, 1.0), (30.0, 9.0))
    cut = Mask(mask.labels[:13], mask.names, mask.geometry)
    assert borders(cut, reach_mm=3.0).filled(0.0) == pytest.approx(np.count_nonzero(cut.labels), rel=0.04)
