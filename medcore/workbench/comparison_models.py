"""What models say of studies that are compared: lesions in volumes, probability and heat of radiographs over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.comparison.compare import Moment, Progress
from medcore.comparison.visits import Outlined
from medcore.comparison.whole_image import HeatChange, Look, Opacity, heat_changes, opacities
from medcore.engine import Engine
from medcore.errors import N_, CancelledError, Message, UnfitInputError
from medcore.imaging.lung_field import lung_field
from medcore.imaging.registration.alignment import Alignment
from medcore.predictions import Classification, Detection, Explanation, Prediction, Segmentation
from medcore.volume import Mask, Scale, Volume
from medcore.workbench.analyse import Analysis, analyse_once, task_card
from medcore.workbench.models import Models

HEAT_METHOD = "grad_cam"
CHEST = "chest_xray"  # the task whose heat is looked at within the expected lung field
MOST_BOXES = 254


@dataclass(frozen=True, slots=True, eq=False)
class RadiographSeries:
    """One model's answers to the radiographs of one patient.

    Args:
        label: Id of the label that is followed; `title` its name for people.
        thresholds: The operating point.
        looks: Of each study, the baseline first.
        figures: Opacity score and its parts, of each study.
        changes: Heat of each later study against the baseline's; None where the alignment is in doubt.
        fitted: Whether the lung field of each study was found, or only laid onto the whole picture.
        placed: Whether the figures are of a lung field; of other tasks they are of the whole picture.
    """

    task: str
    model: str
    label: str
    title: str
    threshold: float
    looks: tuple[Look, ...]
    figures: tuple[Opacity, ...]
    changes: tuple[HeatChange | None, ...]
    fitted: tuple[bool, ...]
    placed: bool

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of each study."""
        return tuple(look.probability for look in self.looks)


def series_of(
    scans: Sequence[Volume],
    answers: Sequence[tuple[Classification, Explanation]],
    alignments: Sequence[Alignment],
    card: ModelCard,
    *,
    accepted: bool = False,
) -> RadiographSeries:
    """The answers of one model to radiographs of one patient, on one scale and at the same places.

    Args:
        answers: Of each radiograph, explained for one and the same label.
        accepted: The reader takes alignments that are in doubt.
    """
    label = card.label(answers[0][1].target)
    placed = card.task == CHEST
    looks, fitted = [], []
    for scan, (answer, explanation) in zip(scans, answers, strict=True):
        probability = next(one.probability for one in answer.scores if one.label == label.id)
        inside: NDArray[np.bool_] = np.ones(scan.shape, dtype=bool)
        found = False
        if placed:
            field = lung_field(scan)
            inside, found = field.inside, field.fitted
        fitted.append(found)
        looks.append(Look(scan, probability, explanation.heat * np.float32(explanation.peak), inside))
    return RadiographSeries(
        card.task, card.id, label.id, label.title, label.threshold, tuple(looks), opacities(looks),
        heat_changes(looks, alignments, accepted=accepted), tuple(fitted), placed,
    )  # fmt: skip


def ask_once(
    moments: Sequence[Moment],
    *,
    models: Models,
    engine: Engine,
    task: str,
    model: str = "",
    target: str = "",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Analysis, ...]:
    """Ask one model about every study that has no mask yet, without storing anything.

    Args:
        target: Label that heat maps are made for; of the most probable one of the baseline when left out.

    Raises:
        UnknownNameError: There is no such task or model.
        UnfitInputError: A study is nothing that the task takes.
        CancelledError: `cancelled` became true.
    """
    card = task_card(models, model, task)
    found: list[Analysis] = []
    for number, moment in enumerate(moments):
        if cancelled is not None and cancelled():
            raise CancelledError(N_("Stopped."))
        if progress is not None:
            progress(number / len(moments), Message(N_("Asking the model about {study}"), {"study": moment.label}))
        answer = analyse_once(moment.scan, models=models, engine=engine, task=task, model=card.id)
        if isinstance(answer.prediction, Classification):
            wanted = target or (found[0].explanation.target if found and found[0].explanation else "") or None
            answer = analyse_once(
                moment.scan, models=models, engine=engine, task=task, model=card.id, method=HEAT_METHOD, target=wanted
            )
        found.append(answer)
    return tuple(found)


def with_lesions(moments: Sequence[Moment], predictions: Sequence[Prediction]) -> tuple[Moment, ...]:
    """The studies with what models found as their lesions.

    Raises:
        UnfitInputError: A prediction names no places.
    """
    return tuple(
        replace(moment, mask=lesion_mask(one, moment.scan), outlined=outlined_by(one))
        for moment, one in zip(moments, predictions, strict=True)
    )  # fmt: skip


def lesion_mask(prediction: Prediction, scan: Volume) -> Mask:
    """Lesions of a prediction on the scan's grid; of a box that has no mask, the ellipsoid that it holds.

    Raises:
        UnfitInputError: The prediction names no places.
    """
    match prediction:
        case Segmentation():
            return prediction.mask
        case Detection() if prediction.mask is not None:
            return prediction.mask  # its outlines, as on the page; an ellipsoid of a box is larger than what it holds
        case Detection() if scan.geometry.scale is Scale.PATIENT:
            return _ellipsoids(prediction, scan)
        case _:
            raise UnfitInputError(
                N_("The task {task} gives no masks, so it cannot find lesions to compare."),
                hint=N_("Give masks by --mask, or choose a task that segments."),
                task=prediction.run.task,
            )


def outlined_by(prediction: Prediction) -> tuple[Outlined, ...]:
    """How sure a model was of each lesion's outline; none where its passes were not varied."""
    lesions = prediction.lesions if isinstance(prediction, Segmentation) else ()
    return tuple(
        Outlined(one.voxels, one.centre_lps_mm, one.volume_low_ml, one.volume_high_ml)
        for one in lesions
        if one.centre_lps_mm is not None and one.volume_low_ml is not None and one.volume_high_ml is not None
    )


def _ellipsoids(found: Detection, scan: Volume) -> Mask:
    labels = np.zeros(scan.shape, dtype=np.uint8)
    names: dict[int, str] = {}
    for number, box in enumerate(sorted(found.boxes, key=lambda one: one.probability)[-MOST_BOXES:], start=1):
        low, high = np.array(box.corners[:3]), np.array(box.corners[3:])
        middle, half = (low + high) / 2, np.maximum((high - low + 1) / 2, 0.5)
        start = np.clip(np.floor(low).astype(int), 0, np.array(scan.shape) - 1)
        stop = np.clip(np.ceil(high).astype(int) + 1, start + 1, scan.shape)
        grid = np.stack(np.meshgrid(*map(np.arange, start, stop), indexing="ij"), axis=-1)
        inside = (np.square((grid - middle) / half).sum(axis=-1)) <= 1
        names[number] = box.label
        part = labels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        part[inside] = number
    return Mask(labels, names or {1: "lesion"}, scan.geometry)
