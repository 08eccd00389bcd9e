"""Brain: the head without scalp, skull and neck (skull stripping), by thresholds and morphology."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy import uint8

from medcore.errors import N_, Message
from medcore.imaging.itk import to_voxels
from medcore.imaging.regions import Found, Reason, Region, Watch
from medcore.imaging.regions._shapes import (
    Inside,
    back_to,
    closed,
    coarse_image,
    cut_at_ends,
    dilated,
    eroded,
    filled,
    largest,
    nothing_found,
    pieces,
    skin_value,
    volume_ml,
    within,
)
from medcore.volume import Volume

COARSE_MM = 2.0
SCALP_MM = 7.0  # the brain begins at least so deep below the skin
BRIDGES_MM = (3.0, 4.0, 6.0, 8.0)  # half of the width of what may join brain and scalp, tried in this order
SULCI_MM = 6.0
CORE = 0.5  # of the greatest depth below the skin
DARK, BRIGHT = 0.55, 2.2  # of the typical value in the core: fluid and bone below, fat above
WHOLE_ML = (900.0, 1900.0)
MOST_OF_HEAD = 0.62  # more than this share of the head is not brain alone


class Brain(Region):
    """Tissue deeper than the scalp, eroded until it comes free, its largest piece grown back and closed over sulci."""

    title = N_("Brain")
    summary = N_("The brain without scalp, skull and neck, in MR (made for T1, works on others with care).")
    modalities = ("MR",)
    names = {1: N_("Brain")}  # noqa: RUF012  (read only)

    def find(self, scan: Volume, watch: Watch) -> Found:
        small = sitk.CurvatureFlow(coarse_image(scan, COARSE_MM), 0.05, 3)
        values = to_voxels(small)
        if values.min() == values.max():
            return nothing_found(scan, Message(N_("Nothing stands out from the background.")))
        head = filled(closed(largest(sitk.Greater(small, skin_value(scan, small))), 3 * COARSE_MM))
        watch(0.3)
        inner = eroded(head, SCALP_MM)  # the border of the field is no surface
        core = _core(head)
        if not core.any():
            return nothing_found(scan, Message(N_("No head was found in the scan.")))
        typical = float(np.median(values[core]))
        tissue = sitk.And(sitk.BinaryThreshold(small, DARK * typical, BRIGHT * typical), inner)
        brain, radius_mm = _freed(tissue, head, core)
        watch(0.7)
        brain = sitk.And(filled(closed(brain, SULCI_MM)), inner)
        inside = back_to(brain, scan)
        return Found(inside.astype(uint8), _reasons(inside, brain, head, scan, radius_mm))


def _core(head: sitk.Image) -> Inside:
    """The middle of the widest part of the head, which is brain: face and neck are narrower."""
    distance = sitk.SignedMaurerDistanceMap(head, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)
    depth = to_voxels(distance)
    return np.asarray(depth > max(CORE * float(depth.max()), SCALP_MM))


def _freed(tissue: sitk.Image, head: sitk.Image, core: Inside) -> tuple[sitk.Image, float]:
    """The piece in the core that remains when bridges to the outside are eroded away, grown back within the tissue."""
    head_ml = pieces(head)[1][0]
    best = _in_core(tissue, core)
    for radius_mm in BRIDGES_MM:
        grown = sitk.And(dilated(_in_core(eroded(tissue, radius_mm), core), radius_mm + COARSE_MM), tissue)
        ml = sum(pieces(grown)[1])
        if ml < 0.15 * head_ml:
            break
        best = _in_core(grown, core)
        if ml <= min(MOST_OF_HEAD * head_ml, WHOLE_ML[1]):
            return best, radius_mm
    return best, BRIDGES_MM[-1]


def _in_core(inside: sitk.Image, core: Inside) -> sitk.Image:
    """The piece that has most of the core."""
    numbered, volumes = pieces(inside)
    counts = np.bincount(to_voxels(numbered)[core], minlength=len(volumes) + 1)
    return sitk.Equal(numbered, int(np.argmax(counts[1:])) + 1 if volumes else 1)


def _reasons(inside: Inside, brain: sitk.Image, head: sitk.Image, scan: Volume, radius_mm: float) -> tuple[Reason, ...]:
    ml, head_ml = volume_ml(inside, scan), (pieces(head)[1] or [1.0])[0]
    share = ml / head_ml
    low, high = WHOLE_ML
    values: dict[str, str | int | float] = {"volume": f"{ml:.0f}", "low": f"{low:.0f}", "high": f"{high:.0f}"}
    if cut_at_ends(inside, scan):
        size = Reason(
            Message(N_("{volume} ml; only a part of the brain is in the scan."), values),
            within(ml, 100, high, soft=300),
        )
    else:
        size = Reason(Message(N_("{volume} ml (expected {low} to {high})."), values), within(ml, low, high, soft=400))
    return (
        size,
        Reason(
            Message(N_("{percent} % of the head."), {"percent": f"{100 * share:.0f}"}),
            within(share, 0.2, MOST_OF_HEAD, soft=0.2),
        ),
        _symmetry(inside, scan),
        Reason(
            Message(N_("Set free from the skull by an erosion of {radius} mm."), {"radius": f"{radius_mm:.0f}"}),
            1.0 if radius_mm < BRIDGES_MM[-1] else 0.5,
        ),
    )


def _symmetry(inside: Inside, scan: Volume) -> Reason:
    """Share of the half that is smaller, right and left of the middle of the region itself."""
    axis = int(np.argmax(np.abs(scan.geometry.affine[0, :3])))
    profile = np.moveaxis(inside, axis, 0).sum(axis=(1, 2)).astype(float)
    where = np.flatnonzero(profile)
    if where.size < 2:
        return Reason(Message(N_("Nothing to compare right and left.")), 0.0)
    middle = (where[0] + where[-1]) / 2
    places = np.arange(profile.size)
    right, left = profile[places < middle].sum(), profile[places > middle].sum()
    ratio = float(min(right, left) / max(right, left, 1.0))
    return Reason(
        Message(N_("The smaller half has {percent} % of the larger one."), {"percent": f"{100 * ratio:.0f}"}),
        within(ratio, 0.85, 1.0, soft=0.4),
    )


REGION = Brain()
