"""Resampling: the same scan with voxels of another size."""

from __future__ import annotations

import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_
from medcore.imaging.steps import Group, Settings, SpatialStep
from medcore.imaging.steps._grid import ANTIALIAS, METHOD, check_size, sample
from medcore.recipes import Parameter

KEEP = 0.0


class Resample(SpatialStep):
    """`sitk.Resample` onto a grid with the same middle; masks with `sitkLabelLinear`."""

    title = N_("Resample to a spacing")
    summary = N_("Gives the voxels another size in millimetres.")
    group = Group.SPACE
    needs_scale = True
    parameters = (
        Parameter(
            "in_plane", N_("In the slice"), 1.0, unit="mm", low=KEEP, high=20.0, step=0.1, explained=N_("0: as it is.")
        ),
        Parameter(
            "between", N_("Between slices"), 1.0, unit="mm", low=KEEP, high=20.0, step=0.1, explained=N_("0: as it is.")
        ),
        METHOD,
        ANTIALIAS,
    )
    speed = 5e6

    def move(self, image: sitk.Image, settings: Settings, *, fill: float, labels: bool) -> sitk.Image:
        in_plane, between = float(settings["in_plane"]), float(settings["between"])
        old, count = image.GetSpacing(), image.GetSize()
        spacing = [in_plane or old[0], in_plane or old[1], (between or old[2]) if count[2] > 1 else old[2]]
        size = [max(1, round(n * was / new)) for n, was, new in zip(count, old, spacing, strict=True)]
        check_size(size, step=self.title)
        return sample(
            image,
            size=size,
            spacing=spacing,
            method=str(settings["method"]),
            antialias=bool(settings["antialias"]),
            labels=labels,
        )


STEP = Resample()
