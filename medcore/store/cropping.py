"""Arrays without the empty space around what they hold, so that a nodule in a chest CT costs kilobytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medcore.volume import Array


def cropped(array: Array) -> tuple[Array, tuple[int, ...]]:
    """The smallest box of a (S, R, C) array that holds all that is not zero, and where it begins.

    One voxel for an array of zeros.
    """
    corner, end = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(array.any(axis=others))
        corner.append(int(used[0]) if used.size else 0)
        end.append(int(used[-1]) + 1 if used.size else 1)
    return array[tuple(map(slice, corner, end))], tuple(corner)


def whole(box: Array, corner: Sequence[int], shape: Sequence[int]) -> Array:
    """The array of `cropped`: (S, R, C) of `shape`, zero around the box."""
    array = np.zeros(tuple(shape), box.dtype)
    array[tuple(slice(start, start + side) for start, side in zip(corner, box.shape, strict=True))] = box
    return array
