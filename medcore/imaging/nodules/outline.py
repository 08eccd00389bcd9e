"""The outline of one nodule: half way between its density and the lung's, without vessels and wall that touch it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging.nodules.field import Field
from medcore.volume import Array, Geometry, Triple, Volume

Inside = NDArray[np.bool_]
LUNG_HU = -850.0  # where the neighbourhood shows no lung
AERATED_HU = -500.0  # below it is lung, above it a vessel, a wall or a nodule
CONTRAST_HU = 75.0  # the faintest step between lung and nodule that is followed
GLASS_STEP_HU = 130.0  # above the lung: where the edge of a ground-glass halo is looked for
NECK = 0.5  # of the largest inscribed ball's radius: what is thinner is a vessel or a tag
NECK_MM = 4.0
STRICTER = (0.75, 0.9)  # necks where what is left is still larger than a nodule of that ball can be
LARGEST = 3.0  # times the volume of the largest inscribed ball
BALL = 1.4  # times its radius: all that is left of what no neck divides from a vessel or the wall
FURTHEST = 1.9  # times the radius: further out another thing begins that only touches
SOLID_HU = -450.0  # a middle below it is ground glass by itself
HALO_MM = 1.3  # further out than the blur of a scanner goes: what is grey there is no edge
HALO_SHARE = 0.3
HALO_HU = (-780.0, -300.0)
STEPS_MM = (0.5, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One nodule on the scan's grid.

    Args:
        corner: First voxel of its box, (slice, row, column).
        inside: True in the nodule, in its box.
        solid: The part that is as dense as soft tissue, in the same box; all of a solid nodule.
        lung_hu: The median of the lung around it.
        core_hu: The median at its middle.
        halo_hu: The median of the grey rim around the solid part; None where there is none.
        radius_mm: Of the largest ball that fits inside.
        volume_ml: Between the voxels too: thick slices and voxels at the edge count as the outline cuts them.
    """

    corner: tuple[int, int, int]
    inside: Inside
    solid: Inside
    lung_hu: float
    core_hu: float
    halo_hu: float | None
    radius_mm: float
    volume_ml: float


@dataclass(frozen=True, slots=True, eq=False)
class _Cube:
    """Values around a place on a grid of equal steps, parallel to the scan's axes."""

    values: NDArray[float32]
    allowed: Inside
    geometry: Geometry
    step_mm: float


def outline(scan: Volume, field: Field, centre_lps_mm: Triple, radius_mm: float) -> Outline | None:
    """The nodule at a place; None where nothing there is denser than the lung.

    Args:
        radius_mm: About; decides how far around is looked.
    """
    place = np.array(centre_lps_mm, dtype=float64)
    cube = _cube(scan, field, place, radius_mm)
    found = _grow(cube, radius_mm)
    if found is not None:
        middle = cube.geometry.to_lps(np.argwhere(found.inside).mean(axis=0))
        larger = found.radius_mm > 1.6 * radius_mm
        if larger or np.linalg.norm(middle - place) >= 0.5 * max(radius_mm, 1.5):  # its middle or size is another
            radius_mm = max(radius_mm, found.radius_mm)
            cube = _cube(scan, field, middle, radius_mm)
            found = _grow(cube, radius_mm)
    return None if found is None else _on_scan(found, cube, scan)


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    inside: Inside
    solid: Inside
    lung_hu: float
    core_hu: float
    halo_hu: float | None
    radius_mm: float
    volume_ml: float


def _cube(scan: Volume, field: Field, place: NDArray[float64], radius_mm: float) -> _Cube:
    step = float(np.clip(radius_mm / 8, *STEPS_MM))
    half = int(np.ceil(min(2.2 * radius_mm + 8.0, 45.0) / step))
    affine = np.eye(4)
    affine[:3, :3] = scan.geometry.affine[:3, :3] / np.array(scan.geometry.steps) * step
    affine[:3, 3] = place - affine[:3, :3] @ np.full(3, float(half))
    geometry = Geometry(affine)
    shape = (2 * half + 1,) * 3
    values = _sampled(scan.voxels, scan.geometry, geometry, shape)
    allowed = _sampled(field.inside, field.geometry, geometry, shape) > 0.5
    return _Cube(values, allowed, geometry, step)


def _sampled(voxels: Array, source: Geometry, target: Geometry, shape: tuple[int, int, int]) -> NDArray[float32]:
    """Linear values on a grid parallel to the source's, which goes on as it ends."""
    start = source.to_index(target.to_lps(np.zeros(3)))
    step = np.array(target.steps) / np.array(source.steps)
    sides = [
        np.clip(start[a] + step[a] * np.arange(shape[a]), 0, voxels.shape[a] - 1) for a in range(3)
    ]  # one axis at a time: the grids are parallel
    first = [int(at.min()) for at in sides]
    last = [min(int(at.max()) + 2, n) for at, n in zip(sides, voxels.shape, strict=True)]
    result = voxels[first[0] : last[0], first[1] : last[1], first[2] : last[2]].astype(float32)
    for axis, at in enumerate(sides):
        most = result.shape[axis] - 1
        low = np.minimum(at.astype(int) - first[axis], max(most - 1, 0))
        part = (at - first[axis] - low).astype(float32).reshape([-1 if a == axis else 1 for a in range(3)])
        below = np.take(result, low, axis=axis)
        above = np.take(result, np.minimum(low + 1, most), axis=axis)
        result = below + part * (above - below)
    return np.asarray(result, dtype=float32)


def _grow(cube: _Cube, radius_mm: float) -> _Grown | None:
    values, middle = cube.values, tuple(n // 2 for n in cube.values.shape)
    aerated = values[cube.allowed & (values < AERATED_HU)]
    lung = float(np.median(aerated)) if aerated.size > 50 else LUNG_HU
    reach = max(1, round(max(1.0, 0.35 * radius_mm) / cube.step_mm))
    core = float(np.median(values[tuple(slice(m - reach, m + reach + 1) for m in middle)]))
    if core - lung < CONTRAST_HU:
        return None
    if core - lung < 350.0:  # noise would fray the edge of what is faint
        values = ndimage.gaussian_filter(values, 0.7 / cube.step_mm)
    edge = (core + lung) / 2
    dense, radius = _detached(values > edge, cube, reach, radius_mm)
    if dense is None:
        return None
    glass = core > SOLID_HU
    wide, _ = _detached(values > lung + GLASS_STEP_HU, cube, reach, radius_mm) if glass else (None, 0.0)
    if wide is not None:
        box, rim = _box(wide | dense, 0), np.zeros_like(wide)
        rim[box] = wide[box] & (ndimage.distance_transform_edt(~dense[box]) * cube.step_mm > HALO_MM)
        halo = float(np.median(values[rim])) if rim.any() else 0.0
        if rim.sum() > HALO_SHARE * wide.sum() and HALO_HU[0] <= halo <= HALO_HU[1]:
            both = wide | dense
            return _Grown(both, dense, lung, core, halo, radius, _volume_ml(both, values, lung + GLASS_STEP_HU, cube))
    return _Grown(dense, dense, lung, core, None, radius, _volume_ml(dense, values, edge, cube))


def _volume_ml(inside: Inside, values: NDArray[float32], edge_hu: float, cube: _Cube) -> float:
    """Volume of a piece whose outermost voxels count by the share of them that the surface at `edge_hu` cuts off.

    A voxel's distance to the surface is what it differs by from `edge_hu`, over the slope there; next to a cut through
    a neck, where the outside is as bright as the inside, voxels count whole.
    """
    box = _box(inside, 2)
    piece, near = inside[box], values[box]
    slope = np.sqrt(sum(along**2 for along in np.gradient(near)))
    share = np.clip(0.5 + (near - edge_hu) / np.maximum(slope, 1e-3), 0.0, 1.0)
    beside = ndimage.binary_dilation(piece) & cube.allowed[box] & (near <= edge_hu)
    return float(share[piece | beside].sum()) * cube.step_mm**3 / 1000.0


def _detached(bright: Inside, cube: _Cube, reach: int, radius_mm: float) -> tuple[Inside | None, float]:
    """The piece at the middle without what hangs on it by a neck, and the radius of the largest ball in its middle."""
    numbers, _ = ndimage.label(bright & cube.allowed)
    middle = [n // 2 for n in bright.shape]
    near = numbers[tuple(slice(m - reach, m + reach + 1) for m in middle)]
    counts = np.bincount(near.ravel())
    counts[0] = 0
    if not counts.any():
        return None, 0.0
    whole, furthest = numbers == int(counts.argmax()), min(middle)
    half = min(furthest, _half(radius_mm, cube.step_mm))
    body, radius = _body(whole, half, cube.step_mm, reach, radius_mm)
    if half < furthest and _half(max(radius, radius_mm), cube.step_mm) > half:  # larger than it was thought to be
        body, radius = _body(whole, furthest, cube.step_mm, reach, radius_mm)
    return body, radius


def _half(radius_mm: float, step_mm: float) -> int:
    """How far around its middle a nodule is looked at, in voxels: beyond it, distances tell a neck from a body."""
    return int(np.ceil((FURTHEST * radius_mm + min(NECK * radius_mm, NECK_MM) + 2.0) / step_mm))


def _body(whole: Inside, half: int, step_mm: float, reach: int, radius_mm: float) -> tuple[Inside, float]:
    """A piece without its necks, and its radius at the middle.

    Args:
        half: How far it is looked at, in voxels to each side of the middle.
    """
    part = tuple(slice(n // 2 - half, n // 2 + half + 1) for n in whole.shape)
    piece = whole[part]
    box = _box(piece, 1)
    depth = np.zeros(piece.shape)
    depth[box] = half * step_mm if piece[box].all() else ndimage.distance_transform_edt(piece[box]) * step_mm
    here = depth[(slice(half - reach, half + reach + 1),) * 3]
    radius = float(here.max())
    offset = np.unravel_index(int(here.argmax()), here.shape)
    seed = (int(offset[0]) + half - reach, int(offset[1]) + half - reach, int(offset[2]) + half - reach)
    furthest_mm = FURTHEST * max(radius, radius_mm) + 1.0
    within = _distance_mm(half, step_mm) <= furthest_mm
    most = LARGEST * 4 / 3 * np.pi * (radius / step_mm) ** 3
    for share in (NECK, *STRICTER):
        neck = min(share / NECK * min(NECK * radius, NECK_MM), 0.95 * radius)
        body = _opened(piece, depth, seed, neck, step_mm=step_mm, within=within)
        if body.sum() <= most:
            break
    else:
        away = np.indices(piece.shape, dtype=float32) - np.array(seed, dtype=float32)[:, None, None, None]
        body &= (away**2).sum(axis=0) <= (BALL * radius / step_mm) ** 2
    found = np.zeros_like(whole)
    found[part] = body
    return found, radius


def _opened(
    piece: Inside, depth: NDArray[float64], seed: tuple[int, int, int], neck: float, *, step_mm: float, within: Inside
) -> Inside:
    """A piece around a seed without what hangs on it by less than `neck`, in mm: opened by a ball (Serra 1982)."""
    cores, _ = ndimage.label(depth > neck)
    body = (cores == cores[seed]) & within
    room_mm = neck + 0.5 * step_mm
    box = _box(body, int(np.ceil(room_mm / step_mm)))
    found = np.zeros_like(piece)
    found[box] = piece[box] & (ndimage.distance_transform_edt(~body[box]) * step_mm <= room_mm)
    return found


def _box(inside: Inside, margin: int) -> tuple[slice, slice, slice]:
    """The box of what is true, with a margin as far as there are voxels."""
    used = (np.flatnonzero(inside.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    s, r, c = (slice(max(int(at[0]) - margin, 0), int(at[-1]) + 1 + margin) if len(at) else slice(0, 0) for at in used)
    return s, r, c


def _distance_mm(half: int, step_mm: float) -> NDArray[float64]:
    """From the middle of a cube of `half` voxels to each side."""
    along = np.arange(-half, half + 1) * step_mm
    return np.asarray(np.sqrt(along[:, None, None] ** 2 + along[None, :, None] ** 2 + along[None, None] ** 2))


def _on_scan(found: _Grown, cube: _Cube, scan: Volume) -> Outline | None:
    """The nodule at the scan's own voxel centres."""
    used = np.argwhere(found.inside)
    box = cube.geometry.to_lps(np.array([used.min(axis=0) - 1, used.max(axis=0) + 1]))
    ends = np.sort(scan.geometry.to_index(box), axis=0)
    low = np.maximum(np.floor(ends[0]).astype(int), 0)
    high = np.minimum(np.ceil(ends[1]).astype(int) + 1, scan.shape)
    if (low >= high).any():
        return None
    affine = scan.geometry.affine.copy()
    affine[:3, 3] = scan.geometry.to_lps(low)
    part, shape = Geometry(affine), (int(high[0] - low[0]), int(high[1] - low[1]), int(high[2] - low[2]))
    inside = _sampled(found.inside, cube.geometry, part, shape) > 0.5
    solid = inside if found.halo_hu is None else _sampled(found.solid, cube.geometry, part, shape) > 0.5
    if not inside.any():
        return None
    used = np.argwhere(inside)
    first, last = used.min(axis=0), used.max(axis=0) + 1
    tight = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    start = low + first
    corner = (int(start[0]), int(start[1]), int(start[2]))
    return Outline(
        corner, inside[tight], solid[tight], found.lung_hu, found.core_hu, found.halo_hu, found.radius_mm,
        found.volume_ml,
    )  # fmt: skip
