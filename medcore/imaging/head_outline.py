"""What the outline of a picture says: whether a head lies in it, in the dark, and where it gives no signal."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy import bool_, float32, uint8
from numpy.typing import NDArray

from medcore.volume import Array

BORDER_SHARE = 0.02  # of the shorter side: the strip along each side that should be dark
BRIGHT_PERCENT = 99.5  # of a picture's values: what counts as bright in it
NO_SIGNAL = 0.1  # of the median of what stands out; the darkest fluid in a T1 has more
LEAST_RADIUS = 0.03  # of the head's size, of a disc that fits into a void


@dataclass(frozen=True, slots=True)
class HeadOutline:
    """How a plane looks from afar.

    Args:
        border: Brightness along its four sides, as a share of what is bright in it; 0 on a black background.
        ellipse: Overlap (intersection over union) of what stands out with the ellipse that fits it best; 1 for a head.
        void: Largest part without signal inside of the outline, as a share of it.
    """

    border: float
    ellipse: float
    void: float


def head_outline(plane: Array, standing_out: NDArray[bool_]) -> HeadOutline:
    """The outline of one plane (R, C).

    Args:
        plane: Grey values, larger is brighter.
        standing_out: (R, C) what is no background.
    """
    grey = np.ascontiguousarray(plane, dtype=float32)
    filled, hull = _largest(standing_out)
    return HeadOutline(_border(grey), _ellipse_overlap(filled, hull), _void(grey, standing_out, hull))


def _border(grey: NDArray[float32]) -> float:
    low, bright = float(grey.min()), float(np.percentile(grey, BRIGHT_PERCENT))
    wide = max(1, round(BORDER_SHARE * min(grey.shape)))
    sides = grey[:wide], grey[-wide:], grey[:, :wide], grey[:, -wide:]
    return float(np.mean([side.mean() - low for side in sides])) / max(bright - low, 1e-6)


def _largest(standing_out: NDArray[bool_]) -> tuple[NDArray[uint8], Array]:
    """The largest connected piece without its holes, and the points of its convex hull."""
    closed = cv2.morphologyEx(standing_out.astype(uint8), cv2.MORPH_CLOSE, np.ones((3, 3), dtype=uint8))
    lines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(standing_out.shape, dtype=uint8)
    if not lines:
        return filled, np.zeros((0, 1, 2), dtype=np.int32)
    line = max(lines, key=cv2.contourArea)
    cv2.drawContours(filled, [line], -1, 1, thickness=-1)
    return filled, np.asarray(cv2.convexHull(line))


def _ellipse_overlap(filled: NDArray[uint8], hull: Array) -> float:
    if len(hull) < 5:  # as many points as an ellipse has unknowns
        return 0.0
    ellipse = np.zeros_like(filled)
    cv2.ellipse(ellipse, cv2.fitEllipse(hull), 1, thickness=-1)
    return float((ellipse & filled).sum()) / max(1.0, float((ellipse | filled).sum()))


def _void(grey: NDArray[float32], standing_out: NDArray[bool_], hull: Array) -> float:
    if len(hull) < 3 or not standing_out.any():
        return 0.0
    inside = np.zeros(grey.shape, dtype=uint8)
    cv2.drawContours(inside, [hull], -1, 1, thickness=-1)
    low, usual = float(grey.min()), float(np.median(grey[standing_out]))
    smooth = cv2.GaussianBlur(grey, (0, 0), 1)
    dark = ((smooth - low < NO_SIGNAL * (usual - low)) & (inside > 0)).astype(uint8)
    radius = max(1, round(LEAST_RADIUS * float(np.sqrt(inside.sum()))))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    _, _, found, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(dark, cv2.MORPH_OPEN, disc))
    return float(found[1:, cv2.CC_STAT_AREA].max(initial=0)) / float(inside.sum())
