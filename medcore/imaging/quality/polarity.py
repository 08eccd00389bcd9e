"""Wrong polarity: a radiograph on which air is white."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._chest import MIN_LEAD, best_pose, chest_pose
from medcore.imaging.quality._sample import bright, exposed, is_picture, is_radiograph
from medcore.records import Issue, Severity

MAX_BRIGHT_BORDER = 0.7  # share of the image's edge in the brighter class (docs/quality.md)
MAX_CHEST_FIT = 0.3  # a chest taken in bed fills the image, so its surroundings tell nothing
BORDER_SHARE = 0.03  # width of the edge, of the shorter side


class Polarity(Check):
    """A chest by its templates; any other radiograph by its surroundings, which are dark where rays pass freely."""

    codes = {"inverted": N_("Wrong polarity")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        pose = chest_pose(sample)
        if pose is not None:
            if pose.inverted and pose.lead >= MIN_LEAD:
                yield _issue(pose.lead, MIN_LEAD)
            return
        if not (is_radiograph(sample.volume) or is_picture(sample.volume)) or len(sample.planes) > 1:
            return
        if best_pose(sample.planes[0]).upright_fit > MAX_CHEST_FIT:
            return
        plane = sample.planes[0]
        share = min(bright_border(plane), bright_border(plane[exposed(plane)]))
        if share > MAX_BRIGHT_BORDER:
            yield _issue(share, MAX_BRIGHT_BORDER)


def bright_border(plane: NDArray[float32]) -> float:
    """Share of the image's edge that lies in the brighter of two classes, 0..1."""
    width = max(1, round(BORDER_SHARE * min(plane.shape)))
    edge = np.ones(plane.shape, dtype=bool)
    edge[width:-width, width:-width] = False
    return float(bright(plane)[edge].mean())


def _issue(measured: float, limit: float) -> Issue:
    return Issue(
        "inverted",
        Severity.WARN,
        Message(N_("Black and white seem to be swapped: air is bright on this radiograph.")),
        Message(N_("Invert the image, or send the original DICOM file; a model would read it wrong.")),
        measured=measured,
        limit=limit,
    )


CHECK = Polarity()
