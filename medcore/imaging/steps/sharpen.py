"""Sharpening: add back what a blur takes away (unsharp masking), slice by slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy import float32
from skimage.filters import unsharp_mask

from medcore.errors import N_, Message
from medcore.imaging.steps import GreyStep, Group, Settings, Watch, rounded
from medcore.recipes import Parameter
from medcore.records import Issue, Severity
from medcore.volume import Volume


class Sharpen(GreyStep):
    """`skimage.filters.unsharp_mask`; values stay within the range that the scan had."""

    title = N_("Sharpening")
    summary = N_("Makes edges steeper (unsharp mask), slice by slice; noise grows too.")
    group = Group.NOISE
    parameters = (
        Parameter("radius", N_("Radius"), 1.5, unit="px", low=0.3, high=20.0, step=0.1),
        Parameter("amount", N_("Amount"), 1.0, low=0.0, high=5.0, step=0.1),
    )
    speed = 1e7

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        low, high = scan.value_range
        values = np.empty(scan.shape, dtype=float32)
        for number, plane in enumerate(scan.voxels):
            sharp = unsharp_mask(
                plane.astype(float32),
                radius=float(settings["radius"]),
                amount=float(settings["amount"]),
                preserve_range=True,
            )
            values[number] = np.clip(sharp, low, high)
            watch((number + 1) / scan.shape[0])
        note = Issue(
            "edges_exaggerated",
            Severity.INFO,
            Message(N_("Values beside edges are exaggerated; measure them on the original.")),
        )
        return replace(scan, voxels=rounded(values, scan.voxels.dtype)), (note,)


STEP = Sharpen()
