"""Fit a picture into the square that a network sees, and carry a heat map back to the scan's grid."""

from __future__ import annotations

import cv2
import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.volume import Array

CV_TYPES = (np.uint8, np.uint16, np.int16, np.float32)  # what cv2.resize takes


def shrink_to(plane: Array, side: int) -> NDArray[float32]:
    """Scale a plane (R, C) so that its longer side is `side`; shrinking averages areas, so it does not alias.

    A plane that is far too large and has even sides is halved first, which is the same average, nine times faster.
    """
    scale = side / max(plane.shape)
    height, width = (max(1, round(length * scale)) for length in plane.shape)
    small = np.ascontiguousarray(plane, dtype=plane.dtype if plane.dtype in CV_TYPES else float32)
    while min(small.shape[0] // (2 * height), small.shape[1] // (2 * width)) and not any(n % 2 for n in small.shape):
        small = cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, (width, height), interpolation=method), dtype=float32)


def pad_to_square(
    small: NDArray[float32], side: int, *, shape: tuple[int, int]
) -> tuple[NDArray[float32], NDArray[float64]]:
    """Centre a picture that `shrink_to` made in a square of zeros; nothing is cut off and nothing is stretched.

    Args:
        small: (h, w) with its longer side equal to `side`.
        side: Side of the square in pixels.
        shape: (rows, columns) of the plane it was made from.

    Returns:
        The square (side, side), and the 3×3 matrix that maps its homogeneous (row, column, 1), measured at
        pixel edges, to the plane's.
    """
    height, width = small.shape
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side), dtype=float32)
    square[top : top + height, left : left + width] = small
    row_step, column_step = shape[0] / height, shape[1] / width
    to_plane = np.array([[row_step, 0, -top * row_step], [0, column_step, -left * column_step], [0, 0, 1]])
    return square, to_plane


def spread_heat(
    heat: NDArray[float32], to_plane: NDArray[float64], *, side: int, shape: tuple[int, int]
) -> NDArray[float32]:
    """Carry a heat map (h, w) from the network's square to the plane's grid, with linear interpolation.

    Args:
        heat: At the layer's resolution; it covers the whole square.
        to_plane: As given by `pad_to_square`.
        side: Side of the square in pixels.
        shape: (rows, columns) of the plane.
    """
    square = cv2.resize(heat, (side, side), interpolation=cv2.INTER_LINEAR)
    corners = np.linalg.inv(to_plane) @ np.array([[0, shape[0]], [0, shape[1]], [1, 1]], dtype=float64)
    (top, bottom), (left, right) = np.rint(corners[:2]).astype(int)
    inside = np.ascontiguousarray(square[top:bottom, left:right])
    return np.asarray(cv2.resize(inside, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), dtype=float32)
