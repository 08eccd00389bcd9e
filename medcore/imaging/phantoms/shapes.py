"""Solid shapes in LPS mm that can be sampled on any voxel grid and summed along an X-ray beam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from medcore.volume import Geometry, Triple

Floats: TypeAlias = NDArray[np.float32]
Grid: TypeAlias = tuple[Floats, Floats, Floats]  # x, y, z in LPS mm, broadcastable against each other
Chord: TypeAlias = tuple[Floats, Floats]  # y where a beam along y enters and leaves; both 0 where it misses
Region: TypeAlias = tuple[slice, slice, slice]


def grid(geometry: Geometry, region: Region) -> Grid:
    """LPS mm of the voxel centres of a block as x, y, z; an axis on which a coordinate does not depend has length 1."""
    out = []
    for world in range(3):
        total = np.full((1, 1, 1), geometry.affine[world, 3])
        for axis in range(3):
            step = geometry.affine[world, axis]
            if abs(step) > 1e-12:
                index = np.arange(region[axis].start, region[axis].stop) * step
                total = total + index.reshape([-1 if a == axis else 1 for a in range(3)])
        out.append(total.astype(np.float32))
    return out[0], out[1], out[2]


def region_around(
    geometry: Geometry, shape: tuple[int, int, int], low: ArrayLike, high: ArrayLike, margin_mm: float
) -> Region | None:
    """The block of voxels that can see the LPS box from `low` to `high`, or None."""
    box = np.array([np.asarray(low, dtype=float) - margin_mm, np.asarray(high, dtype=float) + margin_mm])
    corners = np.stack(np.meshgrid(*box.T, indexing="ij"), axis=-1).reshape(-1, 3)
    index = geometry.to_index(corners)
    start = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)
    stop = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, shape)
    if (start >= stop).any():
        return None
    return slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2])


def rotation(axis: str, degrees: float) -> NDArray[np.float64]:
    """A 3×3 rotation about the x, y or z axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
    return matrix


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid.

    Args:
        centre: LPS mm.
        semi_axes: Half lengths in mm along its own axes.
        turn: 3×3 whose columns are its own axes in LPS.
    """

    centre: Triple
    semi_axes: Triple
    turn: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))

    @property
    def volume_ml(self) -> float:
        """Analytical volume."""
        a, b, c = self.semi_axes
        return 4.0 / 3.0 * np.pi * a * b * c / 1000.0

    @property
    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest LPS corner."""
        half = np.sqrt(((self.turn * np.asarray(self.semi_axes)) ** 2).sum(axis=1))
        return np.asarray(self.centre) - half, np.asarray(self.centre) + half

    def own(self, points: Grid) -> Grid:
        """Points in its own axes, from its centre."""
        x, y, z = (np.asarray(p - c, dtype=np.float32) for p, c in zip(points, self.centre, strict=True))
        if np.array_equal(self.turn, np.eye(3)):
            return x, y, z
        t = self.turn.astype(np.float32)
        u, v, w = (t[0, k] * x + t[1, k] * y + t[2, k] * z for k in range(3))
        return u, v, w

    def distance(self, points: Grid) -> Floats:
        """Signed distance to the surface in mm, negative inside; exact on the surface, first order beside it."""
        a, b, c = self.semi_axes
        x, y, z = self.own(points)
        k0 = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
        k1 = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2 + (z / c**2) ** 2)
        deepest = -min(self.semi_axes)
        return np.asarray(np.where(k1 > 1e-9, k0 * (k0 - 1) / np.maximum(k1, 1e-9), deepest), dtype=np.float32)

    def chord(self, x: Floats, z: Floats) -> Chord:
        """Where a beam along y through (x, z) enters and leaves."""
        (low_x, _, low_z), (high_x, _, high_z) = self.box
        rows, columns = _seen(z.ravel(), low_z, high_z), _seen(x.ravel(), low_x, high_x)
        inverse = (self.turn / np.asarray(self.semi_axes)) @ self.turn.T  # maps the solid to the unit ball
        px, py, pz = inverse.astype(np.float32).T
        dx, dz = x[:, columns] - np.float32(self.centre[0]), z[rows] - np.float32(self.centre[2])
        at = [px[k] * dx + pz[k] * dz for k in range(3)]
        aa = float((py**2).sum())
        ab = py[0] * at[0] + py[1] * at[1] + py[2] * at[2]
        root = ab**2 - aa * (at[0] ** 2 + at[1] ** 2 + at[2] ** 2 - 1)
        half = np.sqrt(np.maximum(root, 0)) / aa
        middle = np.where(root > 0, np.float32(self.centre[1]) - ab / aa, 0)
        enter, leave = np.zeros((2, z.shape[0], x.shape[1]), dtype=np.float32)
        enter[rows, columns], leave[rows, columns] = middle - half, middle + half
        return enter, leave


@dataclass(frozen=True)
class Stack:
    """A solid whose cross section at each height z is a (super)ellipse.

    Args:
        levels: Rows (z, centre x, centre y, half width x, half depth y) in mm, z growing; smooth in between.
        power: 2 is an ellipse; more is boxier.
    """

    levels: tuple[tuple[float, float, float, float, float], ...]
    power: float = 2.0

    @cached_property
    def _curves(self) -> PchipInterpolator:
        table = np.asarray(self.levels)
        return PchipInterpolator(table[:, 0], table[:, 1:], axis=0)

    @property
    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest LPS corner."""
        z, x, y, a, b = np.asarray(self.levels).T
        return np.array([(x - a).min(), (y - b).min(), z[0]]), np.array([(x + a).max(), (y + b).max(), z[-1]])

    def section(self, z: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
        """Centre x, centre y, half width, half depth at each height; half sizes are 0 outside its height."""
        z = np.asarray(z, dtype=np.float64)
        low, high = self.levels[0][0], self.levels[-1][0]
        # Heights repeat along rows: interpolate a fine table once, then look up.
        knots = np.linspace(low, high, 1024)
        table = self._curves(knots)
        inside = (z >= low) & (z <= high)
        x, y, a, b = (np.interp(z, knots, table[:, k]).astype(np.float32) for k in range(4))
        return x, y, np.where(inside, a, 0).astype(np.float32), np.where(inside, b, 0).astype(np.float32)

    def distance(self, points: Grid) -> Floats:
        """Signed distance in the cross section in mm, negative inside; first order beside the surface."""
        x, y, z = points
        cx, cy, a, b = self.section(z)
        a, b = np.maximum(a, 1e-3), np.maximum(b, 1e-3)
        u, v = np.abs(x - cx) / a, np.abs(y - cy) / b
        n = self.power
        if n == 2:
            level = np.sqrt(u**2 + v**2)
            slope = np.sqrt((u / a) ** 2 + (v / b) ** 2) / np.maximum(level, 1e-6)
        else:
            level = (u**n + v**n) ** (1 / n)
            power = np.maximum(level, 1e-6)
            slope = np.sqrt(((u / power) ** (n - 1) / a) ** 2 + ((v / power) ** (n - 1) / b) ** 2)
        return np.asarray((level - 1) / np.maximum(slope, 1e-6), dtype=np.float32)

    def chord(self, x: Floats, z: Floats) -> Chord:
        """Where a beam along y through (x, z) enters and leaves."""
        (low_x, _, low_z), (high_x, _, high_z) = self.box
        rows, columns = _seen(z.ravel(), low_z, high_z), _seen(x.ravel(), low_x, high_x)
        cx, cy, a, b = self.section(z[rows])
        u = np.abs(x[:, columns] - cx) / np.maximum(a, 1e-3)
        left = np.maximum(1 - u**self.power, 0)
        half = b * (np.sqrt(left) if self.power == 2 else left ** (1 / self.power))
        middle = np.where(half > 0, cy, 0)
        enter, leave = np.zeros((2, z.shape[0], x.shape[1]), dtype=np.float32)
        enter[rows, columns], leave[rows, columns] = middle - half, middle + half
        return enter, leave


def _seen(values: Floats, low: float, high: float) -> slice:
    """The run of values between two bounds; empty if there is none."""
    found = np.flatnonzero((values >= low) & (values <= high))
    return slice(int(found[0]), int(found[-1]) + 1) if found.size else slice(0, 0)


def hull(chords: Sequence[Chord]) -> Chord:
    """Of solids that touch each other: where a beam enters the first and leaves the last."""
    enter = np.minimum.reduce([np.where(high > low, low, np.inf) for low, high in chords])
    leave = np.maximum.reduce([np.where(high > low, high, -np.inf) for low, high in chords])
    met = leave > enter
    return np.where(met, enter, 0).astype(np.float32), np.where(met, leave, 0).astype(np.float32)


def covered(chords: Sequence[Chord], within: Chord | None = None) -> Floats:
    """Length in mm of the union of chords, counted only inside `within` where it is given."""
    low, high = (
        np.stack([np.broadcast_to(c[k], np.broadcast_shapes(*[c[0].shape for c in chords])) for c in chords])
        for k in (0, 1)
    )
    if within is not None:
        low, high = np.clip(low, within[0], within[1]), np.clip(high, within[0], within[1])
    order = np.argsort(low, axis=0)
    low, high = np.take_along_axis(low, order, 0), np.take_along_axis(high, order, 0)
    reach = np.maximum.accumulate(high, axis=0)
    total = high[0] - low[0]
    for k in range(1, len(low)):
        total = total + np.maximum(high[k] - np.maximum(low[k], reach[k - 1]), 0)
    return np.asarray(total, dtype=np.float32)
