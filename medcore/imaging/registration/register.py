"""One scan onto another: coarse to fine, the fast way first, and a verdict on the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from medcore.errors import N_, CancelledError, GeometryError, Message
from medcore.imaging.registration import mutual_information, same_contrast, verdict
from medcore.imaging.registration.alignment import Alignment, Method, Motion
from medcore.imaging.registration.bending import bend
from medcore.imaging.registration.pyramid import Level, level
from medcore.imaging.registration.same_contrast import samples, turn
from medcore.imaging.registration.verdict import about
from medcore.volume import Affine, Scale, Volume

Floats = NDArray[np.float64]
Progress = Callable[[float, Message], None]
COARSE_MM, MIDDLE_MM, FINE_MM = 8.0, 4.0, 2.0
BENDING_MM = 2.0


def register(
    fixed: Volume,
    moving: Volume,
    *,
    motion: Motion = Motion.RIGID,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Alignment:
    """Where the places of `fixed` lie in `moving`.

    Least squares of grey values is tried first (fast, for scans of the same contrast); where its answer is not
    convincing, mutual information is tried, and the better supported answer is kept.

    Raises:
        GeometryError: One of them is not a volume with patient coordinates.
        CancelledError: `cancelled` became true.
    """
    _check(fixed, moving)
    stage = _Stages(progress or (lambda fraction, text: None), cancelled or (lambda: False))
    stage(0.0, N_("Making coarse copies"))
    coarse = [(level(fixed, step), level(moving, step)) for step in (COARSE_MM, MIDDLE_MM)]
    stage(0.2, N_("Aligning grey values"))
    found = _same_contrast(coarse, motion)
    trust = verdict.by_correlation(*coarse[-1], found, _stiff(motion))
    method = Method.SAME_CONTRAST
    if not trust.trusted:
        stage(0.35, N_("Aligning by mutual information"))
        other = _mutual(coarse, found, motion, stage)
        other_trust = verdict.by_information(*coarse[-1], other, _stiff(motion))
        if other_trust.trusted or _informed(coarse[-1], other) > _informed(coarse[-1], found):
            found, trust, method = other, other_trust, Method.MUTUAL_INFORMATION
    stage(0.6, N_("Refining"))
    if method is Method.SAME_CONTRAST:
        near, far = level(fixed, FINE_MM), level(moving, FINE_MM)
        found = same_contrast.seek(samples(near), far, found, _stiff(motion), steps=12)
    bending = None
    if motion is Motion.DEFORMABLE and method is Method.SAME_CONTRAST:
        following = N_("Following soft tissue")
        stage(0.65, following)
        bending = bend(
            level(fixed, BENDING_MM),
            level(moving, BENDING_MM),
            found,
            tell=lambda done: stage(0.65 + 0.33 * done, following),
        )
        trust = verdict.of_bending(trust, bending)
    stage(1.0, N_("Aligned"))
    return Alignment(found, motion, method, trust, bending)


class _Stages:
    """Says how far it is, and stops when asked to."""

    def __init__(self, progress: Progress, cancelled: Callable[[], bool]) -> None:
        self.progress, self.cancelled = progress, cancelled

    def __call__(self, fraction: float, text: str) -> None:
        if self.cancelled():
            raise CancelledError(N_("Stopped."))
        self.progress(fraction, Message(text))


def _check(*volumes: Volume) -> None:
    for volume in volumes:
        if volume.geometry.scale is not Scale.PATIENT or volume.shape[0] < 2:
            raise GeometryError(
                N_("{name} is not a volume with places in the patient, so it cannot be aligned in three dimensions."),
                hint=N_("Choose CT, MR or PET series; two radiographs are compared as pictures."),
                name=volume.name,
            )


def _stiff(motion: Motion) -> Motion:
    """The motion before any bending."""
    return Motion.RIGID if motion is Motion.RIGID else Motion.AFFINE


def _same_contrast(coarse: Sequence[tuple[Level, Level]], motion: Motion) -> Affine:
    (fixed, moving), (finer, finer_moving) = coarse
    points = samples(fixed, most=8_000)
    starts = _starts(fixed, moving)
    found = same_contrast.best_of(points, moving, starts, Motion.RIGID, steps=25)
    if same_contrast.correlation(points, moving, found)[0] < 0.9:  # a large turn: look further
        turned = [found_start @ about(points.middle, by) for found_start in starts[:2] for by in _turns()]
        found = same_contrast.best_of(points, moving, [found, *turned], Motion.RIGID, steps=25)
    fine_points = samples(finer)
    found = same_contrast.seek(fine_points, finer_moving, found, Motion.RIGID)
    return found if motion is Motion.RIGID else same_contrast.seek(fine_points, finer_moving, found, Motion.AFFINE)


def _mutual(coarse: Sequence[tuple[Level, Level]], found: Affine, motion: Motion, stage: _Stages) -> Affine:
    (fixed, moving), (finer, finer_moving) = coarse
    points = samples(fixed, most=8_000)
    starts = [found, *_starts(fixed, moving)]
    starts += [start @ about(points.middle, by) for start in starts[1:3] for by in _turns()]
    best = mutual_information.best_start(points, moving, starts)
    stage(0.4, N_("Aligning by mutual information"))
    asked = stage.cancelled
    best = mutual_information.seek(fixed, moving, best, Motion.RIGID, share=1.0, steps=120, cancelled=asked)
    stage(0.5, N_("Aligning by mutual information"))
    return mutual_information.seek(finer, finer_moving, best, _stiff(motion), share=0.3, steps=80, cancelled=asked)


def _informed(levels: tuple[Level, Level], found: Affine) -> float:
    return mutual_information.information(samples(levels[0], most=verdict.POINTS), levels[1], found)[0]


def _starts(fixed: Level, moving: Level) -> list[Affine]:
    """As the headers say; foreground on foreground; middle on middle."""
    middles = [
        [_middle_of_mass(one) for one in (fixed, moving)],
        [one.geometry.to_lps((np.array(one.voxels.shape) - 1) / 2) for one in (fixed, moving)],
    ]
    starts = [np.eye(4)]
    for here, there in middles:
        start = np.eye(4)
        start[:3, 3] = there - here
        starts.append(start)
    return starts


def _middle_of_mass(one: Level) -> Floats:
    return np.asarray(one.geometry.to_lps(np.argwhere(one.foreground).mean(axis=0)))


def _turns() -> list[Floats]:
    """Turns of 15 degrees about each axis."""
    return [turn(sign * np.deg2rad(15) * axis) for axis in np.eye(3) for sign in (-1.0, 1.0)]
