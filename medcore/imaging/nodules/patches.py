"""Patches around a place in the patient, straight and slanting, from the scan's own voxels."""

from __future__ import annotations

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray
from scipy import ndimage

from medcore.volume import Volume

# Each plane as (down, across) in LPS: axial as a reader sees it, coronal and sagittal with the head up.
STRAIGHT = np.array([[(0, 1, 0), (1, 0, 0)], [(0, 0, -1), (1, 0, 0)], [(0, 0, -1), (0, 1, 0)]], dtype=float64)
_S = np.sqrt(0.5)
# The six planes half way between two of them (Setio et al. 2016): along a vessel, some of them show that it is none.
SLANTING = np.array(
    [
        [(0, _S, _S), (1, 0, 0)],
        [(0, _S, -_S), (1, 0, 0)],
        [(0, 1, 0), (_S, 0, _S)],
        [(0, 1, 0), (_S, 0, -_S)],
        [(0, 0, -1), (_S, _S, 0)],
        [(0, 0, -1), (_S, -_S, 0)],
    ],
    dtype=float64,
)


def plane_patches(
    scan: Volume,
    centres_lps_mm: NDArray[float64],
    *,
    planes: NDArray[float64] = STRAIGHT,
    side: int,
    pixel_mm: float,
    outside: float,
) -> NDArray[float32]:
    """Patches (N, P, side, side) in the scan's values, interpolated linearly: axial, coronal, sagittal by default.

    Args:
        planes: (P, 2, 3), of each the directions down and across in LPS.
        centres_lps_mm: (N, 3); each lies in the middle of its patches.
        outside: Value of what the scan does not show; the first and last slice go on for half a patch.
    """
    offsets = (np.arange(side) - (side - 1) / 2) * pixel_mm
    down, across = np.meshgrid(offsets, offsets, indexing="ij")
    plane = down[None, ..., None] * planes[:, None, None, 0] + across[None, ..., None] * planes[:, None, None, 1]
    to_index = np.linalg.inv(scan.geometry.affine[:3, :3])
    steps = (plane @ to_index.T).astype(float32)  # (P, side, side, 3), of the index
    at = scan.geometry.to_index(centres_lps_mm).astype(float32)
    patches = np.empty((len(at), len(planes), side, side), dtype=float32)
    for number, place in enumerate(at):
        points = np.moveaxis(steps + place, -1, 0)
        low = np.clip(np.floor(points.min(axis=(1, 2, 3))).astype(int), 0, np.array(scan.shape) - 1)
        high = np.clip(np.ceil(points.max(axis=(1, 2, 3))).astype(int) + 1, 1, scan.shape)
        block = scan.voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]].astype(float32)
        inside = points - low[:, None, None, None].astype(float32)
        # Slices go on as they end, since a short series shows no more; beside the field there is nothing.
        inside[0] = np.clip(inside[0], 0, block.shape[0] - 1)
        patches[number] = ndimage.map_coordinates(block, inside, order=1, mode="constant", cval=outside)
    return patches
