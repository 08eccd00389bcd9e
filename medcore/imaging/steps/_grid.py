"""New grids for images: how many voxels, how far apart, where; and sampling an image on one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_, RecipeError
from medcore.recipes import Parameter

MAX_VOXELS = 300_000_000  # 1.2 GB while it is computed
METHOD = Parameter(
    "method",
    N_("Interpolation"),
    "linear",
    choices={"linear": N_("linear"), "spline": N_("cubic spline"), "label": N_("label (no new values)")},
)
ANTIALIAS = Parameter(
    "antialias",
    N_("Smooth before shrinking"),
    True,
    explained=N_("Without it, details finer than the new pixels turn into false patterns."),
)


def check_size(size: Sequence[int], *, step: str) -> None:
    """Refuse a result that is empty or too large.

    Raises:
        RecipeError: It is.
    """
    if min(size) < 1:
        raise RecipeError(
            N_("“{step!t}” leaves nothing of this scan: {size} voxels."),
            hint=N_("Take less away."),
            step=step,
            size=" × ".join(map(str, size[::-1])),
        )
    if int(np.prod(size, dtype=np.int64)) > MAX_VOXELS:
        raise RecipeError(
            N_("“{step!t}” would make {size} voxels, more than the limit of {limit} million."),
            hint=N_("Choose a coarser spacing or a smaller size."),
            step=step,
            size=" × ".join(map(str, size[::-1])),
            limit=MAX_VOXELS // 1_000_000,
        )


def sample(
    image: sitk.Image,
    *,
    size: Sequence[int],
    spacing: Sequence[float],
    method: str,
    antialias: bool,
    labels: bool,
    outside: float | None = None,
) -> sitk.Image:
    """The image on a grid with the same middle and axes.

    Args:
        size: Voxels along (column, row, slice).
        spacing: In mm, or pixels of a picture, in the same order.
        method: "linear", "spline" or "label".
        antialias: Smooth first along the axes that shrink.
        labels: The image is a mask: labels must not mix.
        outside: Value of places beyond the image; None goes on with the nearest voxel.
    """
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    direction = np.asarray(image.GetDimension() and image.GetDirection()).reshape(3, 3)
    half = (np.asarray(size) - 1) / 2 * np.asarray(spacing)
    origin = np.asarray(middle) - direction @ half
    if antialias and not labels and method != "label":
        image = _smoothed(image, spacing)
    return sitk.Resample(
        image,
        [int(n) for n in size],
        sitk.Transform(3, sitk.sitkIdentity),
        _interpolator(image, method, labels=labels),
        origin.tolist(),
        [float(x) for x in spacing],
        image.GetDirection(),
        0.0 if outside is None else float(outside),
        image.GetPixelID(),
        outside is None,
    )


def _smoothed(image: sitk.Image, spacing: Sequence[float]) -> sitk.Image:
    """Blur along the axes that shrink; sigma as scikit-image's `resize` takes it, (factor - 1) / 2 voxels."""
    old = image.GetSpacing()
    sigma = [max(0.0, (new / was - 1.0) / 2.0) for new, was in zip(spacing, old, strict=True)]
    if not any(sigma):
        return image
    return sitk.DiscreteGaussian(image, [s * s for s in sigma], 64, [0.01] * 3, False)


def _interpolator(image: sitk.Image, method: str, *, labels: bool) -> int:
    if labels:
        return int(sitk.sitkLabelLinear)
    if method == "label":
        return int(sitk.sitkNearestNeighbor)
    if method == "spline" and min(image.GetSize()) >= 4:
        return int(sitk.sitkBSpline)
    return int(sitk.sitkLinear)
