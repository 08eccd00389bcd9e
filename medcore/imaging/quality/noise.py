"""Noise: the robust standard deviation of what no smooth structure explains."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy import bool_, float32
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import foreground, grey_range, is_ct, is_mr, is_picture, is_radiograph
from medcore.records import Issue, Severity

LAPLACIAN_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
RESPONSE = 6.0  # standard deviation of its answer to noise of 1: the root of the sum of squares
MAD_TO_SIGMA = 1 / 0.6745
MAX_RADIOGRAPH, MAX_MR = 0.03, 0.065  # of the grey range; 99 of 100 ordinary images have half of it (docs/quality.md)
MAX_CT_HU = 80.0
SOFT_TISSUE_HU = (-200.0, 300.0)
MIN_PIXELS = 400


class Noise(Check):
    """Immerkaer's kernel (CVIU 64, 1996), with the median absolute deviation for the mean: edges do not count."""

    codes = {"noisy": N_("Noise")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        if is_ct(sample.volume):
            noise_hu = _median([soft_tissue_noise(plane) for plane in sample.planes])
            if noise_hu is not None and noise_hu > MAX_CT_HU:
                message = Message(N_("Soft tissue has a noise of {noise:.0f} HU."), {"noise": noise_hu})
                yield _issue(message, noise_hu, MAX_CT_HU)
            return
        limit = MAX_MR if is_mr(sample.volume) else MAX_RADIOGRAPH
        if is_mr(sample.volume) or is_radiograph(sample.volume) or is_picture(sample.volume):
            share = _median([relative_noise(plane) for plane in sample.planes])
            if share is not None and share > limit:
                message = Message(N_("The noise is {percent:.1f} % of the grey range."), {"percent": 100 * share})
                yield _issue(message, share, limit)


def noise_sigma(plane: NDArray[float32], where: NDArray[bool_]) -> float | None:
    """Standard deviation of white noise in the marked part; None if that is too small to tell."""
    inner = where[1:-1, 1:-1]
    if min(plane.shape) < 3 or inner.sum() < MIN_PIXELS:
        return None
    answer = cv2.filter2D(plane, cv2.CV_32F, LAPLACIAN_DIFFERENCE)[1:-1, 1:-1][inner]
    return float(np.median(np.abs(answer)) * MAD_TO_SIGMA / RESPONSE)


def relative_noise(plane: NDArray[float32]) -> float | None:
    """Noise of the foreground as a share of the grey range."""
    span = grey_range(plane)
    sigma = noise_sigma(plane, foreground(plane)) if span > 0 else None
    return None if sigma is None else sigma / span


def soft_tissue_noise(plane: NDArray[float32]) -> float | None:
    """Noise of soft tissue in HU."""
    smooth = cv2.blur(plane, (5, 5))
    return noise_sigma(plane, (smooth > SOFT_TISSUE_HU[0]) & (smooth < SOFT_TISSUE_HU[1]))


def _median(found: list[float | None]) -> float | None:
    known = [value for value in found if value is not None]
    return float(np.median(known)) if known else None


def _issue(message: Message, measured: float, limit: float) -> Issue:
    hint = Message(N_("Small and faint structures may be missed; prefer a less noisy exposure or reconstruction."))
    return Issue("noisy", Severity.WARN, message, hint, measured=measured, limit=limit)


CHECK = Noise()
