"""Radiographs that were moved, turned and enlarged in a known way are found again, also in pixels."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.errors import GeometryError
from medcore.imaging.phantoms.radiographs import Opacity, Pose, chest_radiograph
from medcore.imaging.phantoms.wrist import wrist_radiograph
from medcore.imaging.registration.radiographs import register_radiographs
from medcore.volume import Geometry, Unit, Volume


@cache
def chest() -> Volume:
    return chest_radiograph(pixel_mm=1.0).volume


@cache
def ill_chest() -> Volume:
    patch = Opacity("opacity", (-84.0, 30.0, -46.0), (32.0, 36.0, 27.0), 0.85)
    return chest_radiograph(patch, pose=Pose(x_mm=3.0, z_mm=-4.0, seed=2), pixel_mm=1.0).volume


def moved(volume: Volume, degrees: float, scale: float, shift: tuple[float, float]) -> tuple[Volume, np.ndarray]:
    """The picture warped by OpenCV, its brightness bent, and the (2, 3) map of (column, row) pixels that did it."""
    rows, columns = volume.shape[1:]
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, scale)
    matrix[:, 2] += shift
    grey = volume.voxels[0].astype(np.float32)
    warped = cv2.warpAffine(grey, matrix, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    bent = np.power(np.clip(warped / grey.max(), 0, 1), 1.6) * 900
    return replace(volume, voxels=bent.astype(np.int16)[None]), matrix


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"), [(0.0, 1.0, (9.0, -6.0)), (6.0, 1.08, (-15.0, 12.0)), (-9.0, 0.9, (20.0, 10.0))]
)
@pytest.mark.parametrize("in_pixels", [False, True])
def test_a_chest_that_was_moved_is_found(
    degrees: float, scale: float, shift: tuple[float, float], in_pixels: bool
) -> None:
    fixed = ill_chest()
    moving, matrix = moved(chest(), degrees, scale, shift)
    if in_pixels:
        fixed, moving = replace(fixed, geometry=Geometry.pixels()), replace(moving, geometry=Geometry.pixels())
    found = register_radiographs(replace(chest(), geometry=fixed.geometry), moving)
    assert found.trust.trusted, found.trust
    grid = np.stack(np.meshgrid([0], np.arange(20, 400, 60), np.arange(20, 380, 60), indexing="ij"), -1).reshape(-1, 3)
    truth = grid.astype(float)
    truth[:, [2, 1]] = grid[:, [2, 1]] @ matrix[:, :2].T + matrix[:, 2]
    there = moving.geometry.to_index(found.places_in_moving(fixed.geometry.to_lps(grid)))
    inside = np.all((truth[:, 1:] > 0) & (truth[:, 1:] < np.array(moving.shape[1:])), axis=1)
    assert np.linalg.norm(there - truth, axis=1)[inside].mean() < 0.7  # pixels


def test_disease_that_came_does_not_pull_it_away() -> None:
    found = register_radiographs(chest(), ill_chest())
    assert found.trust.trusted
    middle = chest().geometry.to_lps(np.array([0, chest().shape[1] / 2, chest().shape[2] / 2]))
    assert np.linalg.norm(found.places_in_moving(middle) - middle) < 12.0  # the pose moved it by some 5 mm


def test_a_wrist_is_not_a_chest() -> None:
    assert not register_radiographs(chest(), wrist_radiograph(pixel_mm=0.6).volume).trust.trusted


def test_a_volume_is_refused() -> None:
    stack = Volume(np.zeros((3, 8, 8), dtype=np.uint8), Unit.GREY, "CT", Geometry.from_spacing((1, 1, 1)), name="stack")
    with pytest.raises(GeometryError, match="not a single picture"):
        register_radiographs(chest(), stack)


def test_no_real_limb_passes_for_a_real_chest(shared_data: Path) -> None:
    chests = sorted((shared_data / "hannover_covid").rglob("*.jp*g"))[:1] or sorted(
        (shared_data / "hannover_covid").rglob("*.png")
    )
    limbs = sorted((shared_data / "fracatlas").rglob("*.jpg"))[:600:150]
    assert chests and limbs
    assert not any(register_radiographs(_picture(chests[0]), _picture(limb)).trust.trusted for limb in limbs)


def _picture(path: Path) -> Volume:
    return Volume(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[None], Unit.GREY, "", Geometry.pixels(), name=path.name)
