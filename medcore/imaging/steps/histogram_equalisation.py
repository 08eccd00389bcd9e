"""Histogram equalisation: spread the values so that each grey occurs about as often as any other."""

from __future__ import annotations

import numpy as np
from skimage.exposure import equalize_hist, rescale_intensity

from medcore.errors import N_
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.imaging.steps._grey import UNIT_WINDOW, as_grey, lost_unit
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Volume


class HistogramEqualisation(GreyStep):
    """`skimage.exposure.equalize_hist` over the whole scan, its result stretched to 0..1."""

    title = N_("Histogram equalisation")
    summary = N_("Spreads the values so that every grey occurs about equally often.")
    group = Group.GREY
    parameters = (Parameter("bins", N_("Grey levels"), 256, low=16, high=4096, step=16),)
    speed = 2e7

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        values = equalize_hist(np.asarray(scan.voxels, dtype=np.float32), nbins=int(settings["bins"]))
        if values.max() > values.min():  # with much background even black lies near 1
            values = rescale_intensity(values, in_range="image", out_range=(0.0, 1.0))
        return as_grey(scan, values, window=UNIT_WINDOW), lost_unit(scan)


STEP = HistogramEqualisation()
