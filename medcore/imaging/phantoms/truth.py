"""A phantom: a volume together with everything that is true of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medcore.imaging.phantoms.shapes import Ellipsoid, grid, region_around
from medcore.volume import Geometry, Mask, Triple, Volume


@dataclass(frozen=True, slots=True)
class Target:
    """One thing in a phantom whose place and size are known exactly.

    Args:
        label: Its value in the phantom's mask.
        name: What it is ("nodule 2").
        centre_index: Centre as fractional (slice, row, column).
        centre_lps_mm: Centre in the patient.
        size_mm: Full diameters along its own three axes; on a radiograph (0, rows, columns) on the detector.
        volume_ml: Analytical volume; None on a radiograph.
    """

    label: int
    name: str
    centre_index: Triple
    centre_lps_mm: Triple
    size_mm: Triple
    volume_ml: float | None

    @property
    def longest_mm(self) -> float:
        """The largest of the diameters."""
        return max(self.size_mm)


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A computed scan and its truth.

    Args:
        volume: What a scanner would have delivered.
        targets: Known things in it.
        mask: The voxels whose centres lie in a target.
        moved: 4×4, LPS of the unmoved anatomy to LPS of this scan; the identity unless the patient lay differently.
    """

    volume: Volume
    targets: tuple[Target, ...]
    mask: Mask
    moved: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))


def known(
    solids: Sequence[tuple[str, Ellipsoid]], geometry: Geometry, shape: tuple[int, int, int]
) -> tuple[tuple[Target, ...], Mask]:
    """Targets and mask of ellipsoids on a grid; where two overlap the later one wins."""
    labels = np.zeros(shape, dtype=np.uint8)
    targets = []
    for number, (name, solid) in enumerate(solids, start=1):
        region = region_around(geometry, shape, *solid.box, margin_mm=1.0)
        if region is not None:
            labels[region][np.broadcast_to(solid.distance(grid(geometry, region)) <= 0, labels[region].shape)] = number
        s, r, c = geometry.to_index(np.asarray(solid.centre)).tolist()
        a, b, d = solid.semi_axes
        targets.append(Target(number, name, (s, r, c), solid.centre, (2 * a, 2 * b, 2 * d), solid.volume_ml))
    return tuple(targets), Mask(labels, {t.label: t.name for t in targets}, geometry)
