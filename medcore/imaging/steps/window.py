"""Window: show the values around a centre, as a radiologist sets them, and clip the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_
from medcore.imaging.itk import to_image, to_voxels
from medcore.imaging.steps import GreyStep, Group, Settings, Watch, rounded
from medcore.imaging.steps._grey import UNIT_WINDOW, as_grey, clipped, lost_unit
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Unit, Volume, Window


class WindowStep(GreyStep):
    """`sitk.IntensityWindowing`, or clipping in the scan's own unit."""

    title = N_("Window")
    summary = N_("Keeps the values around a centre and clips what lies beyond.")
    group = Group.GREY
    parameters = (
        Parameter("centre", N_("Centre"), 40.0, low=-2000.0, high=65535.0, step=1.0),
        Parameter("width", N_("Width"), 400.0, low=1.0, high=65535.0, step=1.0),
        Parameter(
            "output",
            N_("Result"),
            "unit",
            choices={"unit": N_("0 to 1"), "keep": N_("clipped, in the scan's own unit")},
        ),
    )

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        window = Window(float(settings["centre"]), float(settings["width"]))
        notes = clipped(scan.voxels, window.low, window.high)
        if settings["output"] == "keep" and scan.unit is not Unit.RGB:
            values = rounded(np.clip(scan.voxels, window.low, window.high), scan.voxels.dtype)
            return replace(scan, voxels=values, window=window), notes
        image = to_image(scan.voxels.astype(np.float32), scan.geometry)
        shown = sitk.IntensityWindowing(image, window.low, window.high, 0.0, 1.0)
        return as_grey(scan, to_voxels(shown), window=UNIT_WINDOW), (*notes, *lost_unit(scan))


STEP = WindowStep()
