"""Low contrast: the image uses so few grey levels that structures merge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.records import Issue, Severity
from medcore.volume import Array, Unit

MIN_LEVELS = 45  # of 256; ordinary images use 70 and more, faded ones fewer than 40 (docs/quality.md)
THINNED_SIDE = 256  # rows and columns are enough to see whether there are 45 different values
NOT_JUDGED = frozenset({"US", "OT", "SC", "SEG", "RTDOSE", "NM", "PT"})  # graphics, masks and counts have few levels


class Contrast(Check):
    """Too few grey levels between the 1st and the 99th percentile."""

    codes = {"low_contrast": N_("Low contrast")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        volume = sample.volume
        if volume.unit is Unit.RGB or volume.modality in NOT_JUDGED:
            return
        levels = grey_levels(sample.raw)
        if 1 < levels < MIN_LEVELS:
            yield Issue(
                "low_contrast",
                Severity.WARN,
                Message(N_("The image uses only {levels} grey levels; fine differences are lost."), {"levels": levels}),
                Message(N_("Use the original DICOM file, or export without a wide window.")),
                measured=float(levels),
                limit=float(MIN_LEVELS),
            )


def grey_levels(raw: Array) -> int:
    """How many different values lie between the 1st and the 99th percentile of the slice that has most of them."""
    return max(_levels(plane) for plane in raw)


def _levels(plane: Array) -> int:
    plane = plane[:: max(1, plane.shape[0] // THINNED_SIDE), :: max(1, plane.shape[1] // THINNED_SIDE)]
    low, high = np.percentile(plane, (1, 99))
    return int(np.unique(plane[(plane >= low) & (plane <= high)]).size)


CHECK = Contrast()
