"""Truncation: the body is cut off at the side of the image, so that its outline and sums over it are wrong."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy import bool_, float32
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import bright, is_axial, is_ct, is_mr
from medcore.records import Issue, Severity

BODY_HU, PADDING_HU = -400.0, -1500.0
MAX_SHARE = 0.25  # of the image's outline that lies in the body, in the middle slice of all (docs/quality.md)
MIN_FLOOR = 3  # pixels: what is thinner is a blanket or the table


class Truncation(Check):
    """The share of the outline of the reconstructed field that lies inside the body; axial CT and MR."""

    codes = {"truncated_body": N_("Body cut off")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        volume = sample.volume
        if not (is_ct(volume) or is_mr(volume)) or not is_axial(volume):
            return
        hounsfield = is_ct(volume)
        measured = float(np.median([outline_share(plane, hounsfield=hounsfield) for plane in sample.planes]))
        if measured > MAX_SHARE:
            yield Issue(
                "truncated_body",
                Severity.INFO,
                Message(N_("{percent:.0f} % of the image's outline lies in the body: a part of it is cut off."),
                        {"percent": 100 * measured}),
                Message(N_("Do not measure the whole body or its volume on this reconstruction.")),
                measured=measured,
                limit=MAX_SHARE,
            )  # fmt: skip


def outline_share(plane: NDArray[float32], *, hounsfield: bool) -> float:
    """Share of the outline of the field of view that lies in the body, 0..1."""
    body = plane > BODY_HU if hounsfield else bright(plane)
    body = cv2.morphologyEx(body.astype(np.uint8), cv2.MORPH_OPEN, np.ones((MIN_FLOOR, MIN_FLOOR), np.uint8)) > 0
    outline = _outline(plane > PADDING_HU if hounsfield else np.ones(plane.shape, dtype=bool))
    return float(body[outline].mean()) if outline.any() else 0.0


def _outline(field: NDArray[bool_]) -> NDArray[bool_]:
    """The pixels of the field within two pixels of its edge, which may be a circle."""
    padded = np.pad(field.astype(np.uint8), 1)
    inner = cv2.erode(padded, np.ones((5, 5), np.uint8))[1:-1, 1:-1] > 0
    return np.asarray(field & ~inner, dtype=bool)


CHECK = Truncation()
