"""Patches around candidates for a lung nodule, as the network sees them: the same in training and in use."""

from __future__ import annotations

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.imaging.regions import in_hu
from medcore.tasks import Prepared
from medcore.volume import Array, Volume

LOW_HU, HIGH_HU = -1000.0, 400.0  # black and white of a patch; pictures of patches are stored so
PIXEL_MM = 0.7  # the median in-plane spacing of chest CT; patches for training come at their scans' own
MEAN, SPREAD = 0.5, 0.25
WHITE = 255.0


def shades(hu: Array) -> NDArray[float32]:
    """HU as 0..1."""
    return np.asarray(np.clip((hu - LOW_HU) / (HIGH_HU - LOW_HU), 0, 1), dtype=float32)


def network_inputs(patches: NDArray[float32]) -> NDArray[float32]:
    """Patches (N, side, side) in 0..1 as the network takes them, (N, 1, side, side)."""
    return np.ascontiguousarray((patches[:, None] - MEAN) / SPREAD, dtype=float32)


def prepare_patch(scan: Volume, card: ModelCard) -> Prepared:
    """The middle of a patch's picture (its first slice), padded with its border where it is smaller.

    Raises:
        InvalidVolumeError: The picture has no pixels.
    """
    plane = np.asarray(scan.voxels[0])
    if plane.ndim == 3:
        plane = plane.mean(axis=2)
    seen = shades(plane) if in_hu(scan) else np.asarray(plane / WHITE, dtype=float32).clip(0, 1)
    side = card.contract.size
    before = [max(0, side - n) // 2 for n in seen.shape]
    after = [max(0, side - n) - b for n, b in zip(seen.shape, before, strict=True)]
    whole = np.pad(seen, list(zip(before, after, strict=True)), mode="edge")
    top, left = ((n - side) // 2 for n in whole.shape)
    seen = np.ascontiguousarray(whole[top : top + side, left : left + side])
    to_scan: NDArray[float64] = np.eye(3)
    to_scan[:2, 2] = top - before[0], left - before[1]
    parameters: dict[str, str | int | float] = {"low_hu": LOW_HU, "high_hu": HIGH_HU, "side": side}
    return Prepared(network_inputs(seen[None]), seen, parameters, to_scan)
