"""Padding: add voxels at the six sides."""

from __future__ import annotations

import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_
from medcore.imaging.steps import Group, Settings, SpatialStep
from medcore.imaging.steps._grid import check_size
from medcore.recipes import Parameter
from medcore.volume import Volume

MOST = 2048
SIDES = (
    ("rows_start", N_("Rows at the top")),
    ("rows_end", N_("Rows at the bottom")),
    ("columns_start", N_("Columns at the left")),
    ("columns_end", N_("Columns at the right")),
    ("slices_start", N_("First slices")),
    ("slices_end", N_("Last slices")),
)


class Pad(SpatialStep):
    """`sitk.ConstantPad`: the scan itself is copied exactly."""

    title = N_("Pad")
    summary = N_("Adds voxels of one value at the sides; the scan itself is copied exactly.")
    group = Group.SPACE
    parameters = (
        *(Parameter(id_, title, 0, unit="px", low=0, high=MOST, step=1) for id_, title in SIDES),
        Parameter(
            "value",
            N_("Filled with"),
            "lowest",
            choices={"lowest": N_("the lowest value of the scan"), "zero": N_("0")},
        ),
    )
    speed = 1e8

    def fill(self, scan: Volume, settings: Settings) -> float:
        return 0.0 if settings["value"] == "zero" else super().fill(scan, settings)

    def move(self, image: sitk.Image, settings: Settings, *, fill: float, labels: bool) -> sitk.Image:
        lower = [int(settings[f"{axis}_start"]) for axis in ("columns", "rows", "slices")]
        upper = [int(settings[f"{axis}_end"]) for axis in ("columns", "rows", "slices")]
        check_size([n + a + b for n, a, b in zip(image.GetSize(), lower, upper, strict=True)], step=self.title)
        return sitk.ConstantPad(image, lower, upper, fill)


STEP = Pad()
