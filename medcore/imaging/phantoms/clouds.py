"""Bones, vessels and airways as clouds of weighted points: exact in mass, put on voxels or cast as a shadow alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import make_interp_spline

from medcore.imaging.phantoms.shapes import Floats
from medcore.volume import Geometry, Triple

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
TUBE_STEP_MM, PLATE_STEP_MM = 0.8, 0.55  # mean distance of the points at grain 1
WALL_GRAIN, CORE_GRAIN = 0.75, 1.35  # of a bone: the wall is thin and dense, the core thick and thin of mass
PLASTIC = np.array([1.32471795724474602596**-k for k in (1, 2)])  # steps of the R2 low-discrepancy sequence


@dataclass(frozen=True)
class Cloud:
    """A solid as points.

    Args:
        points: (N, 3) LPS mm.
        mm3: (N,) how much of the solid each point stands for; negative where something is hollowed out.
    """

    points: Floats
    mm3: Floats

    def times(self, factor: float) -> Cloud:
        """The same solid, denser or thinner."""
        return Cloud(self.points, self.mm3 * np.float32(factor))

    def fill(self, geometry: Geometry, shape: tuple[int, int, int]) -> Floats:
        """Share of each voxel that is filled, 0..1."""
        corners = np.stack(np.meshgrid(*[(-1, n) for n in shape], indexing="ij"), axis=-1).reshape(-1, 3)
        box = geometry.to_lps(corners).astype(np.float32)
        near = np.all((self.points > box.min(axis=0)) & (self.points < box.max(axis=0)), axis=1)
        total = deposit(geometry.to_index(self.points[near]), self.mm3[near], shape) / (geometry.voxel_ml * 1000)
        return np.asarray(np.clip(total, 0, 1), dtype=np.float32)


def together(clouds: Sequence[Cloud]) -> Cloud:
    """Several clouds as one."""
    return Cloud(np.concatenate([c.points for c in clouds]), np.concatenate([c.mm3 for c in clouds]))


def smooth(corners: ArrayLike, count: int = 60) -> NDArray[np.float64]:
    """(count, 3) points of a smooth curve through a few."""
    corners = np.asarray(corners, dtype=np.float64)
    at = np.linspace(0, 1, len(corners))
    curve = make_interp_spline(at, corners, k=min(3, len(corners) - 1))
    return np.asarray(curve(np.linspace(0, 1, count)), dtype=np.float64)


def tube(
    path: ArrayLike, radius: ArrayLike, *, wall_mm: float = 0.0, flat: float = 1.0, outward: ArrayLike | None = None,
    grain: float = 1.0,
) -> Cloud:  # fmt: skip
    """A bent tube.

    Args:
        path: (N, 3) centre line, LPS mm.
        radius: Half height in mm, one number or one for each point of the path.
        wall_mm: Thickness of the wall if it is hollow; 0: solid.
        flat: Thickness along `outward` over the height.
        outward: The thin direction, (3,) or (N, 3); any direction across the path if left out.
        grain: Above 1: fewer points, that many times further apart.
    """
    path = np.asarray(path, dtype=np.float64)
    tall_mm = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(path))
    thin_mm = tall_mm * flat
    hollow_tall, hollow_thin = (np.maximum(mm - wall_mm, 0.1) if wall_mm else 0 * mm for mm in (tall_mm, thin_mm))
    run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    ahead = _unit(np.gradient(path, axis=0))
    if outward is None:
        outward = np.eye(3)[np.argmin(np.abs(ahead).mean(axis=0))]
    guess = np.broadcast_to(np.asarray(outward, dtype=np.float64), path.shape)
    thin = _unit(guess - (guess * ahead).sum(axis=1, keepdims=True) * ahead)
    section = np.pi * (tall_mm * thin_mm - hollow_tall * hollow_thin)
    count = max(int(run[-1] * section.mean() / (TUBE_STEP_MM * grain) ** 3), 200)
    t, depth, turn = _evenly(count)
    at = t * run[-1]
    sizes = np.stack([thin_mm, tall_mm, hollow_thin, hollow_tall], axis=1)
    there = _along(at, run, np.concatenate([path, thin, np.cross(ahead, thin), sizes], axis=1))
    a, b, inner_a, inner_b = there[:, 9:].T
    # From the hollow (depth 0) to the surface (1); a bit of cross section grows with the distance from the axis.
    w = depth if wall_mm else np.sqrt(depth)
    at_a, at_b = inner_a + w * (a - inner_a), inner_b + w * (b - inner_b)
    grow = np.pi * ((a - inner_a) * at_b + (b - inner_b) * at_a) if wall_mm else np.pi * a * b
    p, q = at_a * np.cos(turn), at_b * np.sin(turn)
    points = there[:, :3] + p[:, None] * there[:, 3:6] + q[:, None] * there[:, 6:9]
    return Cloud(points.astype(np.float32), (grow * run[-1] / count).astype(np.float32))


def bone(
    path: ArrayLike, radius: ArrayLike, wall_mm: float, *, core: float, flat: float = 1.0,
    outward: ArrayLike | None = None, grain: float = 1.0,
) -> Cloud:  # fmt: skip
    """A long bone in mm³ of cortex: a dense wall around a core of `core` times its density."""
    tall = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(np.asarray(path)))
    wall_mm = min(wall_mm, float(tall.min()) * flat * 0.8)
    wall = tube(path, tall, wall_mm=wall_mm, flat=flat, outward=outward, grain=grain * WALL_GRAIN)
    inner_flat = float((tall * flat - wall_mm).mean() / (tall - wall_mm).mean())
    marrow = tube(path, tall - wall_mm, flat=inner_flat, outward=outward, grain=grain * CORE_GRAIN)
    return together([wall, marrow.times(core)])


def twigs(starts: ArrayLike, ends: ArrayLike, radius: ArrayLike, *, grain: float = 1.0) -> Cloud:
    """Many short straight tubes at once, such as the branches of a vessel tree; radius (N,) in mm."""
    step_mm = TUBE_STEP_MM * grain
    starts, ends = np.asarray(starts, dtype=np.float64), np.asarray(ends, dtype=np.float64)
    radius = np.asarray(radius, dtype=np.float64)
    clouds = []
    for low, high in ((0, 1.0), (1.0, 2.0), (2.0, np.inf)):
        chosen = (radius > low) & (radius <= high)
        if not chosen.any():
            continue
        a, b, r = starts[chosen], ends[chosen], radius[chosen]
        length = np.linalg.norm(b - a, axis=1)
        count = np.maximum((length / step_mm).astype(int), 1)
        which = np.repeat(np.arange(len(a)), count)
        nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        centre = a[which] + (b - a)[which] * ((nth + 0.5) / count[which])[:, None]
        ahead = _unit(b - a)
        side = _unit(np.cross(ahead, np.eye(3)[np.argmin(np.abs(ahead), axis=1)]))
        other = np.cross(ahead, side)
        disc = _disc(int(np.clip(np.pi * (r.max() / step_mm) ** 2, 3, 60)), len(which))
        offset = disc[..., :1] * side[which][:, None] + disc[..., 1:] * other[which][:, None]
        points = centre[:, None] + offset * r[which][:, None, None]
        each = np.repeat(np.pi * r[which] ** 2 * (length / count)[which] / disc.shape[1], disc.shape[1])
        clouds.append(Cloud(points.reshape(-1, 3).astype(np.float32), each.astype(np.float32)))
    return together(clouds)


def plate(corners: Sequence[Triple], thickness_mm: float, *, grain: float = 1.0) -> Cloud:
    """A flat triangle of bone; three corners in LPS mm."""
    a, b, c = (np.asarray(p, dtype=np.float64) for p in corners)
    area = float(np.linalg.norm(np.cross(b - a, c - a))) / 2
    n = np.arange(max(int(2 * area / (PLATE_STEP_MM * grain) ** 2), 8)) + 0.5
    u, v = (n[None, :] * PLASTIC[:, None]) % 1.0
    u, v = u[u + v < 1], v[u + v < 1]
    points = a + u[:, None] * (b - a) + v[:, None] * (c - a)
    return Cloud(points.astype(np.float32), np.full(len(points), area * thickness_mm / len(points), dtype=np.float32))


def deposit(at: NDArray[np.float64], weight: Floats, shape: Sequence[int]) -> Floats:
    """Share each weight among the grid points around a fractional index (N, d), nearest most; sum them up."""
    d = len(shape)
    padded = [n + 2 for n in shape]
    near = np.all((at > -1) & (at < np.asarray(shape)), axis=1)
    at, weight = at[near] + 1, weight[near]
    base = at.astype(np.int64)
    part = (at - base).astype(np.float32)
    strides = np.cumprod([1, *padded[:0:-1]])[::-1]
    flat = base @ strides
    places, shares = [], []
    for corner in np.ndindex(*(2,) * d):
        share = weight
        for k in range(d):
            share = share * (part[:, k] if corner[k] else 1 - part[:, k])
        places.append(flat + int(np.dot(corner, strides)))
        shares.append(share)
    total = np.bincount(np.concatenate(places), weights=np.concatenate(shares), minlength=int(np.prod(padded)))
    inner = tuple(slice(1, -1) for _ in shape)
    return total.reshape(padded)[inner].astype(np.float32)


def _along(at: NDArray[np.float64], run: NDArray[np.float64], values: NDArray[np.float64]) -> Floats:
    """Rows of `values`, known at the lengths `run`, interpolated at other lengths."""
    low = np.clip(np.searchsorted(run, at, side="right") - 1, 0, len(run) - 2)
    part = ((at - run[low]) / np.maximum(run[low + 1] - run[low], 1e-9)).astype(np.float32)[:, None]
    table = values.astype(np.float32)
    start = table[low]
    return np.asarray(start + part * (table[low + 1] - start), dtype=np.float32)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def _evenly(count: int) -> tuple[NDArray[np.float64], Floats, Floats]:
    """Length 0..1, share 0..1 and angle of points spread evenly over a long cylinder; any short piece is even too."""
    n = np.arange(count) + 0.5
    share, turn = ((n[None, :] * PLASTIC[:, None]) % 1.0).astype(np.float32)
    return n / count, share, 2 * np.float32(np.pi) * turn


def _disc(count: int, turns: int) -> NDArray[np.float64]:
    """(turns, count, 2) points that fill the unit disc evenly (a sunflower), each copy turned so that none line up."""
    k = np.arange(count) + 0.5
    r, angle = np.sqrt(k / count), k * GOLDEN_ANGLE
    turned = angle[None, :] + (np.arange(turns) * 0.7548776662 * 2 * np.pi)[:, None]
    return np.stack([r * np.cos(turned), r * np.sin(turned)], axis=-1)
