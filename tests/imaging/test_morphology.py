"""Balls that grow and shrink regions give what SimpleITK's filters give, voxel by voxel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging import morphology

Inside = NDArray[np.bool_]


def blobs(share: float) -> Inside:
    """Ragged pieces, some cut by the border."""
    values = ndimage.gaussian_filter(np.random.default_rng(4).random((12, 19, 23)), 1)
    return np.asarray(values > np.quantile(values, 1 - share))


def by_itk(work: str, inside: Inside, radius: tuple[int, int, int]) -> Inside:
    image, size = sitk.GetImageFromArray(inside.astype(np.uint8)), radius[::-1]
    ways: dict[str, Callable[[], sitk.Image]] = {
        "dilated": lambda: sitk.BinaryDilate(image, size, sitk.sitkBall),
        "eroded": lambda: sitk.BinaryErode(image, size, sitk.sitkBall, 0.0, 1.0, True),
        "opened": lambda: sitk.BinaryMorphologicalOpening(image, size, sitk.sitkBall),
        "closed": lambda: sitk.Crop(
            sitk.BinaryMorphologicalClosing(sitk.ConstantPad(image, size, size, 0), size, sitk.sitkBall), size, size
        ),
    }
    return np.asarray(sitk.GetArrayFromImage(ways[work]()) > 0)


@pytest.mark.parametrize("work", ["dilated", "eroded", "opened", "closed"])
@pytest.mark.parametrize("radius", [(1, 1, 1), (3, 3, 3), (0, 2, 4)])
def test_a_ball_does_what_it_does_in_simpleitk(work: str, radius: tuple[int, int, int]) -> None:
    for share in (0.05, 0.9):
        ours = getattr(morphology, work)(blobs(share), radius)
        np.testing.assert_array_equal(ours, by_itk(work, blobs(share), radius))
