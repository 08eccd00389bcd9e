"""Binary regions made larger and smaller by a ball, slice by slice: as SimpleITK does, several times as fast."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy import uint8
from numpy.typing import NDArray

Inside = NDArray[np.bool_]


def dilated(inside: Inside, radius: Sequence[int]) -> Inside:
    """Larger by a ball; beyond the array there is nothing.

    Args:
        inside: (S, R, C).
        radius: Of the ball in voxels along each axis.
    """
    source = np.ascontiguousarray(inside).view(uint8)
    out = np.zeros_like(source)
    used = np.flatnonzero(inside.any(axis=(1, 2))).tolist()
    for away, disc in enumerate(_discs(radius)):
        for k in used:
            grown = cv2.dilate(source[k], disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
            for at in {k - away, k + away}:
                if 0 <= at < len(out):
                    np.bitwise_or(out[at], grown, out=out[at])
    return out.view(np.bool_)


def eroded(inside: Inside, radius: Sequence[int]) -> Inside:
    """Smaller by a ball; the border of the array is no surface."""
    return ~dilated(~inside, radius)


def opened(inside: Inside, radius: Sequence[int]) -> Inside:
    """Without what no such ball fits into."""
    return dilated(eroded(inside, radius), radius)


def closed(inside: Inside, radius: Sequence[int]) -> Inside:
    """With the gaps that no such ball fits into."""
    room = [(n, n) for n in radius]
    part = tuple(slice(n, n + size) for n, size in zip(radius, inside.shape, strict=True))
    return np.ascontiguousarray(eroded(dilated(np.pad(inside, room), radius), radius)[part])


def _discs(radius: Sequence[int]) -> list[NDArray[uint8]]:
    """The ball's planes from its middle outwards: voxels whose centres lie within half a voxel more than the radius."""
    away, down, across = (np.arange(n + 1) / (n + 0.5) for n in radius)
    both = (np.concatenate([-side[:0:-1], side]) ** 2 for side in (down, across))
    plane = np.add.outer(*both)
    return [(plane + far**2 <= 1.0).astype(uint8) for far in away]
