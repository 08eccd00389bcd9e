"""Cropping to the content: take away the empty margin around what is in the scan."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_
from medcore.imaging.content import content
from medcore.imaging.steps import Group, Settings, SpatialStep, Watch, Work
from medcore.recipes import Parameter
from medcore.volume import Volume


class CropContent(SpatialStep):
    """`sitk.Crop` to the box around the voxels that stand out from the background."""

    title = N_("Crop to the content")
    summary = N_("Takes away the empty margin around what is brighter than the background.")
    group = Group.SPACE
    parameters = (Parameter("margin", N_("Margin left around"), 8, unit="px", low=0, high=200, step=1),)
    speed = 3e7

    def apply(self, work: Work, settings: Settings, watch: Watch) -> Work:
        sides = _margins(work.volume, int(settings["margin"]))
        return super().apply(work, {**settings, **sides}, watch)

    def move(self, image: sitk.Image, settings: Settings, *, fill: float, labels: bool) -> sitk.Image:
        axes = ("columns", "rows", "slices")
        return sitk.Crop(
            image,
            [int(settings[f"{axis}_start"]) for axis in axes],
            [int(settings[f"{axis}_end"]) for axis in axes],
        )


def _margins(scan: Volume, margin: int) -> dict[str, int]:
    """How many voxels to take away at each side; none where nothing stands out."""
    there = content(scan)
    sides = {}
    for axis, name in enumerate(("slices", "rows", "columns")):
        others = tuple(other for other in range(3) if other != axis)
        where = np.flatnonzero(there.any(axis=others))
        first, last = (int(where[0]), int(where[-1])) if where.size else (0, scan.shape[axis] - 1)
        sides[f"{name}_start"] = max(0, first - margin)
        sides[f"{name}_end"] = max(0, scan.shape[axis] - 1 - last - margin)
    return sides


STEP = CropContent()
