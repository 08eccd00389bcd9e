"""Body: the patient without air and couch."""

from __future__ import annotations

import numpy as np
from numpy import uint8

from medcore.errors import N_, Message
from medcore.imaging.regions import Found, Reason, Region, Watch, in_hu
from medcore.imaging.regions._shapes import (
    Inside,
    axial_axis,
    back_to,
    coarse_image,
    dilated,
    eroded,
    nothing_found,
    one_piece,
    skin_value,
    touching_sides,
    trunk,
    within,
)
from medcore.volume import Volume

COARSE_MM = 2.5
SHEET_MM, COUCH_MM = 2.5, 8.0
SECTION_CM2 = (60.0, 1600.0)  # a child's head to the trunk of a very large adult


class Body(Region):
    """Threshold (air to fat in CT, Otsu and triangle in MR), opening, the largest piece, holes filled."""

    title = N_("Body")
    summary = N_("The patient without the air around and the couch; lungs and bowel gas included.")
    modalities = ("CT", "MR", "PT")
    names = {1: N_("Body")}  # noqa: RUF012  (read only)

    def find(self, scan: Volume, watch: Watch) -> Found:
        small = coarse_image(scan, COARSE_MM)
        threshold = skin_value(scan, small)
        hard = in_hu(scan)
        whole, volumes = trunk(small, threshold, sheet_mm=SHEET_MM if hard else 0.0, couch_mm=COUCH_MM if hard else 0.0)
        if not volumes:
            return nothing_found(scan, Message(N_("Nothing stands out from the background.")))
        watch(0.6)
        # The coarse mask says where, the scan's own voxels say exactly where the skin is.
        near, deep = back_to(dilated(whole, COARSE_MM), scan), back_to(eroded(whole, COARSE_MM), scan)
        inside = deep | (near & (scan.voxels > threshold))
        reasons = (_section(inside, scan), one_piece(volumes), touching_sides(inside, scan))
        return Found(inside.astype(uint8), reasons)


def _section(inside: Inside, scan: Volume) -> Reason:
    """The largest cross-section."""
    along = axial_axis(scan)
    counts = np.moveaxis(inside, along, 0).sum(axis=(1, 2))
    area_cm2 = float(counts.max()) * scan.geometry.voxel_ml * 10 / scan.geometry.steps[along]
    low, high = SECTION_CM2
    message = Message(
        N_("Largest cross-section {area} cm² (expected {low} to {high})."),
        {"area": f"{area_cm2:.0f}", "low": f"{low:.0f}", "high": f"{high:.0f}"},
    )
    return Reason(message, within(area_cm2, low, high, soft=low))


REGION = Body()
