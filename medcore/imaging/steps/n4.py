"""N4: remove the slow brightness variation that MR receive coils leave (Tustison 2010)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_, Message, RecipeError
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.imaging.steps._filters import run, slices_or_volume, voxels_of
from medcore.recipes import Parameter
from medcore.records import Issue, Severity
from medcore.volume import Volume

FIT_SHARE = 0.85  # of the time; the rest is spreading the field over the full grid
MIN_SIDE = 8  # voxels of the shrunken image, so that the splines have something to hold to


class N4(GreyStep):
    """`sitk.N4BiasFieldCorrection` on a shrunken copy; the field is then divided out of the full image."""

    title = N_("N4 bias correction")
    summary = N_("Removes the slow brightness variation of MR receive coils.")
    group = Group.GREY
    modalities = ("MR",)
    parameters = (
        Parameter(
            "shrink",
            N_("Shrink for the fit"),
            4,
            low=1,
            high=8,
            step=1,
            explained=N_("Larger is faster, and mostly as good."),
        ),
        Parameter("levels", N_("Fitting levels"), 3, low=1, high=5, step=1),
        Parameter("iterations", N_("Iterations a level"), 50, low=5, high=200, step=5),
    )
    speed = 7e5

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        image = slices_or_volume(scan)
        lowest = min(0.0, float(scan.voxels.min()))
        if lowest < 0:
            image = image - lowest  # N4 takes logarithms
        if scan.voxels.min() == scan.voxels.max():
            raise RecipeError(N_("N4 bias correction: all values are the same."), hint=N_("Leave the step out."))
        shrink = [max(1, min(int(settings["shrink"]), n // MIN_SIDE)) for n in image.GetSize()]
        small = sitk.Shrink(image, shrink)
        fit = sitk.N4BiasFieldCorrectionImageFilter()
        fit.SetMaximumNumberOfIterations([int(settings["iterations"])] * int(settings["levels"]))
        run(fit, small, sitk.OtsuThreshold(small, 0, 1, 200), watch=watch, span=(0.0, FIT_SHARE))
        field = np.exp(voxels_of(fit.GetLogBiasFieldAsImage(image)))
        corrected = voxels_of(image) / field + lowest
        low, high = (float(x) for x in np.percentile(field, (2, 98)))
        note = Issue(
            "bias_removed",
            Severity.INFO,
            Message(
                N_("A brightness variation of {percent} % was removed."), {"percent": f"{100 * (high / low - 1):.0f}"}
            ),
            measured=100 * (high / low - 1),
        )
        watch(1.0)
        return replace(scan, voxels=corrected.astype(np.float32)), (note,)


STEP = N4()
