"""Lung nodules: where are they in this chest CT, how large, of what kind, how suspicious to a reader's eye?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from numpy import float32, uint8
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message, UnfitInputError
from medcore.imaging.nodules.field import Field, lung_field
from medcore.predictions import Box, Classification, Detection, Prediction, Score
from medcore.records import Issue, Run
from medcore.tasks import Cancelled, Forward, Prepared, Progress, Scan, VolumeAnswer, VolumeTask, stop_if
from medcore.tasks import _nodule_detector as detector
from medcore.tasks._nodule_checks import PARTIAL, doubts, header_issues
from medcore.tasks._nodule_finding import Finding, Judged, findings, judge, place_candidates
from medcore.tasks._nodule_patches import HIGH_HU, LOW_HU, PIXEL_MM, prepare_patch
from medcore.tasks._nodule_rating import load_rating
from medcore.tasks._nodule_rules import suggestions
from medcore.volume import Mask, Volume

LUNGS, SEARCH, ASK, DRAW = (
    Message(N_("Looking for the lungs")),
    Message(N_("Looking for candidates")),
    Message(N_("Asking the network")),
    Message(N_("Outlining and measuring")),
)


PATCHES: Mapping[str, str | int | float] = {
    "planes": 9, "pixel_mm": PIXEL_MM, "low_hu": LOW_HU, "high_hu": HIGH_HU,
}  # fmt: skip


class LungNodule(VolumeTask):
    """Candidates by image analysis, told apart by a network on nine planes, outlined and measured in native space."""

    title = N_("Lung nodules")
    question = N_("Which nodules are in this chest CT, how large are they, and of what kind?")
    modalities = ("CT",)

    def check(self, scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
        """BLOCK for anything but a CT of several slices; WARN for thick slices, another body part, a phantom."""
        return header_issues(scan, card)

    def prepare(self, scan: Volume, card: ModelCard) -> Prepared:
        """The network's input of one patch's picture."""
        return prepare_patch(scan, card)

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
        """The calibrated probability that a nodule lies in the middle of a patch."""
        rows = zip(card.labels, logits, strict=True)
        scores = (Score(label.id, card.calibration.probability(float(x)), label.threshold) for label, x in rows)
        return Classification(run=run, scores=tuple(scores))

    def analyse(
        self,
        scans: Sequence[Volume],
        *,
        card: ModelCard,
        forward: Forward,
        run: Run,
        progress: Progress,
        cancelled: Cancelled,
    ) -> VolumeAnswer:
        """Nodules as boxes with their outlines, measurements and rating, and what published rules say of them."""
        scan, rating = scans[0], load_rating(card)
        progress(0.0, LUNGS)
        field = _field(scan, cancelled)
        progress(0.25, SEARCH)
        if detector.takes_boxes(card):
            judged = detector.detect(
                scan, field, card=card, forward=forward, cancelled=cancelled,
                tell=lambda share: progress(0.25 + 0.55 * share, ASK),
            )  # fmt: skip
        else:
            places = place_candidates(field, cancelled)
            stop_if(cancelled)
            judged = judge(
                scan, places, card=card, forward=forward, cancelled=cancelled,
                tell=lambda share: progress(0.35 + 0.45 * share, ASK),
            )  # fmt: skip
        found = findings(
            scan, field, judged, card=card, rating=rating, cancelled=cancelled,
            tell=lambda share: progress(0.8 + 0.2 * share, DRAW),
        )  # fmt: skip
        boxes = tuple(_box(number, one, card) for number, one in enumerate(found, start=1))
        parameters: dict[str, str | int | float] = {
            "version": self.version, "candidates": len(judged.places), "lungs_ml": round(field.volume_ml),
            "rating_sha256": card.rating_sha256,
        }  # fmt: skip
        parameters |= detector.parameters(card) if detector.takes_boxes(card) else PATCHES
        return VolumeAnswer(
            Detection(run, boxes, _mask(found, scan), suggestions(boxes, scan.acquired_on, partial=field.partial)),
            parameters,
            doubts(field, judged, card),
            _seen(judged),
        )

    def revised(self, prediction: Prediction, acquired_on: date | None) -> Prediction:
        """What published rules say of the nodules that a reader left."""
        if not isinstance(prediction, Detection):
            return prediction
        partial = any(issue.code == PARTIAL for issue in prediction.run.warnings)
        return replace(prediction, suggestions=suggestions(prediction.boxes, acquired_on, partial=partial))


def _field(scan: Volume, cancelled: Cancelled) -> Field:
    """The lungs.

    Raises:
        UnfitInputError: The scan shows none.
    """
    field = lung_field(scan, cancelled=cancelled)
    if field is None or field.lungs.quality < 0.15:
        raise UnfitInputError(
            N_("No lungs were found in this scan, so there is nowhere to look for nodules."),
            hint=N_("Choose a CT of the chest. A CT of the head or the abdomen cannot be used."),
        )
    return field


def _box(number: int, one: Finding, card: ModelCard) -> Box:
    nodule = one.nodule
    low = nodule.extent.corner
    high = tuple(a + n - 1 for a, n in zip(low, nodule.extent.size, strict=True))
    return Box(
        corners=(float(low[0]), float(low[1]), float(low[2]), float(high[0]), float(high[1]), float(high[2])),
        centre_lps_mm=nodule.extent.centre,
        diameter_mm=nodule.diameter_mm,
        label=card.labels[0].id,
        probability=one.probability,
        malignancy=one.suspicion,
        mask_label=number,
        longest_mm=nodule.extent.longest_mm,
        short_axis_mm=nodule.extent.short_axis_mm,
        volume_ml=nodule.volume_ml,
        kind=nodule.kind,
        solid_mm=nodule.solid_mm,
        hu_mean=nodule.hu_mean,
        evidence=(*nodule.evidence, *one.reasons),
    )


def _mask(found: Sequence[Finding], scan: Volume) -> Mask:
    labels = np.zeros(scan.shape, dtype=uint8)
    for number, one in reversed(list(enumerate(found, start=1))):  # where two touch, the surer one keeps the voxel
        drawn = one.nodule.outline
        part = tuple(slice(a, a + n) for a, n in zip(drawn.corner, drawn.inside.shape, strict=True))
        labels[part][drawn.inside] = number
    return Mask(labels, {n: f"nodule {n}" for n in range(1, len(found) + 1)}, scan.geometry)


def _seen(judged: Judged) -> NDArray[float32] | None:
    """The three patches of the place that the network is surest of, side by side."""
    if not len(judged.logits):
        return None
    return np.concatenate(judged.patches[int(judged.logits.argmax())], axis=1)


TASK = LungNodule()
