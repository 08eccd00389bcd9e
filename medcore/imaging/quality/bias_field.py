"""Bias field: in MR one side of the body is brighter than the other because of the coil."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import bright, is_mr, shrunk
from medcore.records import Issue, Severity

MAX_RATIO = 2.1  # brightest ÷ darkest part of the fitted field (docs/quality.md)
SIDE = 64  # the field is smooth: a small image shows it
ROUNDS, OUTLIER = 4, 1.5  # of the robust fit; residuals above that many standard deviations count less
MIN_PIXELS = 200
BODY_SHARE = 0.7  # of Otsu's threshold: keeps the side that the coil hardly reaches


class BiasField(Check):
    """A second-order polynomial, fitted robustly to the logarithm of the body's brightness."""

    codes = {"bias_field": N_("Uneven brightness")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        if not is_mr(sample.volume):
            return
        found = [ratio for ratio in map(field_ratio, sample.planes) if ratio is not None]
        measured = float(np.median(found)) if found else 1.0
        if measured > MAX_RATIO:
            yield Issue(
                "bias_field",
                Severity.INFO,
                Message(N_("The brightness drifts {ratio:.1f}-fold over the body, as a coil's field does."),
                        {"ratio": measured}),
                Message(N_("A bias-field correction (N4) before the analysis may help.")),
                measured=measured,
                limit=MAX_RATIO,
            )  # fmt: skip


def field_ratio(plane: NDArray[float32]) -> float | None:
    """95th ÷ 5th percentile of the fitted field over the body; None without a body."""
    small = cv2.GaussianBlur(shrunk(plane, SIDE), (0, 0), 1.0)
    small = small - small.min() + 1e-3 * max(float(np.ptp(small)), 1e-6)
    body = cv2.erode(bright(small, share=BODY_SHARE).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if body.sum() < MIN_PIXELS:
        return None
    rows, columns = np.nonzero(body)
    y, x = rows / small.shape[0] - 0.5, columns / small.shape[1] - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    field = terms @ _robust_fit(terms, np.log(small[body].astype(np.float64)))
    low, high = np.percentile(field, (5, 95))
    return float(np.exp(high - low))


def _robust_fit(terms: NDArray[float64], values: NDArray[float64]) -> NDArray[float64]:
    """Least squares, reweighted by Huber's function."""
    weights = np.ones(len(values))
    found: NDArray[float64] = np.zeros(terms.shape[1])
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        found = np.asarray(np.linalg.lstsq(terms * root[:, None], values * root, rcond=None)[0], dtype=np.float64)
        away = np.abs(values - terms @ found)
        spread = 1.4826 * float(np.median(away)) + 1e-9
        weights = 1 / np.maximum(1, away / (OUTLIER * spread))
    return found


CHECK = BiasField()
