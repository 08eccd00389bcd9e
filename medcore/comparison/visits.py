"""One visit of a comparison: its scan, its lesions, and how it lies on the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medcore.comparison.uncertainty import sphere_mm
from medcore.comparison.whole_image import Burden, burden
from medcore.imaging.lesions import Extent, lesion_voxels
from medcore.imaging.registration.alignment import Alignment
from medcore.imaging.uptake import Uptake, uptake
from medcore.volume import Geometry, Mask, Scale, Triple, Unit, Volume

Floats = NDArray[np.float64]
POINTS = 3_000  # of one lesion; more of them do not change which lesion it is


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One lesion of one visit.

    Args:
        extent: Its size and place in its own scan.
        places: (N, 3) LPS mm of its voxels, at most `POINTS` of them, in the scan of the baseline.
        mean: Of its voxels, in the scan's unit.
        uptake: Of a PET scan in SUV; None otherwise.
        outline_sd_mm: Standard deviation of its diameter between varied passes of the model; 0 where nobody knows.
    """

    extent: Extent
    places: Floats
    mean: float
    uptake: Uptake | None = None
    outline_sd_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Outlined:
    """How sure a model was of the outline of one lesion.

    Args:
        voxels: Of the outline that counts: a lesion that a reader redrew has another number.
        centre: Its centre of mass in LPS mm.
        low_ml, high_ml: Its smallest and largest volume in varied passes of the model.
    """

    voxels: int
    centre: Triple
    low_ml: float
    high_ml: float

    @property
    def sd_mm(self) -> float:
        """Standard deviation of the diameter of its sphere: half the range, which is right for four to five passes.

        The range of n normal numbers is 2.06 (n = 4) to 2.33 (n = 5) standard deviations wide.
        """
        return (sphere_mm(self.high_ml) - sphere_mm(self.low_ml)) / 2

    def is_of(self, extent: Extent, voxel_mm: float) -> bool:
        """Whether this is the lesion."""
        away = float(np.linalg.norm(np.subtract(extent.centre, self.centre)))
        return extent.voxels == self.voxels and away <= voxel_mm


@dataclass(frozen=True)
class Visit:
    """A time point that was imaged.

    Args:
        label: What to call it.
        acquired_on: Its date; None if unknown.
        scan: The volume that was read.
        mask: Lesions on the grid of that volume.
        alignment: From the baseline to this visit; None for the baseline itself.
        true_scale: Whether the header's millimetres can be believed.
        least_mm: A connected piece whose longest diameter is shorter is a speck, no lesion (3 mm: the usual limit for
            lesions of multiple sclerosis, MAGNIMS 2016).
        least_voxels: The same where millimetres mean nothing.
        outlined: How sure a model was of the lesions that it outlined.
    """

    label: str
    acquired_on: date | None
    scan: Volume
    mask: Mask
    alignment: Alignment | None = None
    true_scale: bool = True
    least_mm: float = 3.0
    least_voxels: int = 10
    outlined: tuple[Outlined, ...] = ()

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Its lesions, the largest first."""
        found = [(extent, inside) for extent, inside in lesion_voxels(self.mask) if self._is_lesion(extent)]
        return tuple(self._piece(extent, inside) for extent, inside in found)

    @cached_property
    def burden(self) -> Burden:
        """All that its mask holds, specks included, and how many lesions that are."""
        return burden(self.scan, self.mask, len(self.pieces))

    @cached_property
    def specks(self) -> int:
        """Connected pieces that are too small to be lesions."""
        return len(lesion_voxels(self.mask)) - len(self.pieces)

    def numbered(self) -> NDArray[np.uint8]:
        """(S, R, C): 1 in the first of `pieces`, 2 in the second ... up to 254, 0 elsewhere."""
        out = np.zeros(self.mask.labels.shape, dtype=np.uint8)
        found = [(extent, inside) for extent, inside in lesion_voxels(self.mask) if self._is_lesion(extent)]
        for number, (extent, inside) in enumerate(found[:254], start=1):
            box = tuple(slice(at, at + size) for at, size in zip(extent.corner, extent.size, strict=True))
            out[box][inside] = number
        return out

    @property
    def sized(self) -> bool:
        """Whether lengths of this scan are millimetres."""
        return self.true_scale and self.scan.geometry.scale is not Scale.NONE

    def _is_lesion(self, extent: Extent) -> bool:
        return extent.longest_mm >= self.least_mm if self.sized else extent.voxels >= self.least_voxels

    def covers(self, places: Floats) -> float:
        """Share of places (N, 3) of the baseline that lie inside this visit's scan."""
        there = places if self.alignment is None else self.alignment.places_in_moving(places)
        index = self.scan.geometry.to_index(there)
        inside = (index >= -0.5) & (index <= np.array(self.scan.shape) - 0.5)
        return float(inside.all(axis=1).mean())

    def _piece(self, extent: Extent, inside: NDArray[np.bool_]) -> Piece:
        index = np.argwhere(inside) + extent.corner
        places = self.mask.geometry.to_lps(index[:: max(1, len(index) // POINTS)])
        box = tuple(slice(at, at + size) for at, size in zip(extent.corner, extent.size, strict=True))
        mean = float(self.scan.voxels[box][inside].mean())
        taken_up = uptake(self.scan, inside, corner=extent.corner) if self._in_suv else None
        there = places if self.alignment is None else self.alignment.places_in_fixed(places)
        longest = voxel_mm(self.mask.geometry)
        spread = max((one.sd_mm for one in self.outlined if one.is_of(extent, longest)), default=0.0)
        return Piece(extent, there, mean, taken_up, spread if self.sized else 0.0)

    @property
    def _in_suv(self) -> bool:
        return self.scan.unit is Unit.SUV and self.scan.geometry.scale is Scale.PATIENT


def voxel_mm(geometry: Geometry) -> float:
    """The longest side of a voxel."""
    return max(geometry.steps)
