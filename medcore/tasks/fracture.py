"""Fracture: does this radiograph of a limb show a broken bone, and where?"""

from __future__ import annotations

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.predictions import Box, Classification, Detection, Prediction, Score
from medcore.records import Issue, Run, Severity
from medcore.tasks import Prepared, Scan, Task
from medcore.tasks._boxes import best_boxes, decode_boxes
from medcore.tasks._radiograph import (
    PREPROCESSING_VERSION,
    calibrated,
    empty,
    prepare_radiograph,
    single_radiograph,
    synthetic,
    too_small,
)
from medcore.volume import Volume

CHOOSE = N_("Choose a radiograph (CR, DX) of an arm, hand, leg, foot, hip or shoulder, or a picture of one.")
MAX_BOXES = 20
MIN_PROBABILITY = 0.02  # of a box that is reported; FROC needs the doubtful ones too


class Fracture(Task):
    """Classification of one radiograph of a limb, or detection of each broken place, as the model can."""

    title = N_("Fracture")
    question = N_("Does this radiograph of a limb show a fracture, and where?")
    modalities = ("DX", "CR", "RG", "")
    version = PREPROCESSING_VERSION

    def check(self, scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
        """BLOCK for another modality, a stack or an empty picture; WARN for an unfit body part or size."""
        blocks = single_radiograph(scan, card, wanted=CHOOSE)
        return (*blocks, *synthetic(scan), *_body(scan, card), *too_small(scan, card), *empty(scan))

    def prepare(self, scan: Volume, card: ModelCard) -> Prepared:
        """As all radiographs: grey, scaled down, percentiles to 0 and 1, padded to a square."""
        return prepare_radiograph(scan, card)

    def interpret(
        self,
        logits: NDArray[float32],
        scan: Volume,
        card: ModelCard,
        run: Run,
        *,
        dense: NDArray[float32] | None = None,
        prepared: Prepared | None = None,
    ) -> Prediction:
        """Boxes where the network gives them, else the calibrated probability of the whole picture."""
        probability = calibrated(logits, card)
        if dense is None or prepared is None:
            scores = (
                Score(label.id, float(p), label.threshold) for label, p in zip(card.labels, probability, strict=True)
            )
            return Classification(run=run, scores=tuple(scores))
        return Detection(run=run, boxes=_boxes(dense, card, prepared, scan))


def _boxes(dense: NDArray[float32], card: ModelCard, prepared: Prepared, scan: Volume) -> tuple[Box, ...]:
    """The best boxes on the scan's grid; each box's logit is calibrated as the picture's."""
    logits, square = decode_boxes(dense, side=card.contract.size)
    probability = calibrated(logits, card)
    kept = best_boxes(square, probability, most=MAX_BOXES, least=MIN_PROBABILITY)
    _, rows, columns = scan.shape
    found = []
    for i in kept:
        corners = prepared.to_scan @ np.array([square[i, [0, 2]], square[i, [1, 3]], [1.0, 1.0]])
        top, bottom = np.clip(corners[0], 0, rows)
        left, right = np.clip(corners[1], 0, columns)
        if bottom - top < 1 or right - left < 1:
            continue
        index: NDArray[float64] = np.array([0, top, left, 0, bottom - 1, right - 1])  # first and last voxel
        low, high = index[:3], index[3:]
        found.append(
            Box(
                corners=(0.0, float(low[1]), float(low[2]), 0.0, float(high[1]), float(high[2])),
                centre_lps_mm=None,  # a radiograph's place in the patient is unknown
                diameter_mm=None,
                label=card.labels[0].id,
                probability=float(probability[i]),
            )
        )
    return tuple(found)


def _body(scan: Scan, card: ModelCard) -> list[Issue]:
    issues = []
    if scan.body_part not in card.contract.body_parts:
        text = Message(
            N_("The file says body part “{part}”, which the model was not trained on."), {"part": scan.body_part}
        )
        hint = Message(N_("The result means nothing if this is not a radiograph of a limb."))
        issues.append(Issue("body_part", Severity.WARN, text, hint))
    if scan.modality == "":
        text = Message(N_("A picture does not say what it shows; make sure that it is a radiograph of a limb."))
        issues.append(Issue("content_unknown", Severity.INFO, text))
    return issues


TASK = Fracture()
