"""Promise: a phantom that moved by up to 20° and 30 mm is found again with a mean error of at most half a voxel.

A chest CT on another grid with other noise, a T1 head with a grown lesion and another bias field, and the same head in
a contrast in which dark is bright, as T2 is to T1. python -m benchmarks.registration_error
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr, rigid
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.imaging.registration.register import register
from medcore.imaging.registration.same_contrast import turn
from medcore.volume import Affine, Geometry, Volume

PROMISE = 0.5  # voxels: of the fixed scan's longest side
MOTIONS = ((5, 8), (10, 15), (20, 30))
AXIS, WAY = np.array([0.6, -0.48, 0.64]), np.array([0.48, 0.6, -0.64])


def motions() -> Iterator[tuple[str, Affine]]:
    """Turns and shifts both ways, LPS mm."""
    for degrees, mm in MOTIONS:
        for sign in (1, -1):
            x, y, z = (sign * mm * WAY).tolist()
            yield f"{sign * degrees:4d}° {mm} mm", rigid(turn(np.deg2rad(sign * degrees) * AXIS), (x, y, z))


def chests(motion: Affine) -> tuple[Volume, Volume]:
    """A chest, and the same after it moved in the scanner."""
    shape, grid = (60, 120, 120), axial((60, 120, 120), (4.0, 3.0, 3.0))
    other_shape, other = (70, 110, 110), axial((70, 110, 110), (3.5, 3.2, 3.2))
    moved = chest_ct([], Geometry(np.linalg.inv(motion) @ other.affine), other_shape, seed=3).volume
    return chest_ct([], grid, shape).volume, replace(moved, geometry=other)


def heads(motion: Affine, *, other_contrast: bool) -> tuple[Volume, Volume]:
    """A head, and the same after it moved, its lesion grown, in the same contrast or in another one."""
    shape, grid = (70, 84, 84), axial((70, 84, 84), (2.6, 2.6, 2.6))
    before = brain_mr([Lesion("it", (30, 10, 20), (12, 10, 9))], grid, shape, seed=1).volume
    grown = [Lesion("it", (30, 10, 20), (17, 15, 13))]
    after = brain_mr(grown, grid, shape, moved=motion, seed=2, bias=-0.1).volume
    if other_contrast:
        dark_is_bright = np.where(after.voxels > 60, 1100 - np.minimum(after.voxels, 1000), 20).astype(np.int16)
        after = replace(after, voxels=dark_is_bright)
    return before, after


def error_mm(before: Volume, after: Volume, motion: Affine) -> float:
    """Mean distance, over the foreground, between where places are and where they were found."""
    found = register(before, after)
    places = before.geometry.to_lps(np.argwhere(before.voxels > np.percentile(before.voxels, 60))[::53])
    off = found.places_in_moving(places) - (places @ motion[:3, :3].T + motion[:3, 3])
    return float(np.linalg.norm(off, axis=1).mean()) if found.trust.trusted else float("inf")


def main() -> None:
    """Print each error; exit 1 where one is too large or an alignment is not trusted."""
    worst = 0.0
    for name, motion in motions():
        pairs = {
            "CT": chests(motion),
            "T1 to T1": heads(motion, other_contrast=False),
            "T1 to T2": heads(motion, other_contrast=True),
        }
        for kind, (before, after) in pairs.items():
            error, voxel = error_mm(before, after, motion), max(before.geometry.steps)
            worst = max(worst, error / voxel)
            print(f"{kind:9s} {name:12s} {error:.3f} mm, {error / voxel:.3f} of a voxel of {voxel} mm", flush=True)
    print(f"worst {worst:.3f} of a voxel  {'ok' if worst <= PROMISE else 'BROKEN'}")
    sys.exit(0 if worst <= PROMISE else 1)


if __name__ == "__main__":
    main()
