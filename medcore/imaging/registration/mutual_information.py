"""Registration of two scans of different contrast by SimpleITK's mutual information."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy.typing import NDArray

from medcore.errors import N_, CancelledError
from medcore.imaging.itk import to_image
from medcore.imaging.registration.alignment import Motion
from medcore.imaging.registration.pyramid import Level
from medcore.imaging.registration.same_contrast import Samples, sampled
from medcore.volume import Affine

Floats = NDArray[np.float64]
BINS = 40
SEED = 20_260_101
TOLERANCE = 1e-8  # the library's default of 1e-4 stops several mm away from the answer and reports success


def seek(
    fixed: Level,
    moving: Level,
    start: Affine,
    motion: Motion,
    *,
    share: float,
    steps: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> Affine:
    """The 4×4 map from the fixed to the moving scan with the most mutual information, near `start`.

    Args:
        share: Of the fixed scan's voxels that are looked at in each step.
        cancelled: Is asked after each step.

    Raises:
        CancelledError: `cancelled` became true.
    """
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(share, SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=4.0, minStep=1e-3, numberOfIterations=steps, gradientMagnitudeTolerance=TOLERANCE
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetNumberOfThreads(1)  # the same answer on every machine
    transform = _transform(start, _middle(fixed), motion)
    method.SetInitialTransform(transform, inPlace=True)
    method.AddCommand(sitk.sitkIterationEvent, lambda: method.StopRegistration() if cancelled() else None)
    method.Execute(to_image(fixed.voxels, fixed.geometry), to_image(moving.voxels, moving.geometry))
    if cancelled():
        raise CancelledError(N_("Stopped."))
    return _matrix(transform)


def information(points: Samples, moving: Level, found: Affine) -> tuple[float, float]:
    """Normalised mutual information minus 1 (0: none, 1: each tells the other) and the share of points seen.

    Studholme et al., Pattern Recognition 1999.
    """
    values, seen = sampled(moving, points.places @ found[:3, :3].T + found[:3, 3])
    if np.count_nonzero(seen) < BINS**2 // 4:
        return 0.0, float(seen.mean())
    counts = np.histogram2d(points.values[seen], values[seen], bins=BINS, range=((-0.2, 1.2), (-0.2, 1.2)))[0]
    both = _entropy(counts)
    if both == 0:
        return 0.0, float(seen.mean())
    return (_entropy(counts.sum(axis=0)) + _entropy(counts.sum(axis=1))) / both - 1, float(seen.mean())


def best_start(points: Samples, moving: Level, starts: Sequence[Affine]) -> Affine:
    """The start with the most information times overlap."""

    def score(start: Affine) -> float:
        told, overlap = information(points, moving, start)
        return told * min(1.0, overlap / 0.5)

    return max(starts, key=score)


def _entropy(counts: Floats) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _middle(fixed: Level) -> Floats:
    return np.asarray(fixed.geometry.to_lps(np.argwhere(fixed.foreground).mean(axis=0)))


def _transform(start: Affine, middle: Floats, motion: Motion) -> sitk.Transform:
    """`start` as a turn about the middle of the fixed scan, the form in which the search is well conditioned."""
    matrix = start[:3, :3]
    if motion is Motion.RIGID:
        left, _, right = np.linalg.svd(matrix)
        matrix = left @ right  # the nearest rotation
        transform = sitk.VersorRigid3DTransform()
    else:
        transform = sitk.AffineTransform(3)
    transform.SetCenter(middle.tolist())
    transform.SetMatrix(matrix.ravel().tolist(), 1e-6) if motion is Motion.RIGID else transform.SetMatrix(
        matrix.ravel().tolist()
    )
    transform.SetTranslation((start[:3, :3] @ middle + start[:3, 3] - middle).tolist())
    return transform


def _matrix(transform: sitk.Transform) -> Affine:
    matrix = np.asarray(transform.GetMatrix()).reshape(3, 3)
    centre, shift = np.asarray(transform.GetCenter()), np.asarray(transform.GetTranslation())
    out = np.eye(4)
    out[:3, :3] = matrix
    out[:3, 3] = centre + shift - matrix @ centre
    return out
