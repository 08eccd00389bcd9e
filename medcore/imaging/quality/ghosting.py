"""Ghosting: the air beside the body is brighter along one image axis than along the other, as after motion."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import bright, is_mr
from medcore.records import Issue, Severity

MAX_RATIO = 0.10  # of the body's brightness; the ACR allows 0.025 in a phantom, people move (docs/quality.md)
STRIP_SHARE = 0.06  # width of the strips of air, of the image's side
MIN_SIDE = 32
MAX_BODY_IN_STRIP = 0.02  # a strip with more of the body in it is no air


class Ghosting(Check):
    """Percent signal ghosting of the ACR's MRI quality control manual, on people."""

    codes = {"ghosting": N_("Ghosting or motion")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        if not is_mr(sample.volume):
            return
        found = [ratio for ratio in map(ghost_ratio, sample.planes) if ratio is not None]
        measured = float(np.median(found)) if found else 0.0
        if measured > MAX_RATIO:
            yield Issue(
                "ghosting",
                Severity.WARN,
                Message(
                    N_("The air beside the body shows a ghost of {percent:.1f} % of the body's brightness "
                       "along one axis."),
                    {"percent": 100 * measured},
                ),
                Message(N_("The patient may have moved; look for displaced outlines over the anatomy.")),
                measured=measured,
                limit=MAX_RATIO,
            )  # fmt: skip


def ghost_ratio(plane: NDArray[float32]) -> float | None:
    """|air above and below − air left and right| ÷ body; None where the body leaves too little air around it."""
    height, width = plane.shape
    if min(height, width) < MIN_SIDE:
        return None
    body = bright(plane)
    tall, wide = max(2, round(STRIP_SHARE * height)), max(2, round(STRIP_SHARE * width))
    middle_rows, middle_columns = slice(height // 4, -(height // 4)), slice(width // 4, -(width // 4))
    vertical = [(slice(0, tall), middle_columns), (slice(-tall, None), middle_columns)]
    horizontal = [(middle_rows, slice(0, wide)), (middle_rows, slice(-wide, None))]
    air = [[plane[at] for at in pair if body[at].mean() <= MAX_BODY_IN_STRIP] for pair in (vertical, horizontal)]
    signal = float(plane[body].mean()) - float(plane.min()) if body.any() else 0.0
    if signal <= 0 or len(air[0]) < 2 or len(air[1]) < 2:
        return None
    means = [float(np.mean([strip.mean() for strip in pair])) for pair in air]
    return abs(means[0] - means[1]) / signal


CHECK = Ghosting()
