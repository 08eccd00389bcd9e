"""How well an image fits a frontal chest radiograph, turned by each quarter and with either polarity.

The two templates (24 × 24, children and adults) are means of rank-normalised thumbnails; docs/quality.md says of which
images, and `benchmarks/chest_templates.py` makes them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.imaging.quality import Sample
from medcore.imaging.quality._sample import is_picture, is_radiograph
from medcore.volume import Array

SIDE = 24
TEMPLATES = Path(__file__).with_name("chest_templates.png")
MIN_FIT, MIN_FIT_PICTURE = 0.5, 0.65  # correlation; a picture need not be a chest at all (docs/quality.md)
MIN_LEAD = 0.2  # over the upright image with the right polarity
MIN_LEAD_OF_BOTH = 0.5  # turned and inverted at once is rare; a white bar across the image looks like it
CHEST = frozenset({"CHEST", "THORAX", "LUNG", ""})


@dataclass(frozen=True, slots=True)
class Pose:
    """How an image has to be changed to look like a chest radiograph.

    Args:
        quarters: Quarter turns, counter-clockwise.
        inverted: Whether black and white are swapped.
        fit: Correlation with the better template after the change.
        lead: How much better it fits than the unchanged image.
    """

    quarters: int
    inverted: bool
    fit: float
    lead: float

    @property
    def upright_fit(self) -> float:
        """How well the unchanged image fits."""
        return self.fit - self.lead


def chest_pose(sample: Sample) -> Pose | None:
    """The pose that fits best; None where the image is no chest radiograph, or fits too badly to tell."""
    volume = sample.volume
    chest = is_radiograph(volume) and volume.body_part in CHEST
    if not (chest or is_picture(volume)) or len(sample.planes) > 1 or sample.planes.min() == sample.planes.max():
        return None
    pose = best_pose(sample.planes[0])
    if pose.quarters and pose.inverted and pose.lead < MIN_LEAD_OF_BOTH:
        return None
    certain = chest and volume.body_part != ""
    return pose if pose.fit >= (MIN_FIT if certain else MIN_FIT_PICTURE) else None


def best_pose(plane: Array) -> Pose:
    """The pose in which the image fits the templates best."""
    small = thumbnail(plane)
    fits = {}
    for quarters in range(4):
        turned = np.rot90(small, quarters)
        found = [float((turned * template).sum()) for template in templates()]
        fits[quarters, False] = max(found)
        fits[quarters, True] = -min(found)
    quarters, inverted = max(fits, key=fits.__getitem__)
    return Pose(quarters, inverted, fits[quarters, inverted], fits[quarters, inverted] - fits[0, False])


def thumbnail(plane: Array) -> NDArray[float32]:
    """(24, 24) ranks of the brightness with mean 0 and length 1: no window, gamma or contrast changes it."""
    small = cv2.resize(plane.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    ranks = small.ravel().argsort(kind="stable").argsort(kind="stable").astype(np.float32)
    ranks -= ranks.mean()
    return np.asarray((ranks / np.linalg.norm(ranks)).reshape(SIDE, SIDE), dtype=np.float32)


@cache
def templates() -> tuple[NDArray[float32], ...]:
    """The chests of children and adults, mean 0 and length 1."""
    picture = cv2.imread(str(TEMPLATES), cv2.IMREAD_GRAYSCALE)
    if picture is None or picture.shape != (SIDE, 2 * SIDE):
        raise RuntimeError(f"{TEMPLATES.name} is missing or damaged")
    parts = [part.astype(np.float32) - part.mean() for part in np.hsplit(picture, 2)]
    return tuple(np.asarray(part / np.linalg.norm(part), dtype=np.float32) for part in parts)
