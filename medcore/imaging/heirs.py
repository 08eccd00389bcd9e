"""Which lesion of a mask became which one of the corrected mask: the one that shares most voxels keeps the name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.volume import Array

Corner = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Voxels of one lesion: true inside it, in its box.

    Args:
        corner: Index (slice, row, column) of the first voxel of the box.
        inside: (s, r, c).
    """

    corner: Corner
    inside: NDArray[np.bool_]


def heirs(before: Sequence[Piece], after: Sequence[Piece]) -> tuple[int | None, ...]:
    """For each piece of the corrected mask, the position in `before` of the lesion it continues; None for a new one.

    The pair that shares most voxels is settled first; each lesion has at most one heir, so that of two halves of a
    lesion the larger keeps its name and the other is new, and of two lesions that became one the larger gives its name.
    """
    shared = [
        (count, -a, -b)
        for a, now in enumerate(after)
        for b, former in enumerate(before)
        if (count := overlap(former, now))
    ]
    found: list[int | None] = [None] * len(after)
    for _, a, b in sorted(shared, reverse=True):
        if found[-a] is None and -b not in found:
            found[-a] = -b
    return tuple(found)


def overlap(one: Piece, other: Piece) -> int:
    """How many voxels two pieces share.

    >>> two = Piece((0, 0, 0), np.ones((1, 1, 2), bool))
    >>> overlap(two, Piece((0, 0, 1), np.ones((1, 4, 1), bool)))
    1
    """
    low = np.maximum(one.corner, other.corner)
    high = np.minimum(np.add(one.corner, one.inside.shape), np.add(other.corner, other.inside.shape))
    if (low >= high).any():
        return 0
    parts = [part.inside[tuple(map(slice, low - part.corner, high - part.corner))] for part in (one, other)]
    return int(np.count_nonzero(parts[0] & parts[1]))


def value_boxes(labels: Array) -> Sequence[tuple[slice, slice, slice] | None]:
    """The box of each value 1, 2, 3 ... of a label image (S, R, C); None for a value that does not occur."""
    return [None if box is None else (box[0], box[1], box[2]) for box in ndimage.find_objects(labels)]
