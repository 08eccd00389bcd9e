"""A volume in the making: solids are painted over each other with smooth edges, each within its own block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medcore.imaging.phantoms.shapes import Ellipsoid, Floats, Grid, Region, Stack, grid, region_around
from medcore.volume import Geometry


class Canvas:
    """A grid of float32 values.

    Args:
        geometry: Where the voxels lie in the coordinates of the solids.
        shape: (slices, rows, columns).
        value: Of the empty canvas.
    """

    def __init__(self, geometry: Geometry, shape: tuple[int, int, int], value: float) -> None:
        self.geometry, self.shape = geometry, shape
        self.image: Floats = np.full(shape, value, dtype=np.float32)
        self.edge_mm = float(np.cbrt(geometry.voxel_ml * 1000))

    @property
    def everywhere(self) -> Region:
        """The block of all voxels."""
        s, r, c = self.shape
        return slice(0, s), slice(0, r), slice(0, c)

    def points(self, region: Region | None = None) -> Grid:
        """x, y, z of a block."""
        return grid(self.geometry, region or self.everywhere)

    def region(self, solid: Stack | Ellipsoid, margin_mm: float = 3.0) -> Region | None:
        """The block around a solid, or None where it lies outside."""
        return region_around(self.geometry, self.shape, *solid.box, margin_mm=margin_mm)

    def paint(
        self, solid: Stack | Ellipsoid, value: float, *, inset_mm: float = 0.0, edge_mm: float | None = None,
        rough: Floats | None = None, where: Floats | None = None,
    ) -> None:  # fmt: skip
        """Give a solid a value.

        Args:
            inset_mm: Paint only deeper than this below its surface; negative: beyond it.
            edge_mm: Width of the soft edge; a voxel if left out.
            rough: Same shape as the canvas: mm by which the surface bulges inwards.
            where: Same shape as the canvas: 0..1, how far the paint takes.
        """
        edge = edge_mm or self.edge_mm
        region = self.region(solid, 2.0 + edge + max(-inset_mm, 0.0) + (3.0 if rough is not None else 0.0))
        if region is None:
            return
        distance = solid.distance(self.points(region)) + inset_mm
        if rough is not None:
            distance = distance + rough[region]
        share = covered_share(distance, edge)
        if where is not None:
            share = share * where[region]
        block = self.image[region]
        block += share * (value - block)

    def fill(self, share: Floats, value: float) -> None:
        """Give a value to a share of every voxel."""
        self.image += share * (value - self.image)


def covered_share(distance: NDArray[np.floating[Any]], edge_mm: float) -> Floats:
    """1 inside, 0 outside, a linear edge between."""
    return np.asarray(np.clip(0.5 - distance / edge_mm, 0, 1), dtype=np.float32)
