"""Gamma: brighten or darken the middle greys; black and white stay."""

from __future__ import annotations

from skimage.exposure import adjust_gamma

from medcore.errors import N_
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.imaging.steps._grey import UNIT_WINDOW, as_grey, lost_unit, to_unit_range
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Volume


class Gamma(GreyStep):
    """`skimage.exposure.adjust_gamma` on values scaled to 0..1."""

    title = N_("Gamma")
    summary = N_("Brightens (below 1) or darkens (above 1) the middle greys.")
    group = Group.GREY
    parameters = (Parameter("gamma", N_("Gamma"), 0.8, low=0.2, high=5.0, step=0.05),)

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        values = adjust_gamma(to_unit_range(scan.voxels), gamma=float(settings["gamma"]))
        return as_grey(scan, values, window=UNIT_WINDOW), lost_unit(scan)


STEP = Gamma()
