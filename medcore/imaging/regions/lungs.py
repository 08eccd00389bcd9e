"""Lungs: the air inside the chest, right and left, with the vessels in it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy import uint8
from numpy.typing import NDArray
from skimage.segmentation import watershed

from medcore.errors import N_, Message
from medcore.imaging.itk import to_voxels
from medcore.imaging.regions import Found, Reason, Region, Watch
from medcore.imaging.regions._shapes import (
    SKIN_HU,
    axial_axis,
    back_to,
    closed,
    coarse_image,
    cut_at_ends,
    eroded,
    filled,
    nothing_found,
    pieces,
    touching_sides,
    trunk,
    volume_ml,
    within,
)
from medcore.volume import Volume

AIR_HU = -400.0
COARSE_MM = 2.0
VESSEL_MM = 6.0  # half of the width of what is closed
SHEET_MM, COUCH_MM = 2.5, 8.0
GAS_HU = -970.0  # the median of gas in the bowel, the stomach or outside; a lung holds tissue
PIECE_ML, PART_ML = 100.0, 15.0  # the smallest piece taken for a lung, or for a slab of one
EACH_ML = (600.0, 4500.0)
LUNG_HU = (-930.0, -550.0)
RIGHT, LEFT = 1, 2


class Lungs(Region):
    """Air within the filled body, the large pieces, closed over vessels, split into right and left by a watershed."""

    title = N_("Lungs")
    summary = N_("Right and left lung with their vessels and the large airways, in CT.")
    modalities = ("CT",)
    needs_hu = True
    names = {RIGHT: N_("Right lung"), LEFT: N_("Left lung")}  # noqa: RUF012  (read only)

    def find(self, scan: Volume, watch: Watch) -> Found:
        small = coarse_image(scan, COARSE_MM)
        body, found = trunk(small, SKIN_HU, sheet_mm=SHEET_MM, couch_mm=COUCH_MM)
        if not found:
            return nothing_found(scan, Message(N_("Nothing stands out from the background.")))
        watch(0.3)
        air = sitk.And(sitk.Less(small, AIR_HU), eroded(body, COARSE_MM))
        lungs = _large_pieces(air, small, thin=small.GetSize()[2] * small.GetSpacing()[2] < 100)
        if lungs is None:
            return nothing_found(scan, Message(N_("No air of the kind that lungs hold was found inside the body.")))
        watch(0.5)
        sides = _sides(lungs)
        watch(0.7)
        labels = np.zeros(scan.shape, dtype=uint8)
        for side in (RIGHT, LEFT):  # each by itself: closed together they would enclose the mediastinum
            image = sitk.GetImageFromArray((sides == side).astype(uint8))
            image.CopyInformation(lungs)
            whole = filled(closed(image, VESSEL_MM), axes=(axial_axis(scan),))
            labels[back_to(sitk.And(whole, body), scan) & (labels == 0)] = side
        return Found(labels, _reasons(labels, scan))


def _large_pieces(air: sitk.Image, small: sitk.Image, *, thin: bool) -> sitk.Image | None:
    numbered, volumes = pieces(air)
    values, numbers = to_voxels(small), to_voxels(numbered)
    least = PART_ML if thin else PIECE_ML
    kept = [
        number
        for number, ml in enumerate(volumes[:6], start=1)
        if ml >= max(least, 0.08 * volumes[0]) and np.median(values[numbers == number]) > GAS_HU
    ][:2]
    if not kept:
        return None
    return sitk.ChangeLabel(numbered, {n: 1 if n in kept else 0 for n in range(1, len(volumes) + 1)}) > 0


def _sides(lungs: sitk.Image) -> NDArray[uint8]:
    """(S, R, C) of the coarse grid: right 1, left 2, by where the pieces lie in the patient (LPS: left is positive)."""
    inside = to_voxels(lungs).astype(bool)
    seeds = _seeds(lungs)
    distance = sitk.SignedMaurerDistanceMap(lungs, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)
    split = watershed(-to_voxels(distance), markers=seeds, mask=inside)
    places = [_middle_x_mm(split == number, lungs) for number in (1, 2)]
    if places[1] is None:  # one lung only: which side is told by the middle of the field
        centre = lungs.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in lungs.GetSize()])[0]
        side = RIGHT if places[0] is not None and places[0] < centre else LEFT
        return np.where(inside, side, 0).astype(uint8)
    first_is_right = places[0] is not None and places[0] < places[1]
    order = (0, RIGHT, LEFT) if first_is_right else (0, LEFT, RIGHT)
    sides: NDArray[uint8] = np.asarray(order, dtype=uint8)[split]
    return sides


def _seeds(lungs: sitk.Image) -> NDArray[np.int32]:
    """Two pieces to grow from: those there are, or those that remain when the bridge between them is eroded away."""
    for radius_mm in (0.0, 4.0, 8.0, 12.0, 16.0):
        numbered, volumes = pieces(eroded(lungs, radius_mm) if radius_mm else lungs)
        if len(volumes) > 1 and volumes[1] > 0.2 * volumes[0]:
            numbers = to_voxels(numbered).astype(np.int32)
            return np.where(numbers <= 2, numbers, 0)
    return to_voxels(lungs).astype(np.int32)


def _middle_x_mm(inside: NDArray[np.bool_], image: sitk.Image) -> float | None:
    if not inside.any():
        return None
    s, r, c = np.argwhere(inside).mean(axis=0).tolist()
    return float(image.TransformContinuousIndexToPhysicalPoint([c, r, s])[0])


def _reasons(labels: NDArray[uint8], scan: Volume) -> tuple[Reason, ...]:
    inside = labels > 0
    right, left = (volume_ml(labels == side, scan) for side in (RIGHT, LEFT))
    mean = float(scan.voxels[inside].mean()) if inside.any() else 0.0
    ratio = min(right, left) / max(right, left, 1e-9)
    values: dict[str, str | int | float] = {"right": f"{right:.0f}", "left": f"{left:.0f}"}
    if cut_at_ends(inside, scan):
        size = Reason(
            Message(N_("Only a part of the lungs is in the scan: right {right} ml, left {left} ml."), values), 0.7
        )
    else:
        score = min(within(ml, *EACH_ML, soft=EACH_ML[0]) for ml in (right, left))
        size = Reason(Message(N_("Right {right} ml, left {left} ml (expected 600 to 4500 each)."), values), score)
    return (
        size,
        Reason(
            Message(N_("The smaller lung has {percent} % of the larger one."), {"percent": f"{100 * ratio:.0f}"}),
            within(ratio, 0.5, 1.0, soft=0.5),
        ),
        Reason(
            Message(N_("Mean value {mean} HU (expected −930 to −550)."), {"mean": f"{mean:.0f}".replace("-", "−")}),
            within(mean, *LUNG_HU, soft=150),
        ),
        touching_sides(inside, scan),
    )


REGION = Lungs()
