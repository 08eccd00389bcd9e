"""Soft tissue that moved: a smooth field of shifts on top of an affine alignment, by SimpleITK's demons."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy.typing import NDArray

from medcore.imaging.itk import to_geometry, to_image, to_voxels
from medcore.imaging.registration.alignment import Alignment, Bending
from medcore.imaging.registration.pyramid import Level
from medcore.volume import Affine, Geometry

SMOOTH_VOXELS = 1.5  # of the field, at each step
STEPS = (40, 25)  # on a grid of twice the step, then on the grid itself


def bend(fixed: Level, moving: Level, to_moving: Affine) -> Bending:
    """Shifts that make the moving scan, already aligned by an affine map, look like the fixed one.

    Vercauteren et al., NeuroImage 2009. For scans of the same contrast; grey values are matched by histogram first.
    """
    target = to_image(fixed.voxels, fixed.geometry)
    source = sitk.HistogramMatching(_aligned(moving, to_moving, target), target, 256, 7, True)
    field: sitk.Image | None = None
    for shrink, steps in zip((2, 1), STEPS, strict=True):
        near, far = (sitk.BinShrink(one, [shrink] * 3) if shrink > 1 else one for one in (target, source))
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfIterations(steps)
        demons.SetStandardDeviations(SMOOTH_VOXELS)
        demons.SetSmoothDisplacementField(True)
        demons.SetNumberOfThreads(1)
        if field is None:
            field = demons.Execute(near, far)
        else:
            field = demons.Execute(near, far, sitk.Resample(field, near))
    assert field is not None
    return Bending(to_voxels(field).astype(np.float32), to_geometry(field, fixed.geometry))


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
