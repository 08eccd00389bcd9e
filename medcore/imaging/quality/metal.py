"""Metal in CT, and the streaks that it throws over the tissue around it."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy import bool_, float32
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import is_ct
from medcore.records import Issue, Severity

METAL_HU = 3000.0  # above dense bone and contrast medium; scanners cut off at 3071
MIN_METAL_MM2 = 15.0
NEAR_MM, FAR_MM = 40.0, 55.0
BODY_HU = -300.0
MAX_STREAKS = 2.0  # unrest near the metal ÷ unrest far from it (docs/quality.md)
SMOOTH_PIXELS = 7
MIN_PIXELS = 300


class Metal(Check):
    """Connected voxels of metal, and the unrest of the body near them against that far from them."""

    codes = {"metal": N_("Metal"), "streaks": N_("Metal streaks")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        if not is_ct(sample.volume) or sample.volume.value_range[1] < METAL_HU:
            return
        _, row, column = sample.steps
        masks = [metal(plane, row * column) for plane in sample.planes]
        area_mm2 = max(float(mask.sum()) for mask in masks) * row * column
        if area_mm2 == 0:
            return
        yield Issue(
            "metal",
            Severity.INFO,
            Message(N_("There is metal in the scan: {area:.0f} mm² above {limit:.0f} HU in one slice."),
                    {"area": area_mm2, "limit": METAL_HU}),
            Message(N_("Judge the tissue around it with care.")),
            measured=area_mm2,
            limit=MIN_METAL_MM2,
        )  # fmt: skip
        found = [streak_ratio(plane, mask, (row + column) / 2)
                 for plane, mask in zip(sample.planes, masks, strict=True) if mask.any()]  # fmt: skip
        ratio = max((value for value in found if value is not None), default=0.0)
        if ratio > MAX_STREAKS:
            yield _streaks(ratio)


def metal(plane: NDArray[float32], pixel_mm2: float) -> NDArray[bool_]:
    """The pixels of metal parts that are large enough to matter."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((plane >= METAL_HU).astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] * pixel_mm2 >= MIN_METAL_MM2
    large[0] = False
    return np.asarray(large[labels], dtype=bool)


def streak_ratio(plane: NDArray[float32], mask: NDArray[bool_], pixel_mm: float) -> float | None:
    """Standard deviation of fine structure in the body near the metal ÷ far from it; None without enough body."""
    away_mm = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) * pixel_mm
    smooth = cv2.blur(np.clip(plane, -1000, 1000), (SMOOTH_PIXELS, SMOOTH_PIXELS))
    body = cv2.erode((smooth > BODY_HU).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    fine = plane - smooth
    near = body & (away_mm > 5) & (away_mm < NEAR_MM)
    far = body & (away_mm > FAR_MM)
    if near.sum() < MIN_PIXELS or far.sum() < MIN_PIXELS:
        return None
    spread = [float(np.percentile(np.abs(fine[part]), 90)) for part in (near, far)]
    return spread[0] / max(spread[1], 1.0)


def _streaks(ratio: float) -> Issue:
    return Issue(
        "streaks",
        Severity.WARN,
        Message(N_("Metal throws streaks: fine structure near it is {ratio:.1f} times as strong as elsewhere."),
                {"ratio": ratio}),
        Message(N_("Do not read densities near the metal; use a metal-artefact reduction if the scanner offers it.")),
        measured=ratio,
        limit=MAX_STREAKS,
    )  # fmt: skip


CHECK = Metal()
