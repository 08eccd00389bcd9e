"""Resizing rules: bring every slice to a number of rows and columns by fitting, filling or cutting out the middle."""

from __future__ import annotations

import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_
from medcore.imaging.steps import Group, Settings, SpatialStep
from medcore.imaging.steps._grid import ANTIALIAS, METHOD, check_size, sample
from medcore.recipes import Parameter


class Resize(SpatialStep):
    """Fit and fill with `sitk.Resample` onto square pixels; the middle with `sitk.Crop` and `sitk.ConstantPad`."""

    title = N_("Resize")
    summary = N_("Brings every slice to a number of rows and columns, without stretching it.")
    group = Group.SPACE
    parameters = (
        Parameter(
            "rule",
            N_("Rule"),
            "fit",
            choices={
                "fit": N_("fit: all of it, with a margin"),
                "fill": N_("fill: no margin, the sides are cut off"),
                "centre": N_("centre crop: pixels keep their size"),
            },
        ),
        Parameter("rows", N_("Rows"), 224, unit="px", low=16, high=4096, step=16),
        Parameter("columns", N_("Columns"), 224, unit="px", low=16, high=4096, step=16),
        METHOD,
        ANTIALIAS,
    )
    speed = 5e6

    def on_part(self, settings: Settings, *, coarser: float, few_slices: bool) -> Settings:
        if settings["rule"] != "centre":
            return settings  # the result has the same size whatever it is made from
        return super().on_part(settings, coarser=coarser, few_slices=few_slices)

    def move(self, image: sitk.Image, settings: Settings, *, fill: float, labels: bool) -> sitk.Image:
        columns, rows, rule = int(settings["columns"]), int(settings["rows"]), str(settings["rule"])
        size, old = image.GetSize(), image.GetSpacing()
        check_size((columns, rows, size[2]), step=self.title)
        if rule == "centre":
            return _middle(image, columns, rows, fill)
        ratios = size[0] * old[0] / columns, size[1] * old[1] / rows
        pixel = max(ratios) if rule == "fit" else min(ratios)
        return sample(
            image,
            size=(columns, rows, size[2]),
            spacing=(pixel, pixel, old[2]),
            method=str(settings["method"]),
            antialias=bool(settings["antialias"]),
            labels=labels,
            outside=fill,
        )


def _middle(image: sitk.Image, columns: int, rows: int, fill: float) -> sitk.Image:
    """The middle of each slice, copied exactly; where the slice is smaller, a margin around it."""
    lower, upper, before, after = [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]
    for axis, wanted in enumerate((columns, rows)):
        over = image.GetSize()[axis] - wanted
        side, other = (lower, upper) if over > 0 else (before, after)
        side[axis], other[axis] = abs(over) // 2, abs(over) - abs(over) // 2
    return sitk.ConstantPad(sitk.Crop(image, lower, upper), before, after, fill)


STEP = Resize()
