"""Series of one head on a common grid of 1 mm, and what is found there carried back to the scan's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy import float32
from numpy.typing import NDArray

from medcore.imaging.itk import to_geometry, to_image, to_voxels
from medcore.volume import Array, Geometry, Unit, Volume

STEP_MM = 1.0
STRIPPED_SHARE = 0.3  # of voxels that hold exactly the lowest value: a background that was cut away
STRIPPED_ML = 2200.0  # of the rest; a whole head has 3 litres and more
HALF = 0.5  # of a voxel that must be tissue
FINE = 0.75  # of a step: voxels finer than this are averaged first


@dataclass(frozen=True, slots=True, eq=False)
class HeadGrid:
    """A grid of 1 mm along the scan's own axes: slices from feet to head, rows to the back, columns to the left."""

    geometry: Geometry
    shape: tuple[int, int, int]


def head_grid(scan: Volume) -> HeadGrid:
    """The grid that covers a scan; its axes are the scan's in the order of the patient's, so nothing is turned."""
    image = sitk.DICOMOrient(to_image(np.zeros(scan.shape, dtype=np.uint8), scan.geometry), "LPS")
    spacing = np.asarray(image.GetSpacing())
    size = np.maximum(1, np.rint(np.asarray(image.GetSize()) * spacing / STEP_MM)).astype(int)
    direction = np.asarray(image.GetDirection()).reshape(3, 3)
    shift = direction @ (0.5 * STEP_MM - 0.5 * spacing)  # the first voxels share their outer edges
    grid = sitk.Image([int(n) for n in size], sitk.sitkUInt8)
    grid.SetSpacing((STEP_MM,) * 3)
    grid.SetDirection(image.GetDirection())
    grid.SetOrigin((np.asarray(image.GetOrigin()) + shift).tolist())
    return HeadGrid(to_geometry(grid, scan.geometry), (int(size[2]), int(size[1]), int(size[0])))


def on_head_grid(scan: Volume, grid: HeadGrid, *, empty: bool = False) -> NDArray[float32]:
    """(S, R, C) float32: linear interpolation, averaged first where voxels are finer than the grid; 0 outside.

    Args:
        empty: The lowest value stands for nothing, and must not be mixed into the tissue beside it.
    """
    voxels = np.asarray(scan.voxels, dtype=float32)
    if not empty:
        return _averaged(voxels, scan, grid)
    low = float32(voxels.min())
    values, share = _averaged(voxels - low, scan, grid), _averaged((voxels > low).astype(float32), scan, grid)
    there = share >= HALF
    values[~there] = 0
    values[there] = values[there] / share[there] + low
    return values


def _averaged(voxels: NDArray[float32], scan: Volume, grid: HeadGrid) -> NDArray[float32]:
    image = to_image(voxels, scan.geometry)
    for axis, step in enumerate(image.GetSpacing()):
        if step < FINE * STEP_MM:
            image = sitk.RecursiveGaussian(image, sigma=0.4 * STEP_MM, direction=axis)
    return _resampled(image, grid.geometry, grid.shape)


def off_head_grid(found: NDArray[float32], grid: HeadGrid, scan: Volume) -> NDArray[float32]:
    """What was found on the grid (S, R, C), by linear interpolation on the scan's own; 0 beyond it."""
    return _resampled(to_image(found, grid.geometry), scan.geometry, scan.shape)


def is_stripped(voxels: Array, voxel_ml: float) -> bool:
    """Whether a brain lies alone on an empty background, as after skull stripping."""
    cut = voxels == voxels.min()
    return bool(cut.mean() >= STRIPPED_SHARE and (cut.size - np.count_nonzero(cut)) * voxel_ml <= STRIPPED_ML)


def standardise(voxels: NDArray[float32]) -> None:
    """Bring what is not 0 to mean 0 and standard deviation 1, in place."""
    inside = voxels != 0
    if inside.any():
        values = voxels[inside]
        voxels[inside] = (values - values.mean()) / max(float(values.std()), 1e-6)


def as_volume(voxels: NDArray[float32], grid: HeadGrid, like: Volume) -> Volume:
    """A scan on the grid, for a search on it."""
    return Volume(voxels, Unit.GREY, like.modality, grid.geometry, name=like.name)


def _resampled(image: sitk.Image, geometry: Geometry, shape: tuple[int, int, int]) -> NDArray[float32]:
    onto = to_image(np.broadcast_to(np.uint8(0), shape), geometry)
    return np.asarray(to_voxels(sitk.Resample(image, onto, sitk.Transform(), sitk.sitkLinear, 0.0)), dtype=float32)
