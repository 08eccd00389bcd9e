"""Promise: an interval of 95 % of a size or of its change holds the truth in 95 ± 2 % of simulated pairs of readings.

python -m benchmarks.interval_coverage [--pairs N]
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medcore.comparison.uncertainty import (
    Error,
    Interval,
    length_change,
    length_interval,
    volume_change,
    volume_interval,
)
from medcore.imaging.lesions import Extent, measure, pieces
from medcore.volume import Geometry

Floats = NDArray[np.float64]
PROMISE = (0.93, 0.97)
SLICES_MM = (1.0, 1.5, 3.0, 5.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """One lesion as it is and as a reader measured it.

    Args:
        longest_mm, volume_ml: True.
        extent: Measured.
        error: What the model of uncertainty knows: reader, pixel and slice.
    """

    longest_mm: float
    volume_ml: float
    extent: Extent
    error: Error


def pairs(count: int, *, seed: int = 11) -> Iterator[tuple[Reading, Reading]]:
    """Ellipsoids of 8 to 45 mm before and after a change of size of 0.6 to 1.6, each with its own grid and reader.

    Their place within a voxel, their turn, the grid (pixels 0.5 to 1.2 mm, slices 1 to 5 mm) and the reader's border,
    which lies half a diameter's error farther out all around, are drawn anew at each visit.
    """
    rng = np.random.default_rng(seed)
    while count:
        shape = rng.uniform(0.65, 1.0, 3)
        sizes = rng.uniform(8, 45) * np.array([1.0, rng.uniform(0.6, 1.6)])
        sd = rng.choice([0.0, 0.5, 1.0, 1.5]) if sizes.min() > 12 else rng.choice([0.0, 0.5])
        before, after = (_read(size / 2 * shape, float(sd), rng) for size in sizes)
        if before is not None and after is not None:
            count -= 1
            yield before, after


def _read(semi: Floats, sd_mm: float, rng: np.random.Generator) -> Reading | None:
    pixel, between = float(rng.uniform(0.5, 1.2)), float(rng.choice(SLICES_MM))
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    drawn = semi + rng.normal(0, sd_mm) / 2
    if drawn.min() < 1.5:
        return None
    steps = np.array([between, pixel, pixel])
    half = np.ceil(drawn.max() / steps).astype(int) + 2
    centre = half + rng.uniform(-0.5, 0.5, 3)
    grid = np.stack(np.meshgrid(*(np.arange(2 * n + 1) for n in half), indexing="ij"), axis=-1)
    form = turned @ np.diag(1 / np.square(drawn)) @ turned.T
    away = (grid - centre) * steps
    inside = np.einsum("...i,ij,...j", away, form, away) <= 1
    found = max(pieces(inside), key=lambda one: int(one[1].sum()), default=None)
    if found is None or found[1].sum() < 8:
        return None
    true = turned @ np.diag(1 / np.square(semi)) @ turned.T
    longest = 2 / math.sqrt(float(np.linalg.eigvalsh(true[1:, 1:])[0]))  # the section through the middle is the largest
    extent = measure(found[1], Geometry.from_spacing((between, pixel, pixel)))
    return Reading(longest, 4 / 3 * math.pi * float(np.prod(semi)) / 1000, extent, Error(sd_mm, pixel, between))


def coverage(count: int, *, seed: int = 11) -> dict[str, float]:
    """Share of pairs whose interval holds the truth, by what is measured."""
    held: dict[str, list[bool]] = {"diameter": [], "volume": [], "change of diameter": [], "change of volume": []}
    for before, after in pairs(count, seed=seed):
        for one in (before, after):
            assert one.extent.volume_ml is not None, "these grids have millimetres"
            held["diameter"].append(_holds(length_interval(one.extent.longest_mm, one.error), one.longest_mm))
            held["volume"].append(_holds(volume_interval(one.extent.volume_ml, one.error), one.volume_ml))
        first, second, errors = before.extent, after.extent, (before.error, after.error)
        change = length_change(first.longest_mm, second.longest_mm, *errors)
        held["change of diameter"].append(_holds(change, after.longest_mm - before.longest_mm))
        change = volume_change(first.volume_ml or 0.0, second.volume_ml or 0.0, *errors)
        held["change of volume"].append(_holds(change, 100 * (after.volume_ml / before.volume_ml - 1)))
    return {name: float(np.mean(ones)) for name, ones in held.items()}


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def main() -> None:
    """Print the coverage of each kind of interval; exit 1 where it leaves 95 ± 2 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    found = coverage(parser.parse_args().pairs)
    for name, share in found.items():
        print(f"{name:20s} {100 * share:.1f} %  {'ok' if PROMISE[0] <= share <= PROMISE[1] else 'BROKEN'}")
    sys.exit(0 if all(PROMISE[0] <= share <= PROMISE[1] for share in found.values()) else 1)


if __name__ == "__main__":
    main()
