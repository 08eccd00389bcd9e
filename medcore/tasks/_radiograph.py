"""What the tasks on radiographs share: one preprocessing, and the doubts about any single picture."""

from __future__ import annotations

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.imaging.fitting import pad_to_square, shrink_to
from medcore.imaging.intensity import grey_plane, normalise
from medcore.records import Issue, Severity
from medcore.tasks import Prepared, Scan
from medcore.volume import Volume

PREPROCESSING_VERSION = 1
LOW_PERCENT, HIGH_PERCENT = 0.5, 99.5
MEAN, SPREAD = 0.5, 0.25  # fixed, so that the network sees about -2..2


def prepare_radiograph(scan: Volume, card: ModelCard) -> Prepared:
    """Grey, windowed as the file asks, scaled down, percentiles 0.5 and 99.5 to 0 and 1, padded to a square.

    A card that asks for two views gets the mirror image as a second input.
    """
    plane = grey_plane(scan, 0)
    if scan.window is not None:
        plane = np.clip(plane, scan.window.low, scan.window.high)
    small = normalise(shrink_to(plane, card.contract.size), low_percent=LOW_PERCENT, high_percent=HIGH_PERCENT)
    seen, to_scan = pad_to_square(small, card.contract.size, shape=plane.shape)
    centred = (seen - MEAN) / SPREAD
    views = [centred, centred[:, ::-1]][: card.views]
    inputs = np.repeat(np.stack(views)[:, None], card.contract.channels, axis=1)
    parameters: dict[str, str | int | float] = {
        "version": PREPROCESSING_VERSION,
        "fit": "pad",
        "side": card.contract.size,
        "low_percent": LOW_PERCENT,
        "high_percent": HIGH_PERCENT,
        "views": card.views,
    }
    return Prepared(
        inputs=np.ascontiguousarray(inputs, dtype=float32), seen=seen, parameters=parameters, to_scan=to_scan
    )


def calibrated(logits: NDArray[float32], card: ModelCard) -> NDArray[float64]:
    """Calibrated probabilities of logits, in any shape."""
    flat = [card.calibration.probability(float(x)) for x in logits.ravel()]
    return np.array(flat, dtype=float64).reshape(logits.shape)


def synthetic(scan: Scan) -> list[Issue]:
    """A doubt about computed phantoms."""
    if not scan.synthetic:
        return []
    return [
        Issue(
            code="synthetic",
            severity=Severity.WARN,
            message=Message(
                N_("This is a computed phantom; the model was trained on people, so its answer means nothing.")
            ),
            hint=Message(N_("Use it to learn the steps; use a real radiograph to see how the model answers.")),
        )
    ]


def single_radiograph(scan: Scan, card: ModelCard, *, wanted: str) -> list[Issue]:
    """BLOCK for another modality, or for a stack of slices.

    Args:
        wanted: What to choose instead, marked with N_.
    """
    if scan.modality not in card.contract.modalities:
        text = Message(N_("This is a {modality} scan; the task takes radiographs."), {"modality": scan.modality})
        return [Issue("modality", Severity.BLOCK, text, Message(wanted))]
    if scan.shape[0] > 1:
        text = Message(N_("This scan has {count} slices; a radiograph has one."), {"count": scan.shape[0]})
        return [Issue("slices", Severity.BLOCK, text, Message(N_("Choose a single radiograph.")))]
    return []


def too_small(scan: Scan, card: ModelCard) -> list[Issue]:
    """A doubt about thumbnails."""
    _, rows, columns = scan.shape
    if min(rows, columns) >= card.contract.min_pixels:
        return []
    return [
        Issue(
            code="resolution",
            severity=Severity.WARN,
            message=Message(
                N_("The image has {rows} × {columns} pixels; the model was trained on more."),
                {"rows": rows, "columns": columns},
            ),
            hint=Message(N_("Use the original file instead of a thumbnail or screenshot.")),
            measured=float(min(rows, columns)),
            limit=float(card.contract.min_pixels),
        )
    ]


def empty(scan: Scan) -> list[Issue]:
    """BLOCK for a picture of one value."""
    low, high = scan.value_range
    if high > low:
        return []
    return [
        Issue(
            code="empty",
            severity=Severity.BLOCK,
            message=Message(N_("Every pixel has the same value: there is no picture to analyse.")),
            hint=Message(N_("Export the image again from its source.")),
        )
    ]
