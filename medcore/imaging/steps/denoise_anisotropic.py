"""Anisotropic diffusion: smooth within regions and stop at edges (Perona and Malik 1990)."""

from __future__ import annotations

from dataclasses import replace

import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_
from medcore.imaging.steps import GreyStep, Group, Settings, Watch, rounded
from medcore.imaging.steps._filters import run, slices_or_volume, voxels_of
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Volume

TIME_STEP = 0.0625  # stable in three dimensions with steps of one voxel


class DenoiseAnisotropic(GreyStep):
    """`sitk.GradientAnisotropicDiffusion`, in steps of voxels."""

    title = N_("Denoise: anisotropic diffusion")
    summary = N_("Smooths within regions and stops at edges.")
    group = Group.NOISE
    parameters = (
        Parameter("iterations", N_("Iterations"), 5, low=1, high=30, step=1),
        Parameter(
            "conductance",
            N_("Conductance"),
            2.0,
            low=0.5,
            high=10.0,
            step=0.5,
            explained=N_("Larger values smooth across stronger edges too."),
        ),
    )
    speed = 2e6

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        image = slices_or_volume(scan)
        image.SetSpacing([1.0] * image.GetDimension())
        diffusion = sitk.GradientAnisotropicDiffusionImageFilter()
        diffusion.SetTimeStep(TIME_STEP)
        diffusion.SetConductanceParameter(float(settings["conductance"]))
        diffusion.SetNumberOfIterations(int(settings["iterations"]))
        values = voxels_of(run(diffusion, image, watch=watch))
        return replace(scan, voxels=rounded(values, scan.voxels.dtype)), ()


STEP = DenoiseAnisotropic()
