"""Chest X-ray: does this frontal radiograph show a pneumonia-like opacity?"""

from __future__ import annotations

from numpy import float32
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.predictions import Classification, Score
from medcore.records import Issue, Run, Severity
from medcore.tasks import Prepared, Scan, Task
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

CHOOSE = N_("Choose a chest radiograph (CR, DX) or a picture of one.")
MAX_ASPECT = 2.0  # a frontal chest film is never more than twice as long as wide


class ChestXray(Task):
    """Classification of one frontal chest radiograph."""

    title = N_("Chest X-ray")
    question = N_("Does this frontal chest radiograph show a pneumonia-like opacity?")
    modalities = ("DX", "CR", "RG", "")
    version = PREPROCESSING_VERSION

    def check(self, scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
        """BLOCK for another modality or a stack; WARN for an unfit body part, view, size or shape."""
        blocks = single_radiograph(scan, card, wanted=CHOOSE)
        doubts = (*synthetic(scan), *_body(scan, card), *too_small(scan, card), *_aspect(scan))
        return (*blocks, *doubts, *empty(scan))

    def prepare(self, scan: Volume, card: ModelCard) -> Prepared:
        """Grey, windowed as the file asks, scaled down, percentiles 0.5 and 99.5 to 0 and 1, padded to a square."""
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
    ) -> Classification:
        """Calibrated probability of each label against its operating point."""
        scores = tuple(
            Score(label=label.id, probability=float(p), threshold=label.threshold)
            for label, p in zip(card.labels, calibrated(logits, card), strict=True)
        )
        return Classification(run=run, scores=scores)


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


def _aspect(scan: Scan) -> list[Issue]:
    _, rows, columns = scan.shape
    aspect = max(rows, columns) / min(rows, columns)
    if aspect <= MAX_ASPECT:
        return []
    return [
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
    ]


TASK = ChestXray()
