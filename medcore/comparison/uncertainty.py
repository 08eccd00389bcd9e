"""How far a single measurement may be off: the reader, the pixels, the slices; and so how far a change may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cbrt, hypot, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from medcore.records import LesionReading, Timepoint

# Fitted to 4,000 ellipsoids of 8 to 45 mm in random places of grids of 0.5 to 1.2 mm and slices of 1 to 5 mm
# (benchmarks/interval_coverage.py repeats it): root mean square of measured minus true.
PIXEL_SHARE = 0.25  # of a pixel: both ends of a diameter, measured on its digital outline
SLICE_SHARE = 0.22  # of slice² / length: the largest section lies between two slices
VOLUME_PIXEL, VOLUME_SLICE = 0.065, 0.0092  # mm³² for each mm² of surface, of pixel⁴ and slice⁴
SURE = 1.959964  # standard deviations on both sides that hold 95 %
DRAWS = 4000
SEED = 20_090_115

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Error:
    """What a reading of one lesion is off by.

    Args:
        reader_sd_mm: Standard deviation of a diameter between readers: the whole border lies farther out or in.
        pixel_mm: Longer side of a pixel; 0 where it is not known.
        slice_mm: From slice to slice; 0 where it is not known.
    """

    reader_sd_mm: float = 1.5
    pixel_mm: float = 0.0
    slice_mm: float = 0.0

    def length_sd_mm(self, length_mm: float) -> float:
        """Of a diameter of this length."""
        between = SLICE_SHARE * min(self.slice_mm**2 / max(length_mm, 1e-6), self.slice_mm)
        return hypot(self.reader_sd_mm, PIXEL_SHARE * self.pixel_mm, between)

    def sphere_sd_mm(self, volume_ml: float) -> float:
        """Of the diameter of the sphere of this volume: what the error of the volume means for it."""
        diameter = sphere_mm(volume_ml)
        counted = sqrt(VOLUME_PIXEL * self.pixel_mm**4 + VOLUME_SLICE * self.slice_mm**4)
        # dV = (π/2) d² dd, and the counting error is that of the surface πd²
        return hypot(self.reader_sd_mm, counted * sqrt(pi) * diameter / (pi / 2 * diameter**2))


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with where the true one lies in 95 of 100 cases."""

    value: float
    low: float
    high: float


def sphere_mm(volume_ml: float) -> float:
    """Diameter of the sphere of a volume.

    >>> round(sphere_mm(0.5235988), 3)
    10.0
    """
    return cbrt(6000 * volume_ml / pi)


def length_interval(length_mm: float, error: Error) -> Interval:
    """Of a diameter."""
    sd = SURE * error.length_sd_mm(length_mm)
    return Interval(length_mm, max(0.0, length_mm - sd), length_mm + sd)


def volume_interval(volume_ml: float, error: Error) -> Interval:
    """Of a volume: that of the diameter of its sphere, cubed, so it reaches farther up than down."""
    diameter, sd = sphere_mm(volume_ml), SURE * error.sphere_sd_mm(volume_ml)
    return Interval(
        volume_ml, volume_ml * max(0.0, 1 - sd / diameter) ** 3, volume_ml * (1 + sd / diameter) ** 3
    )  # fmt: skip


def length_change(before_mm: float, after_mm: float, first: Error, second: Error) -> Interval:
    """Of the difference of two diameters, mm."""
    change = after_mm - before_mm
    sd = SURE * hypot(first.length_sd_mm(before_mm), second.length_sd_mm(after_mm))
    return Interval(change, change - sd, change + sd)


def volume_change(before_ml: float, after_ml: float, first: Error, second: Error) -> Interval:
    """Of the change of a volume in percent, by drawing both volumes anew."""
    rng = np.random.default_rng(SEED)
    drawn = [_volumes(ml, error, rng.standard_normal) for ml, error in ((before_ml, first), (after_ml, second))]
    percent = 100 * (drawn[1] / np.maximum(drawn[0], 1e-9) - 1)
    low, high = np.percentile(percent, (2.5, 97.5))
    return Interval(100 * (after_ml / before_ml - 1), float(low), float(high))


def error_at(visit: Timepoint, reader_sd_mm: float) -> Error:
    """Of what was read at one visit; without its scan, that of the reader alone."""
    return Error(reader_sd_mm, visit.pixel_mm or 0.0, visit.slice_mm or 0.0)


def error_of(lesion: LesionReading, error: Error) -> Error:
    """Of one lesion: where a model drew it, what its varied passes differ by comes on top of what readers differ by."""
    if not lesion.outline_sd_mm:
        return error
    return replace(error, reader_sd_mm=hypot(error.reader_sd_mm, lesion.outline_sd_mm))


def change_of(before: LesionReading, after: LesionReading, first: Error, second: Error) -> dict[str, Interval]:
    """How far one lesion changed between two visits: `longest_mm` in mm, `volume_percent` in percent."""
    found = {}
    first, second = error_of(before, first), error_of(after, second)
    if before.longest_mm and after.longest_mm:
        found["longest_mm"] = length_change(before.longest_mm, after.longest_mm, first, second)
    if before.volume_ml and after.volume_ml:
        found["volume_percent"] = volume_change(before.volume_ml, after.volume_ml, first, second)
    return found


def of_reading(lesion: LesionReading, error: Error) -> dict[str, Interval]:
    """The intervals of what was measured of a lesion, by the names of its sizes."""
    error = error_of(lesion, error)
    found = {
        name: length_interval(value, error)
        for name in ("longest_mm", "short_axis_mm", "perpendicular_mm")
        if (value := getattr(lesion, name))
    }
    if lesion.volume_ml:
        found["volume_ml"] = volume_interval(lesion.volume_ml, error)
    return found


def _volumes(volume_ml: float, error: Error, normal: Callable[[int], Floats]) -> Floats:
    share = error.sphere_sd_mm(volume_ml) / sphere_mm(volume_ml)
    return np.asarray(volume_ml * np.maximum(1 + share * normal(DRAWS), 0.01) ** 3)
