"""Chest X-ray: does this frontal radiograph show a pneumonia-like opacity?"""

from __future__ import annotations

import numpy as np
from numpy import float32
from numpy.typing import NDArray
from scipy.special import expit

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.imaging.fitting import pad_to_square, shrink_to
from medcore.imaging.intensity import grey_plane, normalise
from medcore.records import Classification, Issue, Run, Score, Severity
from medcore.tasks import Prepared, Scan, Task
from medcore.volume import Volume

PREPROCESSING_VERSION = 1
LOW_PERCENT, HIGH_PERCENT = 0.5, 99.5
MEAN, SPREAD = 0.5, 0.25  # fixed, so that the network sees about -2..2
MAX_ASPECT = 2.0  # a frontal chest film is never more than twice as long as wide


class ChestXray(Task):
    """Classification of one frontal chest radiograph."""

    title = N_("Chest X-ray")
    question = N_("Does this frontal chest radiograph show a pneumonia-like opacity?")
    modalities = ("DX", "CR", "RG", "")

    def check(self, scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
        """BLOCK for another modality or a stack; WARN for an unfit body part, view, size or shape."""
        issues = [*_modality(scan, card), *_synthetic(scan), *_body(scan, card), *_size(scan, card)]
        return tuple(issues)

    def prepare(self, scan: Volume, card: ModelCard) -> Prepared:
        """Grey, windowed as the file asks, scaled down, percentiles 0.5 and 99.5 to 0 and 1, padded to a square."""
        plane = grey_plane(scan, 0)
        if scan.window is not None:
            plane = np.clip(plane, scan.window.low, scan.window.high)
        small = normalise(shrink_to(plane, card.contract.size), low_percent=LOW_PERCENT, high_percent=HIGH_PERCENT)
        seen, to_scan = pad_to_square(small, card.contract.size, shape=plane.shape)
        centred = (seen - MEAN) / SPREAD
        inputs = np.repeat(centred[None, None], card.contract.channels, axis=1)
        parameters: dict[str, str | int | float] = {
            "version": PREPROCESSING_VERSION,
            "fit": "pad",
            "side": card.contract.size,
            "low_percent": LOW_PERCENT,
            "high_percent": HIGH_PERCENT,
        }
        return Prepared(
            inputs=np.ascontiguousarray(inputs, dtype=float32), seen=seen, parameters=parameters, to_scan=to_scan
        )

    def interpret(self, logits: NDArray[float32], scan: Volume, card: ModelCard, run: Run) -> Classification:
        """Calibrated probability of each label against its operating point."""
        calibrated = card.calibration.slope * logits.astype(np.float64) + card.calibration.offset
        probabilities = expit(calibrated)
        scores = tuple(
            Score(label=label.id, probability=float(p), threshold=label.threshold)
            for label, p in zip(card.labels, probabilities, strict=True)
        )
        return Classification(run=run, scores=scores)


def _modality(scan: Scan, card: ModelCard) -> list[Issue]:
    if scan.modality not in card.contract.modalities:
        return [
            Issue(
                code="modality",
                severity=Severity.BLOCK,
                message=Message(
                    N_("This is a {modality} scan; the task takes radiographs."), {"modality": scan.modality}
                ),
                hint=Message(N_("Choose a chest radiograph (CR, DX) or a picture of one.")),
            )
        ]
    if scan.shape[0] > 1:
        return [
            Issue(
                code="slices",
                severity=Severity.BLOCK,
                message=Message(N_("This scan has {count} slices; a radiograph has one."), {"count": scan.shape[0]}),
                hint=Message(N_("Choose a single radiograph.")),
            )
        ]
    return []


def _synthetic(scan: Scan) -> list[Issue]:
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


def _body(scan: Scan, card: ModelCard) -> list[Issue]:
    issues = []
    if scan.body_part not in card.contract.body_parts:
        issues.append(
            Issue(
                code="body_part",
                severity=Severity.WARN,
                message=Message(N_("The file says body part “{part}”, not chest."), {"part": scan.body_part}),
                hint=Message(N_("The result means nothing if this is not a chest radiograph.")),
            )
        )
    if scan.view not in card.contract.views:
        issues.append(
            Issue(
                code="view",
                severity=Severity.WARN,
                message=Message(
                    N_("The file says view “{view}”; the model knows frontal views only."), {"view": scan.view}
                ),
                hint=Message(N_("Use the frontal (PA or AP) radiograph of this study.")),
            )
        )
    if scan.modality == "":
        issues.append(
            Issue(
                code="content_unknown",
                severity=Severity.INFO,
                message=Message(
                    N_("A picture does not say what it shows; make sure that it is a frontal chest radiograph.")
                ),
            )
        )
    return issues


def _size(scan: Scan, card: ModelCard) -> list[Issue]:
    issues = []
    _, rows, columns = scan.shape
    if min(rows, columns) < card.contract.min_pixels:
        issues.append(
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
        )
    aspect = max(rows, columns) / min(rows, columns)
    if aspect > MAX_ASPECT:
        issues.append(
            Issue(
                code="aspect",
                severity=Severity.WARN,
                message=Message(
                    N_("The image is {aspect:.1f} times as long as wide, which no chest radiograph is."),
                    {"aspect": aspect},
                ),
                hint=Message(N_("Check that the whole radiograph is in the picture and nothing else.")),
                measured=aspect,
                limit=MAX_ASPECT,
            )
        )
    low, high = scan.value_range
    if high <= low:
        issues.append(
            Issue(
                code="empty",
                severity=Severity.BLOCK,
                message=Message(N_("Every pixel has the same value: there is no picture to analyse.")),
                hint=Message(N_("Export the image again from its source.")),
            )
        )
    return issues


TASK = ChestXray()
