"""A scan at coarser and coarser grids of about equal sides, for registration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy.typing import NDArray

from medcore.imaging.itk import to_geometry, to_image, to_voxels
from medcore.volume import Geometry, Unit, Volume

Singles = NDArray[np.float32]
OUTLIERS = 0.5  # percent of the voxels at each end whose exact brightness does not matter


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A scan on a coarse grid.

    Args:
        voxels: (S, R, C), 0 (dark) to 1 (bright) but for outliers.
        geometry: Where they lie.
        foreground: (S, R, C), true inside the body.
    """

    voxels: Singles
    geometry: Geometry
    foreground: NDArray[np.bool_]


def level(volume: Volume, step_mm: float) -> Level:
    """The scan with voxels of about `step_mm`, each the mean of those it covers; never finer than the scan itself.

    Radiographs differ in exposure and processing, so the brightness of a single slice is its rank.
    """
    voxels = volume.voxels.mean(axis=3, dtype=np.float32) if volume.unit is Unit.RGB else volume.voxels
    factors = [max(1, round(step_mm / step)) for step in volume.geometry.steps]
    factors = [min(factor, count) for factor, count in zip(factors, volume.shape, strict=True)]
    image = sitk.BinShrink(to_image(voxels, volume.geometry), factors[::-1])
    coarse = to_voxels(image).astype(np.float32)
    if volume.shape[0] == 1:
        coarse = (np.argsort(np.argsort(coarse, axis=None)).reshape(coarse.shape) / coarse.size).astype(np.float32)
    low, high = np.percentile(coarse, (OUTLIERS, 100 - OUTLIERS))
    scaled = (coarse - low) / max(float(high - low), 1e-6)
    return Level(np.clip(scaled, -0.5, 1.5), to_geometry(image, volume.geometry), _inside(scaled))


def _inside(scaled: Singles) -> NDArray[np.bool_]:
    """The body: brighter than Otsu's threshold between dark and the rest; everything where that is nearly nothing."""
    image = sitk.GetImageFromArray(np.clip(scaled, 0, 1))
    body = to_voxels(sitk.OtsuThreshold(image, 0, 1, 64)).astype(bool)
    return body if body.mean() > 0.02 and len(body) > 1 else np.ones_like(body)
