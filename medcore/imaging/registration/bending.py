"""Soft tissue that moved: a smooth field of shifts on top of an affine alignment, by SimpleITK's demons."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy.typing import NDArray

from medcore.errors import CancelledError
from medcore.imaging.itk import to_geometry, to_image, to_voxels
from medcore.imaging.registration.alignment import Alignment, Bending
from medcore.imaging.registration.pyramid import Level
from medcore.volume import Affine, Geometry

Demons: TypeAlias = sitk.DiffeomorphicDemonsRegistrationFilter
SMOOTH_VOXELS = 1.5  # of the field, at each step
LEVELS = ((2, 40), (1, 25))  # how many voxels of the grid in each direction become one, and steps on it


def bend(
    fixed: Level, moving: Level, to_moving: Affine, *, tell: Callable[[float], None] = lambda done: None
) -> Bending:
    """Shifts that make the moving scan, already aligned by an affine map, look like the fixed one.

    Vercauteren et al., NeuroImage 2009. For scans of the same contrast; grey values are matched by histogram first.

    Args:
        tell: Is told after each step which share of the work is done.

    Raises:
        CancelledError: `tell` raised it; the work ends at once.
    """
    target = to_image(fixed.voxels, fixed.geometry)
    source = sitk.HistogramMatching(_aligned(moving, to_moving, target), target, 256, 7, True)
    field: sitk.Image | None = None
    done, whole = 0.0, sum(steps / shrink**3 for shrink, steps in LEVELS)
    for shrink, steps in LEVELS:
        near, far = (sitk.BinShrink(one, [shrink] * 3) if shrink > 1 else one for one in (target, source))
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfIterations(steps)
        demons.SetStandardDeviations(SMOOTH_VOXELS)
        demons.SetSmoothDisplacementField(True)
        demons.SetNumberOfThreads(1)
        watch = _Watch(demons, tell, done / whole, 1 / (whole * shrink**3))
        field = watch.execute(near, far, *([] if field is None else [sitk.Resample(field, near)]))
        done += steps / shrink**3
    assert field is not None
    return Bending(to_voxels(field).astype(np.float32), to_geometry(field, fixed.geometry))


class _Watch:
    """Tells after each step of the demons how far they are, and stops them when told to."""

    def __init__(self, demons: Demons, tell: Callable[[float], None], done: float, step: float) -> None:
        self.demons, self.tell, self.done, self.step = demons, tell, done, step
        self.stopped: CancelledError | None = None
        demons.AddCommand(sitk.sitkIterationEvent, self._stepped)

    def execute(self, *images: sitk.Image) -> sitk.Image:
        """The field; an error thrown inside a command of the library would be printed and lost, so it is kept."""
        try:
            field = self.demons.Execute(*images)
        except RuntimeError:
            if self.stopped is None:
                raise
        if self.stopped is not None:
            raise self.stopped
        return field

    def _stepped(self) -> None:
        if self.stopped is not None:  # the library tells of one more step after it was stopped
            return
        self.done += self.step
        try:
            self.tell(min(1.0, self.done))
        except CancelledError as error:
            self.stopped = error
            self.demons.Abort()


def growth(bending: Bending) -> NDArray[np.float32]:
    """(S, R, C): how much larger the moving scan's tissue is at each grid point than the fixed scan's.

    The determinant of the field's Jacobian: 1 is unchanged, 1.1 grew by a tenth, 0 or less is folded and impossible.
    """
    field = to_image(bending.shift_mm.astype(np.float64), bending.geometry)
    return to_voxels(sitk.DisplacementFieldJacobianDeterminant(field)).astype(np.float32)


def tissue_growth(alignment: Alignment, onto: Geometry, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """(S, R, C) on a grid of the fixed scan: how much larger the moving scan's tissue is, stretch and bending together.

    1 is unchanged. It is what the alignment says, so it is as sure as the alignment: within even tissue a field is
    only interpolated from what surrounds it.
    """
    stretch = abs(float(np.linalg.det(alignment.to_moving[:3, :3])))
    if alignment.bending is None:
        return np.full(shape, stretch, dtype=np.float32)
    bent = to_image(growth(alignment.bending), alignment.bending.geometry)
    grid = to_image(np.broadcast_to(np.uint8(0), shape), onto)
    return np.asarray(
        to_voxels(sitk.Resample(bent, grid, sitk.Transform(), sitk.sitkLinear, 1.0)) * np.float32(stretch)
    )


def _aligned(moving: Level, to_moving: Affine, grid: sitk.Image) -> sitk.Image:
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(to_moving[:3, :3].ravel().tolist())
    affine.SetTranslation(to_moving[:3, 3].tolist())
    return sitk.Resample(to_image(moving.voxels, moving.geometry), grid, affine, sitk.sitkLinear, 0.0)
