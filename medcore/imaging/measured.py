"""The lesions of a mask as records: each connected piece with its sizes, where the scan has millimetres."""

from __future__ import annotations

import numpy as np

from medcore.imaging.lesions import Extent, lesions
from medcore.predictions import Lesion
from medcore.volume import Geometry, Mask, Scale, Triple


def measured(mask: Mask, *, at_least_voxels: int = 1) -> tuple[Lesion, ...]:
    """Every connected piece of every label, the largest first; ids are "1", "2" ...

    Args:
        at_least_voxels: Smaller pieces are left out.
    """
    found = lesions(mask, at_least_voxels=at_least_voxels)
    return tuple(to_lesion(extent, mask, id=str(number)) for number, extent in enumerate(found, start=1))


def to_lesion(extent: Extent, mask: Mask, *, id: str) -> Lesion:  # noqa: A002  (as the record calls it)
    """One piece of a mask as a record."""
    scaled = extent.scale is not Scale.NONE
    longest, across = extent.diameters.longest, extent.diameters.perpendicular
    return Lesion(
        id=id,
        label=mask.names[extent.label],
        volume_ml=extent.volume_ml,
        longest_mm=longest if scaled else None,
        short_axis_mm=across if scaled else None,
        centre_lps_mm=extent.centre if extent.scale is Scale.PATIENT else None,
        voxels=extent.voxels,
        centre_index=index_of(extent.centre, mask.geometry),
        slice_index=extent.diameters.slice_index,
        product_mm2=longest * across if scaled else None,
    )


def index_of(place: Triple, geometry: Geometry) -> Triple:
    """A place in the geometry's world as (slice, row, column), not rounded."""
    s, r, c = geometry.to_index(np.array(place)).tolist()
    return s, r, c
