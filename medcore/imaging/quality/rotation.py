"""Rotation: a chest radiograph that lies on its side or head, or whose spine is tilted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._chest import MIN_LEAD, chest_pose
from medcore.records import Issue, Severity
from medcore.volume import Array

MAX_TILT_DEGREES = 12.0
MIN_GAIN, MIN_SYMMETRY = 0.2, 0.6  # how much more symmetric the straightened image has to be (docs/quality.md)
SIDE = 64
ANGLES = range(-30, 31, 5)


@dataclass(frozen=True, slots=True)
class Tilt:
    """The axis of symmetry: degrees clockwise from upright, correlation of both halves, and gain over upright."""

    degrees: float
    symmetry: float
    gain: float


class Rotation(Check):
    """Quarter turns by the chest templates; small tilts by the axis about which left and right mirror each other."""

    codes = {"turned": N_("Turned image"), "tilted": N_("Tilted patient")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        pose = chest_pose(sample)
        if pose is None:
            return
        if pose.quarters and pose.lead >= MIN_LEAD:
            yield _turned(pose.quarters, pose.lead)
            return
        tilt = tilt_of(sample.planes[0])
        if abs(tilt.degrees) > MAX_TILT_DEGREES and tilt.gain > MIN_GAIN and tilt.symmetry > MIN_SYMMETRY:
            yield _tilted(tilt.degrees)


def tilt_of(plane: Array) -> Tilt:
    """The most symmetric of the rotations by up to 30°, refined by a parabola through its neighbours."""
    small = _ranks(plane)
    scores = np.array([_symmetry(_turned_by(small, angle)) for angle in ANGLES])
    best = int(scores.argmax())
    shift = 0.0
    if 0 < best < len(scores) - 1:
        before, at, after = scores[best - 1 : best + 2]
        bend = before - 2 * at + after
        shift = float((before - after) / (2 * bend)) if bend < 0 else 0.0
    degrees = ANGLES[best] + shift * ANGLES.step
    return Tilt(float(degrees), float(scores[best]), float(scores[best] - scores[len(scores) // 2]))


def _ranks(plane: Array) -> NDArray[float32]:
    factor = SIDE / max(plane.shape)
    size = max(8, round(plane.shape[1] * factor)), max(8, round(plane.shape[0] * factor))
    small = cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    ranks = small.ravel().argsort(kind="stable").argsort(kind="stable").reshape(small.shape)
    return np.asarray(ranks / ranks.size, dtype=np.float32)


def _turned_by(small: NDArray[float32], degrees: float) -> NDArray[float32]:
    height, width = small.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(small, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)


def _symmetry(small: NDArray[float32]) -> float:
    """The best correlation of the left half with the mirrored right half, for axes near the middle."""
    height, width = small.shape
    rows = small[height // 10 : height - height // 10]
    best = -1.0
    for axis in range(int(width * 0.4), int(width * 0.6) + 1):
        reach = int(min(axis, width - axis) * 0.8)
        left, right = rows[:, axis - reach : axis], rows[:, axis : axis + reach][:, ::-1]
        left, right = left - left.mean(), right - right.mean()
        both = float(np.sqrt((left * left).sum() * (right * right).sum()))
        best = max(best, float((left * right).sum()) / both if both > 0 else -1.0)
    return best


def _turned(quarters: int, lead: float) -> Issue:
    return Issue(
        "turned",
        Severity.WARN,
        Message(N_("The chest seems to be turned by {degrees}°."), {"degrees": 180 if quarters == 2 else 90}),
        Message(N_("Turn the image upright before the analysis; a model knows upright chests only.")),
        measured=lead,
        limit=MIN_LEAD,
    )


def _tilted(degrees: float) -> Issue:
    return Issue(
        "tilted",
        Severity.INFO,
        Message(N_("The chest seems to be tilted by about {degrees:.0f}°."), {"degrees": abs(degrees)}),
        Message(N_("Compare the height of both lungs with care.")),
        measured=abs(degrees),
        limit=MAX_TILT_DEGREES,
    )


CHECK = Rotation()
