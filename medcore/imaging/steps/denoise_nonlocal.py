"""Non-local means: average patches that look alike (Buades 2005), slice by slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy import float32
from skimage.restoration import denoise_nl_means, estimate_sigma

from medcore.errors import N_, Message
from medcore.imaging.steps import GreyStep, Group, Settings, Watch, rounded
from medcore.recipes import Parameter
from medcore.records import Issue, Severity
from medcore.volume import Volume


class DenoiseNonLocal(GreyStep):
    """`skimage.restoration.denoise_nl_means`, with the noise estimated from the middle slice."""

    title = N_("Denoise: non-local means")
    summary = N_("Averages patches that look alike; keeps texture better than a blur. Slow.")
    group = Group.NOISE
    parameters = (
        Parameter(
            "strength", N_("Strength"), 0.8, low=0.1, high=3.0, step=0.1, explained=N_("In units of the noise found.")
        ),
        Parameter("patch", N_("Patch"), 5, unit="px", low=3, high=11, step=1),
        Parameter("distance", N_("Search distance"), 6, unit="px", low=2, high=15, step=1),
    )
    speed = 4e5

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        low, high = scan.value_range
        scale = (high - low) or 1.0
        sigma = float(estimate_sigma((scan.voxels[scan.shape[0] // 2].astype(float32) - low) / scale))
        values = np.empty(scan.shape, dtype=float32)
        for number, plane in enumerate(scan.voxels):
            values[number] = denoise_nl_means(
                (plane.astype(float32) - low) / scale,
                patch_size=int(settings["patch"]),
                patch_distance=int(settings["distance"]),
                h=max(float(settings["strength"]) * sigma, 1e-6),
                sigma=sigma,
                fast_mode=True,
            )
            watch((number + 1) / scan.shape[0])
        note = Issue(
            "noise_found",
            Severity.INFO,
            Message(N_("Noise found: a standard deviation of {sigma}."), {"sigma": f"{sigma * scale:.3g}"}),
            measured=sigma * scale,
        )
        return replace(scan, voxels=rounded(values * scale + low, scan.voxels.dtype)), (note,)


STEP = DenoiseNonLocal()
