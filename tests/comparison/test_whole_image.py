"""Diffuse disease in figures: heat over time at the same place, and what lies in the lung field."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medcore.comparison.whole_image import Look, burden, heat_changes, opacities
from medcore.imaging.lung_field import lung_field
from medcore.imaging.phantoms.radiographs import chest_radiograph
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.volume import Geometry, Mask, Unit, Volume

STILL = Alignment(np.eye(4), Motion.SIMILARITY, Method.GIVEN, Trust(1, 1, 0, 1))
SCAN = Volume(np.zeros((1, 40, 40), np.uint8), Unit.GREY, "DX", Geometry.pixels())


def look(probability: float, hot: tuple[slice, slice], heat: float = 1.0) -> Look:
    warm, field = np.zeros((1, 40, 40), dtype=np.float32), np.zeros((1, 40, 40), dtype=bool)
    warm[0][hot] = heat
    field[0, 10:30, 10:30] = True
    return Look(SCAN, probability, warm, field)


def test_the_score_is_probability_times_the_hot_share_of_the_field() -> None:
    half = look(0.8, (slice(10, 30), slice(10, 20)))
    cooler = look(0.5, (slice(10, 30), slice(10, 30)), heat=0.4)
    outside = look(0.9, (slice(0, 10), slice(0, 40)))
    first, second, third = opacities([half, cooler, outside])
    assert first.score == pytest.approx(100 * 0.8 * 0.5) and first.in_field == 1.0
    assert second.score == 0.0  # below half of the highest heat of the series
    assert third.score == 0.0 and third.in_field == 0.0


def test_heat_that_moved_with_the_chest_is_no_change_and_heat_that_spread_is() -> None:
    before = look(0.9, (slice(12, 20), slice(12, 20)))
    shifted = look(0.9, (slice(15, 23), slice(12, 20)))
    by_three = replace(STILL, to_moving=np.array([[1.0, 0, 0, 0], [0, 1, 0, 3], [0, 0, 1, 0], [0, 0, 0, 1]]))
    (same,) = heat_changes([before, shifted], [by_three])
    assert same.more == same.less == 0.0
    wider = look(0.9, (slice(12, 20), slice(12, 28)))
    (spread,) = heat_changes([before, wider], [STILL])
    assert (spread.more, spread.less) == (pytest.approx(64 / 400), 0.0) and spread.difference.max() == 1.0
    (gone,) = heat_changes([before, look(0.1, (slice(0, 0), slice(0, 0)))], [STILL])
    assert gone.less == pytest.approx(64 / 400)


def test_the_lung_field_lies_on_the_lungs_of_a_phantom_wherever_they_are() -> None:
    chest = chest_radiograph(pixel_mm=3.0).volume
    field = lung_field(chest)
    assert field.fitted and 0.1 < field.inside.mean() < 0.4
    grey = chest.voxels[0].astype(float)
    assert grey[field.inside[0]].mean() < grey[10:-10, 10:-10].mean()  # lungs are dark
    shifted = lung_field(replace(chest, voxels=np.pad(chest.voxels, ((0, 0), (20, 0), (0, 15)))))
    moved = np.argwhere(shifted.inside[0]).mean(axis=0) - np.argwhere(field.inside[0]).mean(axis=0)
    assert abs(moved[0] - 20) < 6 and abs(moved[1]) < 6
    noise = np.random.default_rng(0).integers(0, 255, (1, 120, 120)).astype(np.uint8)
    assert not lung_field(replace(chest, voxels=noise)).fitted


def test_a_burden_holds_glycolysis_in_suv_alone() -> None:
    geometry = Geometry.from_spacing((4.0, 4.0, 4.0))
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:5, 2:5, 2:5] = 1
    mask = Mask(labels, {1: "x"}, geometry)
    pet = Volume(np.full((8, 8, 8), 3.0, np.float32), Unit.SUV, "PT", geometry)
    whole = burden(pet, mask, 1)
    assert whole.volume_ml == pytest.approx(27 * 0.064) and whole.uptake is not None
    assert whole.uptake.glycolysis == pytest.approx(3.0 * 27 * 0.064)
    assert burden(replace(pet, unit=Unit.GREY), mask, 1).uptake is None
