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
    as_image,
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
SMALLER = 0.2  # of the larger lung, from which the other piece is taken for a lung
SPLIT_MM = 3.0  # voxels below it are taken in twos where touching lungs are divided
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
        lungs, body = _cropped(lungs, body)
        sides = _sides(lungs)
        watch(0.7)
        labels = np.zeros(scan.shape, dtype=uint8)
        for side in (RIGHT, LEFT):  # each by itself: closed together they would enclose the mediastinum
            whole = filled(closed(as_image(sides == side, lungs), VESSEL_MM), axes=(axial_axis(scan),))
            labels[back_to(sitk.And(whole, body), scan) & (labels == 0)] = side
        return Found(labels, _reasons(labels, scan))


def _large_pieces(air: sitk.Image, small: sitk.Image, *, thin: bool) -> sitk.Image | None:
    """The one or two pieces that lungs are, numbered from the larger on."""
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
    table = np.zeros(len(volumes) + 1, dtype=uint8)
    table[kept] = range(1, len(kept) + 1)
    image = sitk.GetImageFromArray(table[numbers])
    image.CopyInformation(small)
    return image


def _cropped(lungs: sitk.Image, body: sitk.Image) -> tuple[sitk.Image, sitk.Image]:
    """Both in the box of the lungs, with room to close them in."""
    used = np.argwhere(to_voxels(lungs).any(axis=0)), np.flatnonzero(to_voxels(lungs).any(axis=(1, 2)))
    room = [round(VESSEL_MM / mm) + 2 for mm in lungs.GetSpacing()]
    (low_r, low_c), (high_r, high_c) = used[0].min(axis=0), used[0].max(axis=0)
    low = [max(int(a) - n, 0) for a, n in zip((low_c, low_r, used[1][0]), room, strict=True)]
    high = [int(a) + n + 1 for a, n in zip((high_c, high_r, used[1][-1]), room, strict=True)]
    part = tuple(slice(a, min(b, n)) for a, b, n in zip(low, high, lungs.GetSize(), strict=True))
    return lungs[part], body[part]


def _sides(lungs: sitk.Image) -> NDArray[uint8]:
    """(S, R, C) of the coarse grid: right 1, left 2, by where the pieces lie in the patient (LPS: left is positive)."""
    split = to_voxels(lungs)
    counts = np.bincount(split.reshape(-1), minlength=3)
    if counts[2] <= SMALLER * counts[1]:
        split = _split(split > 0, lungs)
    places = [_middle_x_mm(split == number, lungs) for number in (1, 2)]
    if places[1] is None:  # one lung only: which side is told by the middle of the field
        centre = lungs.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in lungs.GetSize()])[0]
        side = RIGHT if places[0] is not None and places[0] < centre else LEFT
        return np.where(split > 0, side, 0).astype(uint8)
    first_is_right = places[0] is not None and places[0] < places[1]
    order = (0, RIGHT, LEFT) if first_is_right else (0, LEFT, RIGHT)
    sides: NDArray[uint8] = np.asarray(order, dtype=uint8)[split]
    return sides


def _split(inside: NDArray[np.bool_], like: sitk.Image) -> NDArray[np.int32]:
    """Lungs that touch, 1 and 2, divided by a watershed on a grid of twice the step."""
    factors = [2 if mm < SPLIT_MM else 1 for mm in like.GetSpacing()[::-1]]
    padded = np.pad(inside, [(0, -n % f) for n, f in zip(inside.shape, factors, strict=True)])
    sizes = [n // f for n, f in zip(padded.shape, factors, strict=True)]
    blocks = padded.reshape([n for pair in zip(sizes, factors, strict=True) for n in pair])
    image = sitk.GetImageFromArray(blocks.any(axis=(1, 3, 5)).astype(uint8))
    image.SetSpacing([mm * f for mm, f in zip(like.GetSpacing(), factors[::-1], strict=True)])
    distance = sitk.SignedMaurerDistanceMap(image, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)
    split = watershed(-to_voxels(distance), markers=_seeds(image), mask=to_voxels(image).astype(bool))
    for axis, factor in enumerate(factors):
        split = np.repeat(split, factor, axis=axis)
    part = split[tuple(slice(n) for n in inside.shape)]
    return np.where(inside, part, 0).astype(np.int32)


def _seeds(lungs: sitk.Image) -> NDArray[np.int32]:
    """Two pieces to grow from: those there are, or those that remain when the bridge between them is eroded away."""
    for radius_mm in (0.0, 4.0, 8.0, 12.0, 16.0):
        numbered, volumes = pieces(eroded(lungs, radius_mm) if radius_mm else lungs)
        if len(volumes) > 1 and volumes[1] > SMALLER * volumes[0]:
            numbers = to_voxels(numbered).astype(np.int32)
            return np.where(numbers <= 2, numbers, 0)
    return to_voxels(lungs).astype(np.int32)


def _middle_x_mm(inside: NDArray[np.bool_], image: sitk.Image) -> float | None:
    if not inside.any():
        return None
    sums = (inside.sum(axis=axes, dtype=np.int64) for axes in ((1, 2), (0, 2), (0, 1)))
    s, r, c = (float(np.average(np.arange(len(one)), weights=one)) for one in sums)
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
