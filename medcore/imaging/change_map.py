"""What changed between two aligned scans, voxel by voxel, in units of the noise of unchanged tissue."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy.typing import NDArray
from scipy import ndimage, special

from medcore.errors import N_, CancelledError, GeometryError, Message
from medcore.imaging.itk import to_geometry, to_image, to_voxels
from medcore.imaging.registration.alignment import Alignment
from medcore.volume import Geometry, Mask, Scale, Unit, Volume

Singles = NDArray[np.float32]
Bools = NDArray[np.bool_]
Progress = Callable[[float, Message], None]
MOST_VOXELS = 5_000_000  # of the grid that differences are taken on; a finer scan is averaged first
FALSE_DISCOVERIES = 0.05  # share of the marked voxels that may be noise (Benjamini and Hochberg 1995)
LEAST_Z = 3.0  # however many voxels changed
WINDOW_MM = 20.0  # of the slow field and of the local noise: standard deviation of a Gaussian
EDGE_BINS = 24  # of how steep the scan is: a place near an edge differs by the slightest shift
LEAST_NOISE = 0.002  # of the range of grey values: no scan is less noisy
FIT_POINTS = 60_000
TUKEY = 4.685  # beyond so many spreads a place has no say in the fit of grey values (Beaton and Tukey 1974)
REACH = N_(
    "Both scans are smoothed by a voxel first, so a mark reaches one to two voxels beyond what changed: it covers more "
    "than a lesion gained or lost, which the masks tell."
)
ABSOLUTE = (Unit.HU, Unit.SUV)  # their numbers mean the same in every scan, so no gain is fitted


@dataclass(frozen=True, slots=True, eq=False)
class ChangeMap:
    """Where the later scan differs from the baseline by more than noise.

    Args:
        z: (S, R, C) on the baseline's grid: difference over the noise of unchanged tissue there; positive where the
            later scan is brighter, 0 where not both scans show the patient.
        compared: (S, R, C), true where both show the patient.
        marked: (S, R, C), true where the difference is significant and not a lone speck.
        threshold: |z| from which a difference counts: by the rate of false discoveries, at least `LEAST_Z`.
        gain, offset: Later grey values times `gain` plus `offset` are those of the baseline.
        noise: Median over unchanged tissue of the standard deviation of the difference, in the baseline's unit.
        geometry: Of the baseline.
    """

    z: Singles
    compared: Bools
    marked: Bools
    threshold: float
    gain: float
    offset: float
    noise: float
    geometry: Geometry

    @property
    def share(self) -> float:
        """Share of what was compared that is marked."""
        seen = int(np.count_nonzero(self.compared))
        return int(np.count_nonzero(self.marked)) / seen if seen else 0.0

    @property
    def brighter_ml(self) -> float | None:
        """Volume that became brighter; None without true millilitres."""
        return self._ml(self.marked & (self.z > 0))

    @property
    def darker_ml(self) -> float | None:
        """Volume that became darker; None without true millilitres."""
        return self._ml(self.marked & (self.z < 0))

    def _ml(self, inside: Bools) -> float | None:
        known = self.geometry.scale is Scale.PATIENT
        return int(np.count_nonzero(inside)) * self.geometry.voxel_ml if known else None


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Both scans on one working grid: (S, R, C) smoothed values, and where both show the patient."""

    fixed: Singles
    moving: Singles
    body: Bools
    grid: sitk.Image
    sigmas: tuple[float, ...]


def change_map(
    fixed: Volume,
    moving: Volume,
    alignment: Alignment,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ChangeMap:
    """Compare two aligned scans voxel by voxel.

    Both are smoothed by about a voxel. Grey values without a unit are brought together by a robust gain and offset and
    by a slow field (coil sensitivity), all fitted where nothing changed. The noise of a place is the robust spread of
    the difference at places as steep, times how much more than that unchanged tissue around it differs. A diffuse
    change wider than the slow field's window is partly taken for that field and lost, except in HU and SUV.

    Raises:
        GeometryError: One of them is not a volume.
        CancelledError: `cancelled` became true.
    """
    for volume in (fixed, moving):
        if volume.shape[0] < 2 or volume.unit is Unit.RGB:
            raise GeometryError(
                N_("A map of change needs grey volumes; {name} is none."),
                hint=N_("Radiographs are compared by the answers of a model."),
                name=volume.name,
            )

    def step(fraction: float, text: str) -> None:
        if cancelled is not None and cancelled():
            raise CancelledError(N_("Stopped."))
        if progress is not None:
            progress(fraction, Message(text))

    step(0.0, N_("Bringing both scans onto one grid"))
    pair = _pair(fixed, moving, alignment)
    step(0.3, N_("Matching grey values"))
    gain, offset = (1.0, 0.0) if {fixed.unit, moving.unit} <= set(ABSOLUTE) else _fitted(pair)
    matched = pair.moving * np.float32(gain) + np.float32(offset)
    steep = _steepness(pair.fixed, matched)
    unchanged = pair.body
    for _ in range(2):  # the second time without what the first time found
        level = matched if fixed.unit in ABSOLUTE else matched * _slow_gain(pair, matched, unchanged)
        step(0.6, N_("Measuring the noise of unchanged tissue"))
        difference = level - pair.fixed
        noise = _noise(pair, difference, steep, unchanged)
        z = np.where(pair.body, difference / noise, 0.0).astype(np.float32)
        threshold = _threshold(z[pair.body])
        unchanged = pair.body & ~ndimage.binary_dilation(np.abs(z) > LEAST_Z, iterations=1)
    marked = _without_specks(np.abs(z) >= threshold, pair)
    step(0.9, N_("Writing the map"))
    typical = float(np.median(noise[unchanged])) if unchanged.any() else 0.0
    out = [_back(part.astype(np.float32), pair.grid, fixed) for part in (z, pair.body, marked)]
    compared = out[1] > 0.5
    return ChangeMap(
        np.where(compared, out[0], 0.0).astype(np.float32), compared, (out[2] > 0.5) & compared, threshold, gain,
        offset, typical, fixed.geometry,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class MaskChange:
    """How a mask grew and shrank, on the baseline's grid.

    Args:
        labels: (S, R, C): 1 gained, 2 lost, 3 kept; 0 outside both.
        geometry: Of the baseline.
    """

    labels: NDArray[np.uint8]
    geometry: Geometry

    def voxels(self, label: int) -> int:
        """How many voxels carry a label."""
        return int(np.count_nonzero(self.labels == label))

    def ml(self, label: int) -> float | None:
        """Their volume; None where the scan has none."""
        return self.voxels(label) * self.geometry.voxel_ml if self.geometry.scale is Scale.PATIENT else None

    @property
    def mask(self) -> Mask:
        """The same with names."""
        return Mask(self.labels, {GAINED: N_("gained"), LOST: N_("lost"), KEPT: N_("kept")}, self.geometry)


GAINED, LOST, KEPT = 1, 2, 3


def mask_change(before: Mask, after: Mask, alignment: Alignment) -> MaskChange:
    """Voxels gained, lost and kept between the mask of the baseline and that of a later scan.

    A border that the alignment misses by a fraction of a voxel gains on one side what it loses on the other, so the
    difference of both is surer than either.
    """
    first = before.labels > 0
    second = alignment.carried_mask(after, before.geometry, first.shape).labels > 0
    labels = np.select([second & ~first, first & ~second, first & second], [GAINED, LOST, KEPT], 0)
    return MaskChange(labels.astype(np.uint8), before.geometry)


def _pair(fixed: Volume, moving: Volume, alignment: Alignment) -> _Pair:
    near = _shrunk(fixed, _factors(fixed.shape))
    steps = np.array(near.GetSpacing()[::-1])
    far = _shrunk(
        moving, [max(1, int(here // there)) for here, there in zip(steps, moving.geometry.steps, strict=True)]
    )
    geometry = to_geometry(near, fixed.geometry)
    shape = near.GetSize()[::-1]
    source = Volume(to_voxels(far), Unit.GREY, "", to_geometry(far, moving.geometry))
    seen = Mask(np.ones(source.shape, dtype=np.uint8), {1: ""}, source.geometry)
    inside = alignment.carried_mask(seen, geometry, shape).labels > 0
    coarser = max(float(np.sqrt(steps[1] * steps[2])), float(np.sqrt(np.prod(source.geometry.steps[1:]))))
    sigmas = tuple(min(coarser / step, 2.0) for step in steps)
    first = ndimage.gaussian_filter(to_voxels(near), sigmas, truncate=3.0)
    carried = alignment.carried(source, geometry, shape).astype(np.float32)
    second = ndimage.gaussian_filter(carried, sigmas, truncate=3.0)
    reach = [2 * math.ceil(2.5 * sigma) + 1 for sigma in sigmas]  # so far does smoothing mix the outside in
    edge = ndimage.minimum_filter(inside, size=reach, mode="nearest")
    return _Pair(first, second, _body(first) & edge, near, sigmas)


def _factors(shape: Sequence[int]) -> list[int]:
    """How many voxels become one along each axis: rows and columns first, so that a finer scan is quick enough too."""
    factors = [1, 1, 1]
    while math.prod(count / factor for count, factor in zip(shape, factors, strict=True)) > MOST_VOXELS:
        size = [count / factor for count, factor in zip(shape, factors, strict=True)]
        factors[int(np.argmax(size))] += 1
    return factors


def _shrunk(volume: Volume, factors: Sequence[int]) -> sitk.Image:
    image = sitk.Cast(to_image(volume.voxels, volume.geometry), sitk.sitkFloat32)
    capped = [min(factor, count) for factor, count in zip(factors, volume.shape, strict=True)]
    return sitk.BinShrink(image, capped[::-1]) if max(capped) > 1 else image


def _body(values: Singles) -> Bools:
    """The patient: brighter than Otsu's threshold, with what such tissue encloses in a slice (lungs)."""
    low, high = np.percentile(values, (0.5, 99.5))
    image = sitk.GetImageFromArray(np.clip(values, low, high))
    bright = to_voxels(sitk.OtsuThreshold(image, 0, 1, 128)).astype(bool)
    bright |= values > low + 0.15 * (high - low)  # dark tissue beside bright fat
    return np.stack([ndimage.binary_fill_holes(one) for one in ndimage.binary_opening(bright, iterations=1)])


def _fitted(pair: _Pair) -> tuple[float, float]:
    """Gain and offset from the later scan's grey values to the baseline's, by a robust line fitted both ways."""
    chosen = np.flatnonzero(pair.body)
    chosen = chosen[:: max(1, len(chosen) // FIT_POINTS)]
    first, second = pair.fixed.ravel()[chosen].astype(float), pair.moving.ravel()[chosen].astype(float)
    if len(chosen) < 100 or first.std() == 0 or second.std() == 0:
        return 1.0, 0.0
    there, back = _line(second, first), _line(first, second)
    gain = math.sqrt(max(there[0], 1e-6) / max(back[0], 1e-6))  # noise in one of them alone would flatten the line
    return gain, float(np.median(first - gain * second))


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset by least squares with Tukey's weights."""
    weights = np.ones_like(x)
    slope, offset = 1.0, 0.0
    for _ in range(12):
        mean_x, mean_y = np.average(x, weights=weights), np.average(y, weights=weights)
        away = x - mean_x
        slope = float((weights * away * (y - mean_y)).sum() / max(float((weights * away**2).sum()), 1e-12))
        offset = float(mean_y - slope * mean_x)
        left = y - slope * x - offset
        spread = 1.4826 * float(np.median(np.abs(left))) + 1e-9
        weights = np.square(1 - np.square(np.clip(left / (TUKEY * spread), -1, 1))) + 1e-9
    return slope, offset


def _steepness(first: Singles, second: Singles) -> Singles:
    """How much brightness changes from voxel to voxel, the mean of both scans."""
    parts = [
        np.sqrt(sum(np.square(np.gradient(one, axis=axis)) for axis in range(3) if one.shape[axis] > 1))
        for one in (first, second)
    ]
    return np.asarray((parts[0] + parts[1]) / 2, dtype=np.float32)


def _slow_gain(pair: _Pair, matched: Singles, unchanged: Bools) -> Singles:
    """Local gain that makes unchanged tissue agree, by least squares in a wide window."""
    weights = unchanged.astype(np.float32)
    across = _wide(weights * pair.fixed * matched, pair.grid)
    own = _wide(weights * matched * matched, pair.grid)
    enough = _wide(weights, pair.grid) > 0.02
    return np.where(enough & (own > 0), np.clip(across / np.maximum(own, 1e-6), 0.5, 2.0), 1.0).astype(np.float32)


def _noise(pair: _Pair, difference: Singles, steep: Singles, unchanged: Bools) -> Singles:
    """Standard deviation of the difference at each place if nothing changed there."""
    low, high = np.percentile(pair.fixed[pair.body], (1, 99)) if pair.body.any() else (0.0, 1.0)
    edges, spreads = _by_steepness(difference[unchanged], steep[unchanged], least=LEAST_NOISE * float(high - low))
    usual = np.interp(steep, edges, spreads).astype(np.float32)
    ratio = np.where(unchanged, np.square(difference / usual), 0.0).astype(np.float32)
    weight = _wide(unchanged.astype(np.float32), pair.grid)
    local = np.sqrt(_wide(ratio, pair.grid) / np.maximum(weight, 1e-3))
    return usual * np.where(weight > 0.02, np.maximum(local, 1.0), 1.0).astype(np.float32)


def _by_steepness(
    difference: Singles, steep: Singles, *, least: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle steepness of each bin and the robust spread of the difference in it."""
    if len(steep) < EDGE_BINS:
        return np.array([0.0]), np.array([max(float(np.std(difference)) if len(difference) else 1.0, least, 1e-6)])
    ends = np.quantile(steep, np.linspace(0, 1, EDGE_BINS + 1))
    numbers = np.clip(np.searchsorted(ends, steep, side="right") - 1, 0, EDGE_BINS - 1)
    apart = np.abs(difference)
    overall = max(_spread(apart), least, 1e-6)
    middles, spreads = [], []
    for number in range(EDGE_BINS):
        inside = numbers == number
        if inside.any():
            middles.append(float(np.median(steep[inside])))
            spreads.append(max(_spread(apart[inside]), least, 0.2 * overall))
    return np.array(middles), np.array(spreads)


def _spread(apart: Singles) -> float:
    """Standard deviation by the middle and by nine tenths of the distances, the larger: tails of edges count."""
    half, most = np.quantile(apart, (0.5, 0.9))
    return float(max(half / 0.6745, most / 1.6449))


def _threshold(z: Singles) -> float:
    """Smallest |z| at which the expected share of false marks stays below `FALSE_DISCOVERIES`."""
    ordered = np.sort(np.abs(z))[::-1]
    chance = special.erfc(ordered.astype(np.float64) / math.sqrt(2))
    good = chance <= FALSE_DISCOVERIES * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    return max(LEAST_Z, float(ordered[np.flatnonzero(good)[-1]])) if good.any() else 6.0


def _without_specks(marked: Bools, pair: _Pair) -> Bools:
    """Connected marks of one sign at least as large as what smoothing makes of a single voxel."""
    least = max(8, round(math.prod(2.355 * max(sigma, 0.6) for sigma in pair.sigmas)))
    numbered, count = ndimage.label(marked)
    if not count:
        return marked
    sizes = np.bincount(numbered.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= least)[numbered])


def _wide(values: Singles, grid: sitk.Image) -> Singles:
    """The mean in a wide window around each place, computed on a coarse copy."""
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(grid)
    sides = zip(grid.GetSpacing(), grid.GetSize(), strict=True)
    factors = [max(1, min(int(WINDOW_MM / 3 / mm), count)) for mm, count in sides]
    coarse = sitk.BinShrink(image, factors)
    sigmas = [WINDOW_MM / mm for mm in coarse.GetSpacing()[::-1]]
    smooth = sitk.GetImageFromArray(ndimage.gaussian_filter(to_voxels(coarse), sigmas, mode="constant", truncate=3.0))
    smooth.CopyInformation(coarse)
    return to_voxels(_onto(smooth, grid)).astype(np.float32)


def _back(values: Singles, grid: sitk.Image, scan: Volume) -> Singles:
    """Values of the working grid on the scan's own."""
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(grid)
    if values.shape == scan.shape:
        return values
    own = to_image(np.broadcast_to(np.uint8(0), scan.shape), scan.geometry)
    return to_voxels(_onto(image, own)).astype(np.float32)


def _onto(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Linear between voxels; beyond the outermost centre what is there: a coarse grid ends short of a fine one."""
    resample = sitk.ResampleImageFilter()
    resample.SetReferenceImage(grid)
    resample.SetInterpolator(sitk.sitkLinear)
    resample.UseNearestNeighborExtrapolatorOn()
    resample.SetNumberOfThreads(1)
    return resample.Execute(image)
