"""From a detector's dense output to boxes: an anchor-free head gives each cell a logit and four distances."""

from __future__ import annotations

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

OVERLAP = 0.4  # two boxes that share more than this (IoU) are one finding


def decode_boxes(dense: NDArray[float32], *, side: int) -> tuple[NDArray[float32], NDArray[float64]]:
    """Logits (cells,) and boxes (cells, 4) top, left, bottom, right in pixels of the network's square.

    Args:
        dense: (5, h, w): the logit of a finding centred in the cell, and the distances from the cell's centre to
            the top, left, bottom and right edge, in cells (FCOS, arXiv:1904.01355).
        side: Of the square in pixels.
    """
    _, height, width = dense.shape
    rows, columns = np.indices((height, width)) + 0.5
    top, left, bottom, right = np.asarray(dense[1:], dtype=float64)
    cell = np.array([side / height, side / width] * 2)
    boxes = np.stack([rows - top, columns - left, rows + bottom, columns + right], axis=-1) * cell
    return dense[0].ravel(), boxes.reshape(-1, 4)


def best_boxes(
    boxes: NDArray[float64], score: NDArray[float64], *, most: int, least: float, overlap: float = OVERLAP
) -> list[int]:
    """Row numbers of the best boxes, the best first; of overlapping ones only the best (greedy suppression)."""
    candidates = np.flatnonzero(score >= least)
    candidates = candidates[np.argsort(-score[candidates], kind="stable")][: 50 * most]
    kept: list[int] = []
    while len(candidates) and len(kept) < most:
        best, rest = int(candidates[0]), candidates[1:]
        kept.append(best)
        candidates = rest[_shared(boxes[best], boxes[rest]) <= overlap]
    return kept


def _shared(one: NDArray[float64], many: NDArray[float64]) -> NDArray[float64]:
    half = len(one) // 2  # the lowest corner, then the highest, of two axes or three
    low, high = np.maximum(one[:half], many[:, :half]), np.minimum(one[half:], many[:, half:])
    both = np.clip(high - low, 0, None).prod(axis=1)
    area = (many[:, half:] - many[:, :half]).prod(axis=1) + (one[half:] - one[:half]).prod()
    return np.asarray(both / np.maximum(area - both, 1e-9), dtype=float64)
