"""How sure a response is: the chance of each category under measurement error, and the change that would flip it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import erf, pi, sqrt

import numpy as np

from medcore.comparison.uncertainty import Error, error_at, error_of, sphere_mm
from medcore.criteria import Criterion
from medcore.records import LesionReading, LesionStatus, Timepoint

PROGRESSION_FRACTION = 0.2  # RECIST 1.1, section 4.3.1
PROGRESSION_MIN_MM = 5.0  # RECIST 1.1, section 4.3.1
DRAWS = 2000  # the standard error of a chance of one half is then 0.011
SEED = 20090115
LEAST_MM = 0.1  # no error makes a lesion that was measured vanish
COARSE_MM, FINE_STEPS = 1.0, 10  # a flip is found to a tenth of a millimetre


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of one reading of one lesion.

    Args:
        length_mm: Of a diameter. Two readers of CT differ by some 1 to 2 mm; set what your readers reach.
        volume_percent: Of a volume; None takes what the error of the diameter means for a sphere, and the voxels.
        uptake_percent: Of an SUV.
        density_hu: Of a mean HU.
    """

    length_mm: float = 1.5
    volume_percent: float | None = None
    uptake_percent: float = 10.0
    density_hu: float = 5.0


@dataclass(frozen=True, slots=True)
class Chances:
    """The chance of each category at one visit.

    Args:
        reported: The category of the sizes as they were read.
        chances: Category to its share of the draws, most likely first; they sum to one.
        sum_low: 2.5th percentile of the sum, in the criterion's unit; None where the sum is not known.
        sum_high: 97.5th percentile.
    """

    timepoint: str
    reported: str
    chances: Mapping[str, float]
    sum_low: float | None
    sum_high: float | None


@dataclass(frozen=True, slots=True)
class Flip:
    """The smallest change of one lesion that changes the answer of a visit; None where no change in reach does.

    Args:
        larger_mm: How much longer the lesion would have to be, and `larger` what the answer would then be.
        smaller_mm: How much shorter, and `smaller` what the answer would then be.
    """

    timepoint: str
    lesion: str
    larger_mm: float | None
    larger: str
    smaller_mm: float | None
    smaller: str


def length_sd_mm(pixel_mm: float, *, reader_sd_mm: float, slice_mm: float = 0.0, length_mm: float = math.inf) -> float:
    """Standard deviation of a diameter: its ends lie within a pixel, its section between slices, and readers differ.

    >>> round(length_sd_mm(0.7, reader_sd_mm=1.5), 2)
    1.51
    """
    return Error(reader_sd_mm, pixel_mm, slice_mm).length_sd_mm(length_mm)


def progression_chance(now_mm: float, nadir_mm: float, *, sum_sd_mm: float) -> float:
    """Chance that the true sum progressed by RECIST 1.1, both sums being measured with the same error.

    z = (max(0.2 · nadir, 5) − Δ) / (σ√2); a sum exactly at the threshold is a coin flip.

    >>> [round(progression_chance(now, 50, sum_sd_mm=2), 3) for now in (58, 60, 64)]
    [0.24, 0.5, 0.921]
    """
    needed = max(PROGRESSION_FRACTION * nadir_mm, PROGRESSION_MIN_MM)
    z = (needed - (now_mm - nadir_mm)) / (sum_sd_mm * sqrt(2))
    return 0.5 * (1 - erf(z / sqrt(2)))


def category_chances(
    criterion: Criterion, timepoints: Sequence[Timepoint], noise: Noise, *, draws: int = DRAWS, seed: int = SEED
) -> tuple[Chances, ...]:
    """The chance of each category at every visit: every size is drawn anew around its reading, and the rules run again.

    What was absent, too small or not assessed stays so: the error is of measuring, not of seeing.

    Raises:
        HistoryError: The criterion refuses the history.
    """
    reported = criterion.assess(timepoints).timepoints
    rng = np.random.default_rng(seed)
    categories: list[Counter[str]] = [Counter() for _ in reported]
    sums: list[list[float]] = [[] for _ in reported]
    for _ in range(draws):
        answer = criterion.assess([_redrawn(visit, noise, rng) for visit in timepoints])
        for index, row in enumerate(answer.timepoints):
            categories[index][row.overall] += 1
            if row.sum is not None:
                sums[index].append(row.sum)
    return tuple(
        Chances(
            timepoint=row.timepoint,
            reported=row.overall,
            chances={name: count / draws for name, count in categories[index].most_common()},
            sum_low=float(np.percentile(sums[index], 2.5)) if sums[index] else None,
            sum_high=float(np.percentile(sums[index], 97.5)) if sums[index] else None,
        )
        for index, row in enumerate(reported)
    )


def changed(timepoints: Sequence[Timepoint], visit: int, lesion: str, by_mm: float) -> tuple[Timepoint, ...]:
    """The history with one lesion longer by so much at one visit; its other sizes scale with it."""
    here = timepoints[visit]
    lesions = tuple(_longer(reading, by_mm) if reading.id == lesion else reading for reading in here.lesions)
    return (*timepoints[:visit], replace(here, lesions=lesions), *timepoints[visit + 1 :])


def flips(
    criterion: Criterion, timepoints: Sequence[Timepoint], *, visit: int = -1, reach_mm: int = 30
) -> tuple[Flip, ...]:
    """For every measured lesion of a visit, the smallest change of its length that changes the visit's answer.

    Args:
        visit: Index of the visit; the last unless given.
        reach_mm: Changes are looked for up to here.
    """
    visit %= len(timepoints)
    label = timepoints[visit].label
    found = []
    for reading in timepoints[visit].lesions:
        if reading.status is LesionStatus.MEASURED and _length(reading):
            larger_mm, larger = _flip(criterion, timepoints, visit, reading, sign=1.0, reach=reach_mm)
            least = min(reach_mm, int(_length(reading) or 0))
            smaller_mm, smaller = _flip(criterion, timepoints, visit, reading, sign=-1.0, reach=least)
            found.append(Flip(label, reading.id, larger_mm, larger, smaller_mm, smaller))
    return tuple(found)


def _flip(
    criterion: Criterion,
    timepoints: Sequence[Timepoint],
    visit: int,
    reading: LesionReading,
    *,
    sign: float,
    reach: int,
) -> tuple[float | None, str]:
    """In steps of a millimetre to the first other answer, then in tenths back to where it begins."""
    label = timepoints[visit].label

    def answer(by_mm: float) -> str:
        rows = criterion.assess(changed(timepoints, visit, reading.id, sign * by_mm)).timepoints
        return next((row.overall for row in rows if row.timepoint == label), "")

    now = answer(0.0)
    for step in range(1, reach + 1):
        if answer(step * COARSE_MM) != now:
            for fine in range(1, FINE_STEPS + 1):
                by_mm = (step - 1) * COARSE_MM + fine * COARSE_MM / FINE_STEPS
                category = answer(by_mm)
                if category != now:
                    return round(by_mm, 1), category
    return None, ""


def _redrawn(visit: Timepoint, noise: Noise, rng: np.random.Generator) -> Timepoint:
    error = error_at(visit, noise.length_mm)
    return replace(visit, lesions=tuple(_redrawn_lesion(lesion, noise, error, rng) for lesion in visit.lesions))


def _redrawn_lesion(lesion: LesionReading, noise: Noise, size: Error, rng: np.random.Generator) -> LesionReading:
    if lesion.status is not LesionStatus.MEASURED:
        return lesion
    errors, size = rng.standard_normal(6), error_of(lesion, size)

    def length(value: float | None, error: float) -> float | None:
        return value if not value else max(LEAST_MM, value + error * size.length_sd_mm(value))

    def share(value: float | None, error: float, percent: float) -> float | None:
        return value if not value else value * max(0.01, 1 + error * percent / 100)

    def volume(value: float | None, error: float) -> float | None:
        if not value or noise.volume_percent is not None:
            return share(value, error, noise.volume_percent or 0.0)
        return value * max(0.1, 1 + error * size.sphere_sd_mm(value) / sphere_mm(value)) ** 3

    return replace(
        lesion,
        longest_mm=length(lesion.longest_mm, errors[0]),
        viable_mm=length(lesion.viable_mm, errors[0]),
        short_axis_mm=length(lesion.short_axis_mm, errors[1]),
        perpendicular_mm=length(lesion.perpendicular_mm, errors[2]),
        volume_ml=volume(lesion.volume_ml, errors[3]),
        suv_peak=share(lesion.suv_peak, errors[4], noise.uptake_percent),
        tlg=share(lesion.tlg, errors[4], noise.uptake_percent),
        hu_mean=None if lesion.hu_mean is None else lesion.hu_mean + errors[5] * noise.density_hu,
    )


def _longer(lesion: LesionReading, by_mm: float) -> LesionReading:
    length = _length(lesion)
    if not length:
        return lesion
    factor = max(LEAST_MM, length + by_mm) / length

    def times(value: float | None, power: int = 1) -> float | None:
        return None if value is None else value * factor**power

    return replace(
        lesion,
        longest_mm=times(lesion.longest_mm),
        viable_mm=times(lesion.viable_mm),
        short_axis_mm=times(lesion.short_axis_mm),
        perpendicular_mm=times(lesion.perpendicular_mm),
        volume_ml=times(lesion.volume_ml, 3),
    )


def _length(lesion: LesionReading) -> float | None:
    """The length that an error in millimetres is of: of a node the short axis, else the longest, or a sphere's."""
    length = lesion.short_axis_mm if lesion.node and lesion.short_axis_mm else lesion.longest_mm
    if length is None and lesion.volume_ml:
        return float((6000 * lesion.volume_ml / pi) ** (1 / 3))
    return length
