"""A chest CT on the grid and in the grey range of the published three-dimensional nodule detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy import float32
from numpy.typing import NDArray

from medcore.imaging.itk import to_geometry, to_image, to_voxels
from medcore.volume import Geometry, Volume

GRID_MM = (0.703125, 0.703125, 1.25)  # x, y, z of the published network's training
LOW_HU, HIGH_HU = -1024.0, 300.0  # to 0 and 1


@dataclass(frozen=True, slots=True, eq=False)
class DetectorGrid:
    """A scan as the network sees it.

    Args:
        values: (x, y, z) float32 in 0..1: to the right, to the front, to the head.
        geometry: Of the same voxels as (z, y, x).
    """

    values: NDArray[float32]
    geometry: Geometry


def on_detector_grid(scan: Volume) -> DetectorGrid:
    """Linear interpolation onto voxels of `GRID_MM` along the scan's own axes."""
    image = sitk.DICOMOrient(to_image(np.asarray(scan.voxels, dtype=float32), scan.geometry), "RAS")
    spacing, size = np.asarray(image.GetSpacing()), np.asarray(image.GetSize())
    wanted = np.maximum(1, np.rint(size * spacing / GRID_MM)).astype(int)
    into = sitk.ResampleImageFilter()
    into.SetSize([int(n) for n in wanted])
    into.SetOutputSpacing(GRID_MM)
    into.SetOutputOrigin(image.GetOrigin())
    into.SetOutputDirection(image.GetDirection())
    into.SetDefaultPixelValue(LOW_HU)
    placed = into.Execute(image)
    values = (to_voxels(placed).transpose(2, 1, 0) - LOW_HU) / (HIGH_HU - LOW_HU)
    return DetectorGrid(np.clip(values, 0, 1, dtype=float32), to_geometry(placed, scan.geometry))
