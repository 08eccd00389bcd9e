"""Grey values that are gone: an image of one value, or one whose brightest parts are cut off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import exposed
from medcore.records import Issue, Severity
from medcore.volume import Array, Unit

MAX_CLIPPED = 0.05  # share of pixels at the very top; 1 of 100 ordinary images has more than 0.02 (docs/quality.md)
MAX_ONE_VALUE = 0.998  # share of the commonest value
NOT_JUDGED = frozenset({"US", "OT", "SC", "SEG", "RTDOSE", "NM", "PT"})  # graphics and masks are flat on purpose


class Intensities(Check):
    """One value everywhere, nearly so, or a saturated top."""

    codes = {  # noqa: RUF012
        "empty": N_("Empty image"),
        "nearly_empty": N_("Nearly empty image"),
        "clipped": N_("Cut-off intensities"),
    }

    def find(self, sample: Sample) -> Iterator[Issue]:
        raw = sample.raw
        if raw.min() == raw.max():
            low, high = sample.volume.value_range
            if low == high:
                yield _empty()
                return
        share = commonest_share(raw)
        if share > MAX_ONE_VALUE and sample.volume.modality not in NOT_JUDGED:
            yield _nearly_empty(share)
            return
        clipped = clipped_share(raw)
        if clipped > MAX_CLIPPED and sample.volume.unit is Unit.GREY and sample.volume.modality not in NOT_JUDGED:
            yield _clipped(clipped)


def clipped_share(raw: Array) -> float:
    """Share of the values between the shutters that are equal to the largest of all."""
    top = raw.max()
    return float(np.mean([(plane[exposed(plane)] == top).mean() for plane in raw]))


def commonest_share(raw: Array) -> float:
    """Share of the value that stands in the middle when all are sorted; that of the commonest when it is above half."""
    thinned = raw[:, :: max(1, raw.shape[1] // 256), :: max(1, raw.shape[2] // 256)]
    return float((thinned == np.sort(thinned, axis=None)[thinned.size // 2]).mean())


def _empty() -> Issue:
    return Issue(
        "empty",
        Severity.BLOCK,
        Message(N_("Every pixel has the same value: there is no picture to analyse.")),
        Message(N_("Export the image again from its source.")),
        measured=1.0,
        limit=MAX_ONE_VALUE,
    )


def _nearly_empty(share: float) -> Issue:
    return Issue(
        "nearly_empty",
        Severity.WARN,
        Message(N_("{percent:.1f} % of the pixels have one value: almost nothing is in the image."), _percent(share)),
        Message(N_("Check that this is the right file, and not a mask or a blank page.")),
        measured=share,
        limit=MAX_ONE_VALUE,
    )


def _clipped(share: float) -> Issue:
    return Issue(
        "clipped",
        Severity.WARN,
        Message(
            N_("{percent:.0f} % of the pixels are at the upper end of the grey range: bright detail is cut off."),
            _percent(share),
        ),
        Message(N_("Use the original DICOM file, or export with a wider window.")),
        measured=share,
        limit=MAX_CLIPPED,
    )


def _percent(share: float) -> dict[str, float]:
    return {"percent": 100 * share}


CHECK = Intensities()
