"""About where the lungs lie in a frontal chest radiograph: two ellipses of a mean chest, laid onto the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from medcore.imaging.quality._chest import templates
from medcore.imaging.registration.radiographs import register_radiographs
from medcore.volume import Geometry, Mask, Unit, Volume

SIDE = 240  # pixels of the enlarged template
ELLIPSES = ((90.0, 75.0, 70.0, 28.0), (90.0, 160.0, 70.0, 28.0))  # centre (row, column), half height, half width
LEAST_FIT = 0.45  # correlation with the mean chest; below it the ellipses are laid onto the whole picture instead
SCALES = (0.4, 2.5)


@dataclass(frozen=True, slots=True, eq=False)
class LungField:
    """Where the lungs are expected. It follows the chest as a whole, not the borders of these very lungs.

    Args:
        inside: (1, R, C), true in it.
        fit: Correlation of the picture with the mean chest where it was laid.
        fitted: Whether that was enough; otherwise the whole picture is taken for the chest.
    """

    inside: NDArray[np.bool_]
    fit: float
    fitted: bool


def lung_field(radiograph: Volume) -> LungField:
    """The expected lung field of an upright frontal chest radiograph.

    Raises:
        GeometryError: It is no single picture.
    """
    template, mask = _mean_chest()
    found = register_radiographs(radiograph, template)
    _, height, width = (count * step for count, step in zip(radiograph.shape, radiograph.geometry.steps, strict=True))
    scale = abs(float(np.linalg.det(found.to_moving[:3, :3]))) ** (1 / 3) * max(height, width) / SIDE
    fitted = found.trust.similarity >= LEAST_FIT and SCALES[0] < scale < SCALES[1]
    if fitted:
        inside = found.carried_mask(mask, radiograph.geometry, radiograph.shape).labels > 0
        fitted = bool(inside.mean() > 0.03)
    if not fitted:
        whole = cv2.resize(mask.labels[0], radiograph.shape[:0:-1], interpolation=cv2.INTER_NEAREST)
        inside = whole[None] > 0
    return LungField(inside, found.trust.similarity, fitted)


@cache
def _mean_chest() -> tuple[Volume, Mask]:
    """The mean adult chest of the quality check, enlarged, and the ellipses on it."""
    adult = cv2.resize(templates()[1], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    grey = np.rint(255 * (adult - adult.min()) / np.ptp(adult)).astype(np.uint8)
    rows, columns = np.indices((SIDE, SIDE))
    inside = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for row, column, half_rows, half_columns in ELLIPSES:
        inside[((rows - row) / half_rows) ** 2 + ((columns - column) / half_columns) ** 2 <= 1] = 1
    geometry = Geometry.pixels()
    return Volume(grey[None], Unit.GREY, "DX", geometry), Mask(inside[None], {1: "lung"}, geometry)
