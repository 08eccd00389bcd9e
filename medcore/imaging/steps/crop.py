"""Cropping: take voxels away at the six sides."""

from __future__ import annotations

import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_
from medcore.imaging.steps import Group, Settings, SpatialStep
from medcore.imaging.steps._grid import check_size
from medcore.recipes import Parameter

MOST = 8192
SIDES = (
    ("rows_start", N_("Rows at the top")),
    ("rows_end", N_("Rows at the bottom")),
    ("columns_start", N_("Columns at the left")),
    ("columns_end", N_("Columns at the right")),
    ("slices_start", N_("First slices")),
    ("slices_end", N_("Last slices")),
)


class Crop(SpatialStep):
    """`sitk.Crop`: what stays is copied exactly."""

    title = N_("Crop")
    summary = N_("Takes voxels away at the sides; what stays is copied exactly.")
    group = Group.SPACE
    parameters = tuple(Parameter(id_, title, 0, unit="px", low=0, high=MOST, step=1) for id_, title in SIDES)
    speed = 1e8

    def move(self, image: sitk.Image, settings: Settings, *, fill: float, labels: bool) -> sitk.Image:
        lower = [int(settings[f"{axis}_start"]) for axis in ("columns", "rows", "slices")]
        upper = [int(settings[f"{axis}_end"]) for axis in ("columns", "rows", "slices")]
        check_size([n - a - b for n, a, b in zip(image.GetSize(), lower, upper, strict=True)], step=self.title)
        return sitk.Crop(image, lower, upper)


STEP = Crop()
