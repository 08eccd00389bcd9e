"""Reorientation: turn and flip the axes so that slices, rows and columns run as asked; no voxel is interpolated."""

from __future__ import annotations

import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_, Message
from medcore.imaging.steps import Group, Settings, SpatialStep
from medcore.recipes import Parameter
from medcore.volume import Scale, Volume

# Where columns, rows and slices grow to, as SimpleITK writes it.
CODES = {"axial": "LPS", "coronal": "LIP", "sagittal": "PIL", "ras": "RAS"}


class Reorient(SpatialStep):
    """`sitk.DICOMOrient`; an oblique scan stays oblique, its axes go to the nearest directions."""

    title = N_("Reorient")
    summary = N_("Turns and flips the axes; every voxel keeps its value and its place in the patient.")
    group = Group.SPACE
    parameters = (
        Parameter(
            "plane",
            N_("Slices"),
            "axial",
            choices={
                "axial": N_("axial, from the feet up"),
                "coronal": N_("coronal, from front to back"),
                "sagittal": N_("sagittal, from right to left"),
                "ras": N_("axial, RAS order of research software"),
            },
        ),
    )
    speed = 5e7

    def refusal(self, scan: Volume) -> Message | None:
        if scan.geometry.scale is not Scale.PATIENT:
            return Message(N_("“{step!t}” needs a scan with patient coordinates."), {"step": self.title})
        return super().refusal(scan)

    def move(self, image: sitk.Image, settings: Settings, *, fill: float, labels: bool) -> sitk.Image:
        return sitk.DICOMOrient(image, CODES[str(settings["plane"])])


STEP = Reorient()
