"""Bone: what is dense in CT, with the marrow that dense bone encloses."""

from __future__ import annotations

import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy import uint8
from skimage.filters import apply_hysteresis_threshold

from medcore.errors import N_, Message
from medcore.imaging.itk import to_voxels
from medcore.imaging.regions import Found, Reason, Region, Watch
from medcore.imaging.regions._shapes import (
    SKIN_HU,
    Inside,
    back_to,
    closed,
    coarse_image,
    dilated,
    filled,
    nothing_found,
    opened,
    pieces,
    trunk,
    within,
)
from medcore.volume import Volume

SPONGY_HU, CORTEX_HU, METAL_HU = 180.0, 300.0, 2800.0
COARSE_MM = 2.0
SHEET_MM, COUCH_MM = 2.5, 8.0
SPECK_ML = 0.3
POOL_MM = 5.0  # half of the thickness of a pool of contrast
EVEN_SHARE = 0.2  # deviation over mean
MARROW_MM = 2.0  # half of the gaps that are closed
SHARE_PERCENT = (2.0, 30.0)  # of the body: abdomen to head


class Bone(Region):
    """Hysteresis threshold within the body, specks removed, marrow closed in each plane."""

    title = N_("Bone")
    summary = N_("Dense bone and the marrow it encloses, in CT. Contrast in vessels and metal may be taken for bone.")
    modalities = ("CT",)
    needs_hu = True
    names = {1: N_("Bone")}  # noqa: RUF012  (read only)

    def find(self, scan: Volume, watch: Watch) -> Found:
        small = coarse_image(scan, COARSE_MM)
        solid, found = trunk(small, SKIN_HU, sheet_mm=SHEET_MM, couch_mm=COUCH_MM)
        if not found:
            return nothing_found(scan, Message(N_("Nothing stands out from the background.")))
        body = back_to(dilated(solid, COARSE_MM), scan)
        watch(0.4)
        dense = apply_hysteresis_threshold(scan.voxels, SPONGY_HU, CORTEX_HU) & body
        image = sitk.GetImageFromArray(dense.astype(uint8))
        image.SetSpacing(scan.geometry.steps[::-1])
        numbered = sitk.RelabelComponent(sitk.ConnectedComponent(image, True), _voxels(SPECK_ML, scan))
        watch(0.7)
        inside = to_voxels(filled(closed(sitk.Greater(numbered, 0), MARROW_MM))).astype(bool) & body
        if not inside.any():
            return nothing_found(scan, Message(N_("Nothing as dense as bone was found inside the body.")))
        return Found(inside.astype(uint8), (*_reasons(inside, body, scan), _contrast(small)))


def _contrast(small: sitk.Image) -> Reason:
    """How much of what is dense is thick and even, as vessels and heart chambers with contrast are and bone is not."""
    dense = sitk.Greater(small, SPONGY_HU)
    numbered, volumes = pieces(opened(dense, POOL_MM))
    values, numbers = to_voxels(small), to_voxels(numbered)
    even = 0.0
    for number, ml in enumerate(volumes, start=1):
        inside = values[numbers == number]
        even += ml if inside.std() < EVEN_SHARE * inside.mean() else 0.0
    percent = 100.0 * even / max(sum(pieces(dense)[1]), 1e-9)
    return Reason(
        Message(
            N_("{percent} % of it is thick and even, as vessels with contrast are."), {"percent": f"{percent:.0f}"}
        ),
        within(percent, 0, 5, soft=60),
    )


def _voxels(ml: float, scan: Volume) -> int:
    return max(1, round(ml / scan.geometry.voxel_ml))


def _reasons(inside: Inside, body: Inside, scan: Volume) -> tuple[Reason, ...]:
    percent = 100.0 * int(inside.sum()) / max(int(body.sum()), 1)
    values = scan.voxels[inside]
    mean, metal = float(values.mean()), 100.0 * float((values > METAL_HU).mean())
    low, high = SHARE_PERCENT
    return (
        Reason(
            Message(
                N_("{percent} % of the body (expected {low} to {high})."),
                {"percent": f"{percent:.1f}", "low": f"{low:.0f}", "high": f"{high:.0f}"},
            ),
            within(percent, low, high, soft=low),
        ),
        Reason(
            Message(N_("Mean value {mean} HU (expected 200 to 900)."), {"mean": f"{mean:.0f}"}),
            within(mean, 200, 900, soft=200),
        ),
        Reason(
            Message(N_("{percent} % of it is as dense as metal."), {"percent": f"{metal:.1f}"}),
            within(metal, 0, 0.5, soft=5),
        ),
    )


REGION = Bone()
