"""A detector of boxes in volumes on a chest CT: windows over the lungs, anchors, boxes, the best of what overlaps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.imaging.nodules.candidates import Candidate
from medcore.imaging.nodules.detector_grid import GRID_MM, HIGH_HU, LOW_HU, DetectorGrid, on_detector_grid
from medcore.imaging.nodules.field import Field
from medcore.tasks import Cancelled, Forward, stop_if
from medcore.tasks._boxes import best_boxes
from medcore.tasks._nodule_finding import Judged, Tell
from medcore.tasks._windows import plan_windows
from medcore.volume import Geometry, Volume

STRIDES = ((4, 4, 2), (8, 8, 4), (16, 16, 8))  # voxels between the places of each level
SCALES = (1, 2, 4)  # of the anchors at each level
ANCHORS = ((6, 8, 4), (8, 6, 5), (10, 10, 6))  # voxels of the finest level's
LEAST_SCORE, PER_LEVEL, OVERLAP, MOST = 0.02, 1000, 0.22, 300  # of the published network's own selection
LEAST_SIDE = 1.0  # voxels of a box that lie in the scan
LONGEST = float(np.log(1000 / 16))  # of an anchor's side, as the power of e
AROUND_MM = 8.0  # beyond the lungs: pleura and what hangs on it
SHADE_SIDE = 32  # of the picture of a place


def takes_boxes(card: ModelCard) -> bool:
    """Whether a card's network finds boxes by itself, instead of telling candidates apart."""
    return "anchors" in card.options


def detect(
    scan: Volume, field: Field, *, card: ModelCard, forward: Forward, cancelled: Cancelled, tell: Tell
) -> Judged:
    """Places with the network's logits.

    Raises:
        CancelledError: `cancelled` became true; asked before each window.
    """
    grid = on_detector_grid(scan)
    stop_if(cancelled)
    side = card.contract.size
    windows = plan_windows(_near_lungs(field, grid), side)
    said, boxes, levels = [np.zeros(0)], [np.zeros((0, 6))], [np.zeros(0, dtype=int)]
    anchors, level = window_anchors((side,) * 3), anchor_levels((side,) * 3)
    for number, start in enumerate(windows.starts):
        stop_if(cancelled)
        tell(number / len(windows.starts))
        dense = forward(_window(grid.values, start, side)[None, None]).dense
        assert dense is not None, "the network draws no boxes"
        logits, found = decode(dense[0], anchors)
        kept = np.flatnonzero(_sure(logits) > LEAST_SCORE)
        places = found[kept] + np.tile(start, 2)
        inside = _centred_in(_clipped(places, grid.values.shape), start, side)
        said.append(logits[kept[inside]])
        boxes.append(places[inside])
        levels.append(level[kept[inside]])
    every, clipped = np.concatenate(said), _clipped(np.concatenate(boxes), grid.values.shape)
    best = select_boxes(clipped, every, np.concatenate(levels))
    return Judged(
        tuple(_place(clipped[i], every[i], grid.geometry) for i in best),
        every[best],
        None,
        np.array([_shown(grid, clipped[i]) for i in best], dtype=float32).reshape(-1, 3, SHADE_SIDE, SHADE_SIDE),
    )


def select_boxes(boxes: NDArray[float64], logits: NDArray[float64], levels: NDArray[np.int_]) -> list[int]:
    """Row numbers of the boxes that the published detector keeps, the best first.

    Of each level the surest 1,000, without those that the scan's edge leaves less than a voxel of, and of overlapping
    ones only the best (as MONAI's BoxSelector).

    Args:
        boxes: (N, 6) cut at the edges of the scan, in voxels.
    """
    sure = _sure(logits)
    kept = np.zeros(len(boxes), dtype=bool)
    for level in range(len(STRIDES)):
        rows = np.flatnonzero((levels == level) & (sure > LEAST_SCORE))
        kept[rows[np.argsort(-sure[rows], kind="stable")[:PER_LEVEL]]] = True
    kept &= (boxes[:, 3:] - boxes[:, :3] >= LEAST_SIDE).all(axis=1)
    return best_boxes(boxes, np.where(kept, sure, 0.0), most=MOST, least=LEAST_SCORE, overlap=OVERLAP)


def parameters(card: ModelCard) -> dict[str, str | int | float]:
    """What was done, for the run's record."""
    grid = " × ".join(map(str, GRID_MM))
    return {"window": card.contract.size, "grid_mm": grid, "low_hu": LOW_HU, "high_hu": HIGH_HU}


def anchor_levels(size: Sequence[int]) -> NDArray[np.int_]:
    """(places × anchors,) the level of each of `window_anchors`, 0 for the finest."""
    counts = [np.prod([n // step for n, step in zip(size, stride, strict=True)]) for stride in STRIDES]
    return np.repeat(np.arange(len(STRIDES)), np.array(counts, dtype=int) * len(ANCHORS))


def window_anchors(size: Sequence[int]) -> NDArray[float64]:
    """(places × anchors, 6) lowest and highest corner in voxels, in the order of the network's answer.

    Args:
        size: Of the window in voxels, multiples of 16, 16 and 8.
    """
    found = []
    for stride, scale in zip(STRIDES, SCALES, strict=True):
        along = [np.arange(n // step) * step + step // 2 for n, step in zip(size, stride, strict=True)]
        centres = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, 1, 3)
        half = np.rint(scale * np.array(ANCHORS) / 2)
        found.append(np.concatenate([centres - half, centres + half], axis=2).reshape(-1, 6))
    return np.concatenate(found).astype(float64)


def decode(dense: NDArray[float32], anchors: NDArray[float64]) -> tuple[NDArray[float64], NDArray[float64]]:
    """Logits (N,) and boxes (N, 6) in voxels of the window.

    Args:
        dense: (7, N): logit, shift of the centre in sides of the anchor, logarithm of the sides against it.
    """
    sides = anchors[:, 3:] - anchors[:, :3]
    centres = anchors[:, :3] + sides / 2 + dense[1:4].T * sides
    half = np.exp(np.minimum(dense[4:7].T.astype(float64), LONGEST)) * sides / 2
    return dense[0].astype(float64), np.concatenate([centres - half, centres + half], axis=1)


def _sure(logits: NDArray[float64]) -> NDArray[float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))


def _clipped(boxes: NDArray[float64], shape: Sequence[int]) -> NDArray[float64]:
    """Boxes cut at the edges of the scan."""
    return np.clip(boxes, 0, np.tile(shape, 2))


def _centred_in(boxes: NDArray[float64], start: Sequence[int], side: int) -> NDArray[np.bool_]:
    """Those whose middle the window shows; the middle of the others lies in its neighbour."""
    centres = (boxes[:, :3] + boxes[:, 3:]) / 2 - np.array(start)
    return np.asarray(((centres >= 0) & (centres <= side)).all(axis=1))


def _near_lungs(field: Field, grid: DetectorGrid) -> NDArray[np.bool_]:
    """(x, y, z) of the grid: the box around the lungs."""
    found = np.zeros(grid.values.shape, dtype=bool)
    ends = list(itertools.product(*((0, n - 1) for n in field.inside.shape)))
    corners = grid.geometry.to_index(field.geometry.to_lps(np.array(ends)))[:, ::-1]
    margin = AROUND_MM / np.array(GRID_MM)
    low = np.clip(np.floor(corners.min(axis=0) - margin), 0, None).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0) + margin).astype(int) + 1, found.shape)
    found[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))] = True
    return found


def _window(values: NDArray[float32], start: tuple[int, int, int], side: int) -> NDArray[float32]:
    part = values[tuple(slice(a, a + side) for a in start)]
    return np.ascontiguousarray(np.pad(part, [(0, side - n) for n in part.shape]))


def _place(box: NDArray[float64], logit: float, geometry: Geometry) -> Candidate:
    x, y, z = geometry.to_lps(((box[:3] + box[3:]) / 2)[::-1]).tolist()
    radius = float(np.mean((box[3:] - box[:3]) * GRID_MM) / 2)
    return Candidate((x, y, z), radius, logit)


def _shown(grid: DetectorGrid, box: NDArray[float64]) -> NDArray[float32]:
    """(3, side, side) in 0..1: the three planes through a box."""
    half = SHADE_SIDE // 2
    padded = np.pad(grid.values, half)
    x, y, z = (int(n) for n in np.clip(np.rint((box[:3] + box[3:]) / 2), 0, np.array(grid.values.shape) - 1))
    cube = padded[x : x + SHADE_SIDE, y : y + SHADE_SIDE, z : z + SHADE_SIDE]
    return np.stack([cube[:, :, half].T, cube[:, half].T, cube[half].T])[:, ::-1].copy()
