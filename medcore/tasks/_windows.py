"""A network on volumes asked window by window: only where there is something, with as little overlap as seams allow."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.errors import Message
from medcore.tasks import Cancelled, Forward, Progress, stop_if

OVERLAP = 0.25  # of a window's side that neighbours share, at least
SIGMA = 0.125  # of the Gaussian that weighs a window's voxels, of its side: the middle knows most
LEAST_WEIGHT = 1e-3
NEVER = -30.0  # logit of a voxel that no window saw


@dataclass(frozen=True, slots=True)
class Windows:
    """Where a network of cubic windows looks.

    Args:
        box: First voxel and the one after the last of what is not empty, for each axis.
        starts: First voxels of the windows; they may end beyond the image, which is padded with zeros there.
        side: Of a window in voxels.
    """

    box: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    starts: tuple[tuple[int, int, int], ...]
    side: int


def plan_windows(filled: NDArray[np.bool_], side: int, *, overlap: float = OVERLAP) -> Windows:
    """Windows over what is filled, evenly spread over its box, those without anything left out.

    Args:
        filled: (D, H, W), true where the image is not empty.
    """
    box = []
    for axis in range(3):
        used = np.flatnonzero(filled.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append((int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0))
    along = [_starts(low, high, size, side, overlap) for (low, high), size in zip(box, filled.shape, strict=True)]
    places = ((d, h, w) for d, h, w in itertools.product(*along))
    starts = tuple(start for start in places if filled[tuple(slice(a, a + side) for a in start)].any())
    return Windows((box[0], box[1], box[2]), starts, side)


def slide(
    image: NDArray[float32],
    windows: Windows,
    *,
    forward: Forward,
    progress: Progress,
    cancelled: Cancelled,
    stage: Message,
) -> NDArray[float32]:
    """Logits (K, d, h, w) on the box of the windows, neighbours blended; `NEVER` where no window looked.

    Args:
        image: (C, D, H, W).

    Raises:
        CancelledError: `cancelled` became true; asked before each window.
    """
    lows = [low for low, _ in windows.box]
    size = tuple(high - low for low, high in windows.box)
    weight = _weight(windows.side)
    total: NDArray[float32] | None = None
    weights = np.zeros(size, dtype=float32)
    for number, start in enumerate(windows.starts):
        stop_if(cancelled)
        progress(number / len(windows.starts), stage)
        output = forward(_cut(image, start, windows.side)[None])
        assert output.dense is not None, "the network draws no masks"
        if total is None:
            total = np.zeros((output.dense.shape[1], *size), dtype=float32)
        inside, part = _shared(start, lows, size, windows.side)
        total[(slice(None), *part)] += output.dense[0][(slice(None), *inside)] * weight[inside]
        weights[part] += weight[inside]
    if total is None:
        return np.zeros((0, *size), dtype=float32)
    seen = weights > 0
    total[:, seen] /= weights[seen]
    total[:, ~seen] = NEVER
    return total


def _starts(low: int, high: int, size: int, side: int, overlap: float) -> list[int]:
    """First voxels of the windows along one axis."""
    if high - low <= side:  # one window, round the middle, inside the image where it can be
        return [max(0, min((low + high - side) // 2, size - side))]
    count = int(np.ceil((high - low - side) / (side * (1 - overlap)))) + 1
    return [round(x) for x in np.linspace(low, high - side, count)]


def _cut(image: NDArray[float32], start: tuple[int, int, int], side: int) -> NDArray[float32]:
    """(C, side, side, side); zeros beyond the image."""
    part = image[(slice(None), *(slice(a, a + side) for a in start))]
    missing = [(0, side - n) for n in part.shape[1:]]
    return np.ascontiguousarray(np.pad(part, [(0, 0), *missing]) if any(m for _, m in missing) else part)


def _shared(
    start: tuple[int, int, int], lows: list[int], size: tuple[int, ...], side: int
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """What a window shares with the box: in the window, and in the box."""
    first = [max(a, low) for a, low in zip(start, lows, strict=True)]
    last = [min(a + side, low + n) for a, low, n in zip(start, lows, size, strict=True)]
    inside = tuple(slice(f - a, z - a) for f, z, a in zip(first, last, start, strict=True))
    return inside, tuple(slice(f - low, z - low) for f, z, low in zip(first, last, lows, strict=True))


def _weight(side: int) -> NDArray[float32]:
    """A Gaussian round the middle of a window, 1 there."""
    line = np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (SIGMA * side)) ** 2).clip(LEAST_WEIGHT)
    return np.asarray(line[:, None, None] * line[:, None] * line, dtype=float32)
