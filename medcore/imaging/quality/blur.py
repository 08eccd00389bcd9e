"""Blur: blurring the image once more hardly changes it, so there is no fine detail to lose."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import exposed, grey_range, is_ct, is_mr, is_picture, is_radiograph
from medcore.records import Issue, Severity

FILTER_PIXELS = 5  # of the second blur: finer than the 11 of the paper, because the images are small here
MAX_RADIOGRAPH, MAX_SLICE = 0.82, 0.88  # smooth CT kernels reach 0.80 (docs/quality.md)
MIN_SIDE = 64


class Blur(Check):
    """The no-reference measure of Crete et al. 2007, "The blur effect"; 0 sharp, 1 without any detail."""

    codes = {"blurred": N_("Blur")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        volume = sample.volume
        sliced = is_ct(volume) or is_mr(volume)
        if not (sliced or is_radiograph(volume) or is_picture(volume)) or min(sample.planes.shape[1:]) < MIN_SIDE:
            return
        limit = MAX_SLICE if sliced else MAX_RADIOGRAPH
        measured = blur_of(sample.planes)
        if measured is not None and measured > limit:
            yield Issue(
                "blurred",
                Severity.WARN,
                Message(N_("The image is blurred (measure {blur:.2f}; up to {limit:.2f} is ordinary)."),
                        {"blur": measured, "limit": limit}),
                Message(N_("Repeat the exposure if the patient moved; do not use enlarged or smoothed copies.")),
                measured=measured,
                limit=limit,
            )  # fmt: skip


def blur_of(planes: NDArray[float32]) -> float | None:
    """Median blur of the slices that show something; None if none does."""
    from skimage.measure import blur_effect  # takes a moment to import

    parts = [plane[exposed(plane)] for plane in planes[::2]]
    found = [
        blur_effect(part, h_size=FILTER_PIXELS)
        for part in parts
        if min(part.shape) > FILTER_PIXELS and grey_range(part)
    ]
    return float(np.median(found)) if found else None


CHECK = Blur()
