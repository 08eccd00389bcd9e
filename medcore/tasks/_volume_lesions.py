"""From votes to a mask: pieces large enough, each measured, with an interval of its volume and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import bool_, float32, uint8
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging.lesions import Extent, lesion_voxels, pieces
from medcore.predictions import Lesion
from medcore.volume import Array, Geometry, Mask, Scale

AROUND = 0.25  # of a lesion's size: how far from it voxels of another vote still are the same lesion
LARGEST_SHARE = 0.05  # of the largest piece of a piece that is kept: crumbs beside it are its ragged edge
LEAST_AROUND = 2  # voxels


def large_pieces(inside: NDArray[bool_], least_voxels: float) -> NDArray[bool_]:
    """A region without its small pieces."""
    sizes = [(corner, piece, int(piece.sum())) for corner, piece in pieces(inside)]
    most = max((count for _, _, count in sizes), default=0)
    kept = np.zeros_like(inside)
    for corner, piece, count in sizes:
        if count >= max(least_voxels, LARGEST_SHARE * most):
            kept[_box(corner, piece.shape)] |= piece
    return kept


def measured_lesions(
    mask: Mask,
    probability: NDArray[float32],
    members: Sequence[NDArray[uint8]],
    *,
    threshold: float,
    scale: Scale,
) -> tuple[Lesion, ...]:
    """The lesions of a mask, the largest first, named "1", "2" ...

    Args:
        probability: (S, R, C) of the vote.
        members: Each (S, R, C) uint8, single votes, for the interval of the volume; without any there is none.
        threshold: Probability from which a voxel belongs to a lesion.
        scale: NONE gives counts of voxels, but neither mm nor ml.
    """
    own = Mask(mask.labels, mask.names, Geometry(mask.geometry.affine, scale, mask.geometry.frame_of_reference))
    found = lesion_voxels(own)
    everything = np.asarray(mask.labels > 0)
    lesions = []
    for number, (extent, inside) in enumerate(found, start=1):
        counts = [_count(member, threshold, extent, inside, everything) for member in members]
        sure = float(probability[_box(extent.corner, inside.shape)][inside].max())
        votes = [*counts, extent.voxels] if counts else []
        lesions.append(_lesion(str(number), own, extent, votes, sure))
    return tuple(lesions)


def _lesion(name: str, mask: Mask, extent: Extent, counts: list[int], probability: float) -> Lesion:
    ml = extent.voxel_ml
    without = extent.scale is Scale.NONE
    centre = mask.geometry.to_index(np.asarray(extent.centre)).tolist()
    return Lesion(
        id=name,
        label=mask.names[extent.label],
        volume_ml=extent.volume_ml,
        longest_mm=None if without else extent.longest_mm,
        short_axis_mm=None if without else extent.short_axis_mm,
        centre_lps_mm=None if without else extent.centre,
        voxels=extent.voxels,
        centre_index=(centre[0], centre[1], centre[2]),
        slice_index=extent.diameters.slice_index,
        product_mm2=None if without else extent.diameters.product,
        volume_low_ml=None if ml is None or not counts else min(counts) * ml,
        volume_high_ml=None if ml is None or not counts else max(counts) * ml,
        voxels_low=min(counts, default=None),
        voxels_high=max(counts, default=None),
        probability=probability,
    )


def _count(
    member: NDArray[uint8], threshold: float, extent: Extent, inside: NDArray[bool_], everything: NDArray[bool_]
) -> int:
    """Voxels that one vote gives to a lesion: in it or close to it, and in no other."""
    margins = [max(LEAST_AROUND, round(AROUND * size)) for size in inside.shape]
    low = [max(0, c - m) for c, m in zip(extent.corner, margins, strict=True)]
    high = [min(n, c + s + m) for n, c, s, m in zip(member.shape, extent.corner, inside.shape, margins, strict=True)]
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    own = np.zeros([b - a for a, b in zip(low, high, strict=True)], dtype=bool)
    own[tuple(slice(c - a, c - a + s) for c, a, s in zip(extent.corner, low, inside.shape, strict=True))] = inside
    others = everything[window] & ~own
    near = ndimage.binary_dilation(own, iterations=min(margins))
    return int(((member[window] >= threshold * 255) & near & ~others).sum())


def _box(corner: tuple[int, int, int], shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(c, c + n) for c, n in zip(corner, shape, strict=True))


def presence(probability: Array) -> tuple[float, ...]:
    """For each slice the largest probability in it."""
    return tuple(round(float(plane.max()), 4) for plane in probability)
