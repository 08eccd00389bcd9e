"""Masks against drawn masks: Dice, surface distances in mm, and the error of the volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float64, int64
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from medcore.cards import Estimate
from medcore.evaluation.resampling import mean_estimate, median_estimate
from medcore.volume import Array

TOLERANCE_MM = 2.0  # surface within which two readers would agree; used by the surface Dice when nothing else is said
TOLERANCE_PIXELS = 2.0  # the same in pixels, for pictures that know no millimetres
LIMITS = 1.96  # standard deviations between which 95 % of differences lie (Bland & Altman 1986)


@dataclass(frozen=True, slots=True)
class MaskFigures:
    """One mask against its truth; distances are infinite when only one of them is empty, nan when both are."""

    dice: float
    surface_dice: float
    hd95_mm: float
    volume_error_ml: float
    relative_volume_error: float


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Agreement of volumes or areas: mean difference (found less true) and limits of agreement, in their unit."""

    bias: Estimate
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, eq=False)
class MaskCounts:
    """Pixels of N pictures.

    Args:
        drawn, found, both, whole: (N,) pixels of the drawn mask, of the found one, of both, and of the picture.
        group: (N,) patient or cluster.
        edges: (N, 2) HD95 in pixels and surface Dice, as `border_figures` gives them; None where nobody measured.
    """

    drawn: NDArray[int64]
    found: NDArray[int64]
    both: NDArray[int64]
    whole: NDArray[int64]
    group: Array
    edges: NDArray[float64] | None = None

    @property
    def dice(self) -> NDArray[float64]:
        """(N,): 1 for equal masks; not a number where nothing was drawn, for which the false regions speak."""
        with np.errstate(invalid="ignore"):
            dice = 2 * self.both / (self.drawn + self.found)
        return np.where(self.drawn > 0, dice, np.nan)

    def only(self, rows: Array) -> MaskCounts:
        """Those of some pictures."""
        return MaskCounts(
            drawn=self.drawn[rows],
            found=self.found[rows],
            both=self.both[rows],
            whole=self.whole[rows],
            group=self.group[rows],
            edges=None if self.edges is None else self.edges[rows],
        )

    @property
    def percent(self) -> tuple[NDArray[float64], NDArray[float64]]:
        """(N,) twice: found and drawn area in percent of the picture, which needs no millimetres."""
        return 100.0 * self.found / self.whole, 100.0 * self.drawn / self.whole


def mask_metrics(counts: MaskCounts) -> dict[str, Estimate]:
    """Mean and median Dice where something was drawn, share missed, share of clean pictures with a false region.

    Where borders were measured also their distance (of pictures with both masks) and their surface Dice, in which a
    missed mask counts 0.
    """
    ill = counts.drawn > 0
    dice, well = counts.dice, np.where(ill, np.nan, counts.found > 0)
    missed = np.where(ill, counts.both == 0, np.nan)
    found = {
        "dice_mean": mean_estimate(dice, counts.group),
        "dice_median": median_estimate(dice, counts.group),
        "missed_rate": mean_estimate(missed, counts.group),
        "false_region_rate": mean_estimate(well, counts.group),
    }
    if counts.edges is not None:
        apart, near = np.where(ill[:, None], counts.edges, np.nan).T
        found["surface_dice_mean"] = mean_estimate(near, counts.group)
        found["hd95_px_median"] = median_estimate(np.where(counts.found > 0, apart, np.nan), counts.group)
    return found


def border_figures(truth: NDArray[bool_], found: NDArray[bool_]) -> tuple[float, float]:
    """HD95 in pixels, not a number where a mask is empty, and surface Dice at TOLERANCE_PIXELS, of masks (R, C)."""
    figures = mask_figures(truth, found, (1.0, 1.0), tolerance_mm=TOLERANCE_PIXELS)
    return (figures.hd95_mm if np.isfinite(figures.hd95_mm) else float("nan")), figures.surface_dice


def mask_figures(
    truth: NDArray[bool_], found: NDArray[bool_], spacing_mm: Sequence[float], *, tolerance_mm: float = TOLERANCE_MM
) -> MaskFigures:
    """All figures of one mask (S, R, C) or (R, C).

    Args:
        spacing_mm: Size of a voxel along each axis.
        tolerance_mm: Of the normalised surface Dice (Nikolov et al. 2018).
    """
    litre = float(np.prod(spacing_mm)) / 1000
    error = (int(found.sum()) - int(truth.sum())) * litre
    there, here = surface_distances(truth, found, spacing_mm)
    near = int((there <= tolerance_mm).sum()) + int((here <= tolerance_mm).sum())
    surface = len(there) + len(here)
    return MaskFigures(
        dice=dice(truth, found),
        surface_dice=near / surface if surface else float("nan"),
        hd95_mm=_hd95(there, here),
        volume_error_ml=error,
        relative_volume_error=error / (truth.sum() * litre) if truth.any() else float("nan"),
    )


def dice(truth: NDArray[bool_], found: NDArray[bool_]) -> float:
    """Twice the shared voxels over all voxels of both; 1 when both are empty."""
    total = int(truth.sum()) + int(found.sum())
    return 2 * int((truth & found).sum()) / total if total else 1.0


def surface_distances(
    truth: NDArray[bool_], found: NDArray[bool_], spacing_mm: Sequence[float]
) -> tuple[NDArray[float64], NDArray[float64]]:
    """For each surface voxel of the one the distance in mm to the surface of the other, both ways."""
    if not truth.any() or not found.any():
        lonely = int(_surface(truth).sum()), int(_surface(found).sum())
        return np.full(lonely[0], np.inf), np.full(lonely[1], np.inf)
    box = _around(truth | found)
    edges = _surface(truth[box]), _surface(found[box])
    away = [distance_transform_edt(~edge, sampling=spacing_mm) for edge in edges]
    return away[1][edges[0]], away[0][edges[1]]


def _surface(mask: NDArray[bool_]) -> NDArray[bool_]:
    return np.asarray(mask & ~binary_erosion(mask), dtype=bool)


def _around(mask: NDArray[bool_]) -> tuple[slice, ...]:
    """The bounding box with one voxel of margin; far from it nothing changes a distance."""
    spans = []
    for axis in range(mask.ndim):
        rows = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        spans.append(slice(max(0, int(rows[0]) - 1), int(rows[-1]) + 2))
    return tuple(spans)


def _hd95(there: NDArray[float64], here: NDArray[float64]) -> float:
    if not len(there) and not len(here):
        return float("nan")
    if not len(there) or not len(here):
        return float("inf")
    return float(max(np.percentile(there, 95), np.percentile(here, 95)))


def bland_altman(found: Array, true: Array, group: Array) -> BlandAltman:
    """Agreement of measured with true volumes (N,), in any one unit."""
    gap = np.asarray(found, dtype=float64) - np.asarray(true, dtype=float64)
    spread = LIMITS * float(gap.std(ddof=1)) if len(gap) > 1 else float("nan")
    return BlandAltman(mean_estimate(gap, group), float(gap.mean()) - spread, float(gap.mean()) + spread)
