"""Percentile normalisation: map two percentiles of the values to 0 and 1 and clip the rest."""

from __future__ import annotations

import numpy as np
from skimage.exposure import rescale_intensity

from medcore.errors import N_, RecipeError
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.imaging.steps._grey import OVER, UNIT_WINDOW, as_grey, chosen_values, clipped, lost_unit
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Volume


class Percentile(GreyStep):
    """`skimage.exposure.rescale_intensity` between two percentiles."""

    title = N_("Percentile normalisation")
    summary = N_("Maps a low and a high percentile of the values to 0 and 1.")
    group = Group.GREY
    parameters = (
        Parameter("low", N_("Low percentile"), 1.0, unit="%", low=0.0, high=49.0, step=0.5),
        Parameter("high", N_("High percentile"), 99.0, unit="%", low=51.0, high=100.0, step=0.5),
        OVER,
    )

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        values = chosen_values(scan.voxels, str(settings["over"]))
        low, high = (float(x) for x in np.percentile(values, (float(settings["low"]), float(settings["high"]))))
        if high <= low:
            raise RecipeError(
                N_("Percentile normalisation: both percentiles have the same value, {value}."),
                hint=N_("Choose percentiles further apart, or take the statistics over all voxels."),
                value=f"{low:.4g}",
            )
        mapped = rescale_intensity(scan.voxels.astype(np.float32), in_range=(low, high), out_range=(0.0, 1.0))
        notes = (*clipped(scan.voxels, low, high), *lost_unit(scan))
        return as_grey(scan, mapped, window=UNIT_WINDOW), notes


STEP = Percentile()
