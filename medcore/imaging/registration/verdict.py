"""Whether to believe an alignment: similarity, overlap, the way back, and whether moving away makes it worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.registration import mutual_information, same_contrast
from medcore.imaging.registration.alignment import Bending, Motion, Trust
from medcore.imaging.registration.bending import growth
from medcore.imaging.registration.pyramid import Level
from medcore.imaging.registration.same_contrast import Samples, samples, turn
from medcore.volume import Affine

Floats = NDArray[np.float64]
NUDGE_MM, NUDGE_RADIANS = 5.0, np.deg2rad(5.0)
POINTS = 10_000
SLACK = 0.01  # the search weighs outliers down, the similarity does not, so their peaks differ a little


@dataclass(frozen=True, slots=True)
class Limits:
    """What an alignment must reach.

    Args:
        similarity: At least; below it the scans do not look alike.
        overlap: At least this share of the fixed scan lies in the moving one.
        inverse_mm: At most; above it the two directions contradict each other.
        sharpness: At least this share of the similarity is lost 5 mm or 5 degrees away.
        unit_mm: Length of the unit of places; of a picture without a scale, how many of its pixels count as 1 mm.
    """

    similarity: float
    overlap: float = 0.4
    inverse_mm: float = 2.0
    sharpness: float = 0.02
    unit_mm: float = 1.0


SAME_CONTRAST = Limits(similarity=0.75)
OTHER_CONTRAST = Limits(similarity=0.04)  # normalised mutual information


def by_correlation(
    fixed: Level, moving: Level, found: Affine, motion: Motion, *, limits: Limits = SAME_CONTRAST
) -> Trust:
    """The verdict on two scans of the same contrast."""
    points = samples(fixed, most=POINTS)
    similarity, overlap = same_contrast.correlation(points, moving, found)
    back = same_contrast.seek(samples(moving, most=POINTS), fixed, np.asarray(np.linalg.inv(found)), motion)
    away = [same_contrast.correlation(points, moving, one)[0] for one in _nudged(fixed, found, points, limits.unit_mm)]
    return _verdict(limits, similarity, overlap, _round_trip(found, back, points) / limits.unit_mm, away)


def by_information(fixed: Level, moving: Level, found: Affine, motion: Motion) -> Trust:
    """The verdict on two scans of different contrast."""
    points = samples(fixed, most=POINTS)
    similarity, overlap = mutual_information.information(points, moving, found)
    away = [mutual_information.information(points, moving, one)[0] for one in _nudged(fixed, found, points, 1.0)]
    inverse = np.asarray(np.linalg.inv(found))
    back = mutual_information.seek(moving, fixed, inverse, motion, share=0.3, steps=40)
    return _verdict(OTHER_CONTRAST, similarity, overlap, _round_trip(found, back, points), away)


def of_bending(trust: Trust, bending: Bending) -> Trust:
    """The verdict with a doubt where tissue would be folded onto itself, which it cannot be."""
    folded = float((growth(bending) <= 0).mean())
    if folded == 0:
        return trust
    text = N_("The deformation folds tissue onto itself in {percent:.2f} % of the scan.")
    return replace(trust, doubts=(*trust.doubts, Message(text, {"percent": 100 * folded})))


def about(middle: Floats, by: Floats) -> Affine:
    """4×4: a linear map that leaves one place where it is."""
    out = np.eye(4)
    out[:3, :3] = by
    out[:3, 3] = middle - by @ middle
    return out


def _nudged(fixed: Level, found: Affine, points: Samples, unit_mm: float) -> list[Affine]:
    """The alignment moved away from its answer to each side; a picture stays in its plane."""
    shifts, turns = np.eye(3), np.eye(3)
    if len(fixed.voxels) == 1:
        rows, columns = (fixed.geometry.affine[:3, axis] / fixed.geometry.steps[axis] for axis in (1, 2))
        shifts, turns = np.stack([rows, columns]), np.cross(rows, columns)[None]
    out = [found @ about(points.middle, turn(sign * NUDGE_RADIANS * axis)) for axis in turns for sign in (-1.0, 1.0)]
    for axis in shifts:
        for sign in (-1.0, 1.0):
            away = np.eye(4)
            away[:3, 3] = sign * NUDGE_MM * unit_mm * axis
            out.append(found @ away)
    return out


def _round_trip(there: Affine, back: Affine, points: Samples) -> float:
    whole = back @ there
    moved = points.places @ whole[:3, :3].T + whole[:3, 3]
    return float(np.linalg.norm(moved - points.places, axis=1).mean())


def _verdict(limits: Limits, similarity: float, overlap: float, inverse_mm: float, away: Sequence[float]) -> Trust:
    sharpness = 1 - float(np.mean(away)) / similarity if similarity > 0 else 0.0
    doubts = []
    if similarity < limits.similarity:
        doubts.append(Message(N_("The two scans do not look alike where they overlap.")))
    if overlap < limits.overlap:
        doubts.append(
            Message(N_("Only {percent:.0f} % of the first scan lies in the second one."), {"percent": 100 * overlap})
        )
    if inverse_mm > limits.inverse_mm:
        doubts.append(
            Message(
                N_("Aligned there and back, places end {times:.1f} times as far from home as is allowed."),
                {"times": inverse_mm / limits.inverse_mm},
            )
        )
    if max(away) > similarity + SLACK or sharpness < limits.sharpness:
        doubts.append(Message(N_("Moving one scan by a small step or turn does not make the match worse.")))
    return Trust(similarity, overlap, inverse_mm, sharpness, tuple(doubts))
