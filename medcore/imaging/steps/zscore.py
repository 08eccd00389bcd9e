"""z-score: subtract the mean and divide by the standard deviation."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_, RecipeError
from medcore.imaging.itk import to_image, to_voxels
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.imaging.steps._grey import OVER, as_grey, chosen_values, lost_unit
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Volume, Window

NO_CLIP = 0.0


class ZScore(GreyStep):
    """`sitk.ShiftScale` by mean and standard deviation; 0 is the mean, 1 one standard deviation above it."""

    title = N_("z-score")
    summary = N_("Subtracts the mean and divides by the standard deviation.")
    group = Group.GREY
    parameters = (
        OVER,
        Parameter(
            "clip", N_("Clip at"), NO_CLIP, unit="SD", low=0.0, high=10.0, step=0.5, explained=N_("0: do not clip.")
        ),
    )

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        values = chosen_values(scan.voxels, str(settings["over"])).astype(np.float64)
        mean, deviation = float(values.mean()), float(values.std())
        if deviation == 0:
            raise RecipeError(
                N_("z-score: all values are the same, so they have no spread."),
                hint=N_("Take the statistics over all voxels, or leave the step out."),
            )
        image = to_image(scan.voxels.astype(np.float64), scan.geometry)
        scored = to_voxels(sitk.ShiftScale(image, -mean, 1.0 / deviation)).astype(np.float32)
        limit = float(settings["clip"])
        if limit > NO_CLIP:
            scored = np.clip(scored, -limit, limit)
        return as_grey(scan, scored, window=Window(0.5, 5.0)), lost_unit(scan)


STEP = ZScore()
