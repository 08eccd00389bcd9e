"""Diffuse disease over time: measures of a whole image, where there are no single lesions to follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medcore.errors import N_
from medcore.imaging.registration.alignment import Alignment
from medcore.imaging.uptake import Uptake, uptake
from medcore.volume import Mask, Scale, Unit, Volume

Singles = NDArray[np.float32]
HOT = 0.5  # of the highest heat of the series: a place at least as warm counts as involved
CHANGED = 0.25  # of the same: heat that rose or fell by so much at a place

OPACITY_SCORE = N_(
    "Opacity score: 100 × the model's probability × the share of the expected lung field whose heat is at least half "
    "of the highest heat of this series. It orders the studies of one patient read by one model. It is no percentage "
    "of lung, no severity score of any guideline, and not comparable between patients or models."
)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a model said of one radiograph.

    Args:
        scan: The radiograph.
        probability: Of the label that is followed.
        heat: (1, R, C) on the radiograph's grid, in units of the label's logit; never negative.
        field: (1, R, C), true where the lungs are expected.
    """

    scan: Volume
    probability: float
    heat: Singles
    field: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Opacity:
    """A radiograph in figures.

    Args:
        probability: Of the label.
        involved: Share of the expected lung field that is hot (`HOT`).
        in_field: Share of all heat that lies in the expected lung field: the rest is outside, where no lung is.
    """

    probability: float
    involved: float
    in_field: float

    @property
    def score(self) -> float:
        """See `OPACITY_SCORE`; 0..100."""
        return 100 * self.probability * self.involved


@dataclass(frozen=True, slots=True, eq=False)
class HeatChange:
    """How the heat of a later radiograph differs from that of the baseline, at the same place of the chest.

    Args:
        difference: (1, R, C) on the baseline's grid, -1..1 of the highest heat of the series; 0 outside the overlap.
        more: Share of the baseline's lung field where the heat rose by `CHANGED` or more.
        less: Where it fell by as much.
    """

    difference: Singles
    more: float
    less: float


def opacities(series: Sequence[Look]) -> tuple[Opacity, ...]:
    """The figures of each radiograph of one patient, on one scale."""
    peak = _peak(series)
    return tuple(
        Opacity(one.probability, _share(one.heat >= HOT * peak, one.field) if peak else 0.0, _inside(one))
        for one in series
    )


def heat_changes(
    series: Sequence[Look], alignments: Sequence[Alignment], *, accepted: bool = False
) -> tuple[HeatChange | None, ...]:
    """Heat of each later radiograph against the first one's; None where the alignment is in doubt.

    Args:
        alignments: Of each later radiograph onto the first.
        accepted: The reader looked at the doubtful alignments and takes them.
    """
    first, peak = series[0], _peak(series)
    found: list[HeatChange | None] = []
    for later, alignment in zip(series[1:], alignments, strict=True):
        if not (alignment.trust.trusted or accepted):
            found.append(None)
            continue
        heat = Volume(later.heat, Unit.GREY, "", later.scan.geometry)
        there = alignment.carried(heat, first.scan.geometry, first.scan.shape)
        seen = Mask(np.ones(later.scan.shape, dtype=np.uint8), {1: ""}, later.scan.geometry)
        both = alignment.carried_mask(seen, first.scan.geometry, first.scan.shape).labels > 0
        apart = np.where(both, there - first.heat, 0.0) / peak if peak else np.zeros_like(first.heat)
        difference = np.asarray(apart, dtype=np.float32)
        found.append(
            HeatChange(
                difference, _share(difference >= CHANGED, first.field), _share(difference <= -CHANGED, first.field)
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Burden:
    """All lesions of one study together.

    Args:
        lesions: How many.
        volume_ml: None where the scan has no true millilitres.
        voxels: Of all of them.
        uptake: Of a PET scan in SUV; None otherwise.
    """

    lesions: int
    volume_ml: float | None
    voxels: int
    uptake: Uptake | None


def burden(scan: Volume, mask: Mask, lesions: int) -> Burden:
    """The whole of a mask: volume and, in SUV, the uptake with total lesion glycolysis."""
    inside = mask.labels > 0
    voxels = int(np.count_nonzero(inside))
    ml = voxels * mask.geometry.voxel_ml if mask.geometry.scale is Scale.PATIENT else None
    return Burden(lesions, ml, voxels, uptake(scan, inside) if scan.unit is Unit.SUV and voxels else None)


def _peak(series: Sequence[Look]) -> float:
    return max((float(one.heat.max()) for one in series), default=0.0)


def _share(true: NDArray[np.bool_], within: NDArray[np.bool_]) -> float:
    count = int(np.count_nonzero(within))
    return int(np.count_nonzero(true & within)) / count if count else 0.0


def _inside(one: Look) -> float:
    whole = float(one.heat.sum())
    return float(one.heat[one.field].sum()) / whole if whole else 0.0
