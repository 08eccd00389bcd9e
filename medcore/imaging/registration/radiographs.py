"""One radiograph onto another of the same body part: turn, shift and scale within the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medcore.errors import N_, GeometryError
from medcore.imaging.registration import same_contrast, verdict
from medcore.imaging.registration.alignment import Alignment, Method, Motion
from medcore.imaging.registration.pyramid import Level, level
from medcore.imaging.registration.same_contrast import samples, turn
from medcore.imaging.registration.verdict import Limits, about
from medcore.volume import Affine, Volume

Floats = NDArray[np.float64]
SIDES = (40, 80, 160)  # voxels along the longer side, coarse to fine
CHEST_MM = 350.0  # what a picture without a scale is taken to show, so that doubts have a measure
LIMITS = Limits(
    similarity=0.6, inverse_mm=5.0, sharpness=0.015
)  # pose, breath and disease change a chest more than a head
TURN_DEGREES, SCALES = (-8.0, 0.0, 8.0), (0.85, 1.0, 1.18)


def register_radiographs(fixed: Volume, moving: Volume) -> Alignment:
    """Where the places of one radiograph lie in another.

    Places are those of each picture's own geometry, detector mm or pixels. A projection cannot be aligned better
    than the pose allows: what lies in front and behind moves differently when the patient turns.

    Raises:
        GeometryError: One of them has several slices.
    """
    for volume in (fixed, moving):
        if volume.shape[0] != 1:
            raise GeometryError(N_("{name} is not a single picture."), name=volume.name)
    wide = _longer_side(fixed)
    rungs = [(level(fixed, wide / side), level(moving, _longer_side(moving) / side)) for side in SIDES]
    near, far = rungs[0]
    points = samples(near)
    start = _box_on_box(near, far)
    starts = [
        start @ about(points.middle, scale * _within(near, degrees)) for degrees in TURN_DEGREES for scale in SCALES
    ]
    found = same_contrast.best_of(points, far, starts, Motion.SIMILARITY, steps=40)
    for near, far in rungs[1:]:
        found = same_contrast.seek(samples(near), far, found, Motion.SIMILARITY)
    limits = replace(LIMITS, unit_mm=wide / CHEST_MM)
    trust = verdict.by_correlation(*rungs[-1], found, Motion.SIMILARITY, limits=limits)
    return Alignment(found, Motion.SIMILARITY, Method.SAME_CONTRAST, trust)


def _longer_side(volume: Volume) -> float:
    _, row, column = volume.geometry.steps
    return max(volume.shape[1] * row, volume.shape[2] * column)


def _within(picture: Level, degrees: float) -> Floats:
    """3×3: a turn in the plane of the picture."""
    normal = np.cross(picture.geometry.affine[:3, 1], picture.geometry.affine[:3, 2])
    return turn(np.deg2rad(degrees) * normal / np.linalg.norm(normal))


def _box_on_box(fixed: Level, moving: Level) -> Affine:
    """The whole of one picture onto the whole of the other, in one scale."""
    middles = [one.geometry.to_lps((np.array(one.voxels.shape) - 1) / 2) for one in (fixed, moving)]
    sides = [np.array(one.voxels.shape[1:]) * one.geometry.steps[1:] for one in (fixed, moving)]
    out = np.eye(4)
    out[:3, :3] = _axes(moving) @ np.linalg.inv(_axes(fixed)) * float(np.mean(sides[1] / sides[0]))
    out[:3, 3] = middles[1] - out[:3, :3] @ middles[0]
    return out


def _axes(picture: Level) -> Floats:
    """3×3: unit vectors along slice, row and column."""
    return np.asarray(picture.geometry.affine[:3, :3] / np.asarray(picture.geometry.steps))
