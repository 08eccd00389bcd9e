"""Median filter: replace each voxel by the median around it; removes specks, keeps edges."""

from __future__ import annotations

from dataclasses import replace

import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_
from medcore.imaging.itk import to_image, to_voxels
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.imaging.steps._filters import run
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Volume


class DenoiseMedian(GreyStep):
    """`sitk.MedianImageFilter`."""

    title = N_("Denoise: median")
    summary = N_("Takes the median of the voxels around each; removes specks and keeps edges.")
    group = Group.NOISE
    parameters = (
        Parameter("radius", N_("Radius in the slice"), 1, unit="px", low=1, high=7, step=1),
        Parameter("slices", N_("Radius across slices"), 0, unit="px", low=0, high=3, step=1),
    )
    speed = 5e6

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        median = sitk.MedianImageFilter()
        across = min(int(settings["slices"]), scan.shape[0] - 1)
        median.SetRadius([int(settings["radius"]), int(settings["radius"]), across])
        image = run(median, to_image(scan.voxels, scan.geometry), watch=watch)
        return replace(scan, voxels=to_voxels(image)), ()


STEP = DenoiseMedian()
