"""Borders of lesions finer than the voxels they were drawn in: distances in mm, from which any size can be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging.lesions import Extent, lesion_voxels, measure, pieces
from medcore.volume import Affine, Geometry, Mask

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Box = tuple[slice, slice, slice]
FINEST_MM = 0.6  # at least so fine, and twice as fine as the finest side of a voxel ...
MOST_POINTS = 2_000_000  # ... unless a lesion is so large that this would be exceeded
SMOOTH = 0.5  # of the longer side of a pixel, over which the steps of a drawn outline are rounded off
BESIDE = 1.6  # steps of the fine grid: points so near to a border lie beside it
SHARE_MM = 0.7  # points for each voxel that a border cuts lie no farther apart


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The border of one lesion.

    Args:
        extent: As it was drawn.
        distance_mm: (s, r, c) on a fine grid of equal sides: to the border, negative inside.
        corner: (3,) index of the grid's first point among the mask's voxels.
        step: (3,) from point to point, in voxels of the mask.
        step_mm: The same in mm.
    """

    extent: Extent
    distance_mm: Singles
    corner: Floats
    step: Floats
    step_mm: float

    def depth_mm(self, index: Floats) -> Floats:
        """Distance to the border at indices (..., 3) of the mask, negative inside; infinite far away."""
        points = np.moveaxis((index - self.corner) / self.step, -1, 0)
        return np.asarray(ndimage.map_coordinates(self.distance_mm, points, order=1, cval=np.inf, output=np.float64))

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """First and last index of the mask that the grid reaches."""
        return self.corner, self.corner + (np.array(self.distance_mm.shape) - 1) * self.step


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """All lesions of a mask, the largest first, with borders that can be moved by parts of a voxel."""

    surfaces: tuple[Surface, ...]
    names: Mapping[int, str]
    geometry: Geometry
    shape: tuple[int, int, int]

    def drawn(self, mm: float, geometry: Geometry, shape: tuple[int, int, int], motion: Affine) -> Mask:
        """The lesions, their borders moved outwards by `mm`, as voxels of a grid: those whose centre lies inside.

        Args:
            motion: 4×4, LPS mm of that grid to LPS mm of the mask.
        """
        labels = np.zeros(shape, dtype=np.min_scalar_type(max(self.names, default=0)))
        nearest = np.full(shape, np.inf, dtype=np.float32)
        to_mask = np.linalg.inv(self.geometry.affine) @ motion @ geometry.affine
        for one in self.surfaces:
            box = _box(one, np.asarray(np.linalg.inv(to_mask)), shape)
            index = np.moveaxis(np.mgrid[box], 0, -1) @ to_mask[:3, :3].T + to_mask[:3, 3]
            depth = one.depth_mm(index)
            inside = (depth <= mm) & (depth < nearest[box])
            labels[box][inside], nearest[box][inside] = one.extent.label, depth[inside]
        return Mask(labels, self.names, geometry)

    def depth_mm(self) -> tuple[Box, Floats]:
        """Distance of each voxel to the nearest border, negative inside, in the box that all lesions reach."""
        boxes = [_box(one, np.eye(4), self.shape) for one in self.surfaces]
        corner = np.array([[side.start for side in box] for box in boxes]).min(axis=0)
        end = np.array([[side.stop for side in box] for box in boxes]).max(axis=0)
        whole = np.full(end - corner, np.inf)
        for one, box in zip(self.surfaces, boxes, strict=True):
            part = whole[tuple(slice(s.start - c, s.stop - c) for s, c in zip(box, corner, strict=True))]
            np.minimum(part, one.depth_mm(np.moveaxis(np.mgrid[box], 0, -1).astype(np.float64)), out=part)
        first, second, third = (slice(int(a), int(b)) for a, b in zip(corner, end, strict=True))
        return (first, second, third), whole

    def filled(self, mm: float) -> float:
        """How many voxels the lesions fill, their borders moved outwards by `mm`; those on a border count in part."""
        box, depth = self.depth_mm()
        steps = np.array(self.geometry.steps)
        reach = float(np.linalg.norm(steps)) / 2
        cut = np.abs(depth - mm) <= reach
        index = np.argwhere(cut) + [side.start for side in box]
        inside = np.zeros(len(index))
        counts = np.maximum(np.ceil(steps / SHARE_MM).astype(int), 2)
        offsets = [(np.arange(count) + 0.5) / count - 0.5 for count in counts]
        for offset in product(*offsets):
            inside += self._nearest(index + np.array(offset)) <= mm
        return float(np.count_nonzero(depth < mm - reach) + inside.sum() / counts.prod())

    def largest(self) -> Borders:
        """Only the largest lesion and, as far as it may grow together with them, those near it."""
        reach = [one for one in self.surfaces if _meet(one, self.surfaces[0])]
        return replace(self, surfaces=tuple(reach))

    def longest_mm(self, number: int, mm: float) -> float:
        """Longest diameter of a lesion in a slice once all borders have moved outwards by `mm`; 0 where it vanished.

        What it then touches is measured with it; of what falls apart the largest part.
        """
        group = self._group(number, mm)
        ends = np.array([one.ends for one in group])
        first, last = ends[:, 0].min(axis=0), ends[:, 1].max(axis=0)
        length = (last - first) * self.geometry.steps
        step_mm = max(group[0].step_mm, float(np.prod(length) / MOST_POINTS) ** (1 / 3))
        step = step_mm / np.array(self.geometry.steps)
        grid = np.moveaxis(np.indices(np.floor((last - first) / step).astype(int) + 1), 0, -1) * step + first
        depth = np.minimum.reduce([one.depth_mm(grid) for one in group])
        parts = [part for corner, part in pieces(depth <= mm) if self._holds(group[0], grid, corner, part)]
        largest = max(parts, key=np.count_nonzero, default=None)
        return 0.0 if largest is None else measure(largest, Geometry.from_spacing((step_mm,) * 3)).diameters.longest

    def _group(self, number: int, mm: float) -> list[Surface]:
        """A lesion and all that it touches, directly or through others, once borders have moved outwards by `mm`."""
        group, rest = [self.surfaces[number]], [one for at, one in enumerate(self.surfaces) if at != number]
        for here in group:  # grows while it is walked through
            index = np.argwhere(here.distance_mm <= mm) * here.step + here.corner
            touched = [one for one in rest if _meet(one, here) and (one.depth_mm(index) <= mm + here.step_mm).any()]
            group += touched
            rest = [one for one in rest if not any(one is other for other in touched)]
        return group

    @staticmethod
    def _holds(lesion: Surface, grid: Floats, corner: tuple[int, int, int], part: NDArray[np.bool_]) -> bool:
        box = tuple(slice(at, at + size) for at, size in zip(corner, part.shape, strict=True))
        return bool((lesion.depth_mm(grid[box][part]) <= lesion.step_mm).any())

    def _nearest(self, index: Floats) -> Floats:
        depth = np.full(len(index), np.inf)
        for one in self.surfaces:
            first, last = one.ends
            near = np.all((index >= first) & (index <= last), axis=1)
            depth[near] = np.minimum(depth[near], one.depth_mm(index[near]))
        return depth


def borders(mask: Mask, *, reach_mm: float) -> Borders:
    """The borders of every lesion of a mask.

    Each is the smooth surface half-way between voxels inside and outside that encloses exactly as much as the voxels
    drawn: interpolation by shape (Raya and Udupa, IEEE TMI 1990), so that slices and pixels of any size are treated
    alike and a change smaller than a voxel is not lost.

    Args:
        reach_mm: How far around a lesion distances are known.
    """
    found = tuple(_surface(extent, inside, mask.geometry, reach_mm) for extent, inside in lesion_voxels(mask))
    return Borders(found, mask.names, mask.geometry, mask.labels.shape)


def _surface(extent: Extent, inside: NDArray[np.bool_], geometry: Geometry, reach_mm: float) -> Surface:
    steps = np.array(geometry.steps)
    room = np.ceil(reach_mm / steps).astype(int) + 2
    padded = np.pad(inside, [(int(count), int(count)) for count in room])
    # Twice the distance to the half-way surface: only its zero is used.
    rough = ndimage.distance_transform_edt(~padded, sampling=steps)
    rough -= ndimage.distance_transform_edt(padded, sampling=steps)
    rough = ndimage.gaussian_filter(rough.astype(np.float32), SMOOTH * steps[1:].max() / steps)
    length = (np.array(padded.shape) - 1) * steps
    step_mm = max(min(float(steps.min()) / 2, FINEST_MM), float(np.prod(length) / MOST_POINTS) ** (1 / 3))
    step = step_mm / steps
    fine = ndimage.affine_transform(
        rough, step, output_shape=tuple(np.floor(length / step_mm).astype(int) + 1), order=1, mode="nearest"
    )
    filled = max(1, round(np.count_nonzero(inside) * float(steps.prod()) / step_mm**3))
    distance = _to_zero(fine - np.partition(fine, filled, axis=None)[filled]) * np.float32(step_mm)
    return Surface(extent, distance, np.array(extent.corner, dtype=np.float64) - room, step, step_mm)


def _to_zero(field: Singles) -> Singles:
    """Distance in steps of the grid to where a field crosses zero, negative where it is negative.

    Beside the crossing it is value over slope; farther away the distance to the nearest point across, less what that
    one itself is away from the crossing.
    """
    slope = np.sqrt(sum(np.square(np.gradient(field, axis=axis)) for axis in range(3)))
    beside = np.minimum(np.abs(field) / np.maximum(slope, 1e-6), BESIDE)
    inside = field <= 0
    out = np.empty_like(field)
    for here, sign in ((~inside, 1.0), (inside, -1.0)):
        apart, nearest = ndimage.distance_transform_edt(here, return_indices=True)
        away = np.where(apart < BESIDE, beside, apart - np.minimum(beside[tuple(nearest)], apart))
        out[here] = sign * away[here]
    return out


def _box(one: Surface, to_grid: Affine, shape: tuple[int, int, int]) -> Box:
    """The voxels of a grid that a surface may reach; empty where it lies outside.

    Args:
        to_grid: 4×4, indices of the mask to indices of the grid.
    """
    corners = np.array(list(product(*zip(*one.ends, strict=True)))) @ to_grid[:3, :3].T + to_grid[:3, 3]
    first = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, shape)
    last = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, first, shape)
    s, r, c = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return s, r, c


def _meet(one: Surface, other: Surface) -> bool:
    (first, last), (begin, end) = one.ends, other.ends
    return bool(np.all((first <= end) & (begin <= last)))
