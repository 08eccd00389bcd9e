"""SimpleITK and we agree on where a voxel lies."""

from __future__ import annotations

import numpy as np
import pytest

from medcore.imaging.itk import to_geometry, to_image, to_voxels
from medcore.volume import Geometry, Scale

OBLIQUE = np.array(
    [[0.2, 0.4, 1.1, -20.0], [-0.3, 1.2, -0.4, 15.0], [2.0, 0.1, -0.1, 7.0], [0.0, 0.0, 0.0, 1.0]], dtype=np.float64
)


def orthogonal(affine: np.ndarray) -> np.ndarray:
    turn, _ = np.linalg.qr(affine[:3, :3])
    out = affine.copy()
    out[:3, :3] = turn * [2.5, 0.7, 0.4]
    return out


@pytest.mark.parametrize("affine", [Geometry.from_spacing((3.0, 0.8, 0.6)).affine, orthogonal(OBLIQUE)])
def test_a_voxel_lies_where_simpleitk_says(affine: np.ndarray) -> None:
    geometry = Geometry(affine, frame_of_reference="1.2")
    image = to_image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), geometry)
    for s, r, c in [(0, 0, 0), (2, 1, 4), (1, 3, 2)]:
        assert image.TransformIndexToPhysicalPoint((c, r, s)) == pytest.approx(geometry.to_lps(np.array([s, r, c])))
        assert image[c, r, s] == s * 20 + r * 5 + c


def test_there_and_back_changes_nothing() -> None:
    geometry = Geometry(orthogonal(OBLIQUE), scale=Scale.PATIENT, frame_of_reference="1.2")
    voxels = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    image = to_image(voxels, geometry)
    assert np.array_equal(to_voxels(image), voxels)
    back = to_geometry(image, geometry)
    assert np.allclose(back.affine, geometry.affine) and back.frame_of_reference == "1.2"


def test_colour_stays_colour() -> None:
    colours = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    assert np.array_equal(to_voxels(to_image(colours, Geometry.pixels())), colours)


def test_a_yes_or_no_array_is_taken_as_a_mask() -> None:
    inside = np.zeros((2, 3, 4), dtype=bool)
    inside[1, 2, 3] = True
    assert to_voxels(to_image(inside, Geometry.pixels())).sum() == 1
