"""Results as tables that leave MedCore: CSV with one row a score, lesion or box, and JSON with each result whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from medcore.deidentify.stamp import NOTICE
from medcore.predictions import Box, Classification, Detection, Lesion, Prediction, Score, Segmentation

Cell: TypeAlias = str | int | float | bool | Sequence["Cell"] | Mapping[str, "Cell"] | None

HEAD = ("study", "patient", "study_date", "scan", "run", "task", "model", "model_version", "weights_sha256", "kind")
COLUMNS = (
    *HEAD,
    *("label", "probability", "threshold", "positive", "volume_ml", "longest_mm", "short_axis_mm", "diameter_mm"),
    *("id", "counts", "read", "drawn_by", "volume_low_ml", "volume_high_ml", "product_mm2", "voxels"),
    *("voxels_low", "voxels_high", "slice"),
    *("centre_l_mm", "centre_p_mm", "centre_s_mm", "first_slice", "first_row", "first_column", "last_slice"),
    *("last_row", "last_column", "nodule_kind", "suspicion_rating", "solid_mm", "hu_mean"),
    "notice",
)

DIGITS = {
    **dict.fromkeys(("probability", "threshold", "suspicion_rating"), 6),
    **dict.fromkeys(("volume_ml", "volume_low_ml", "volume_high_ml"), 4),
    **dict.fromkeys(("longest_mm", "short_axis_mm", "diameter_mm", "solid_mm"), 2),
    **dict.fromkeys(("centre_l_mm", "centre_p_mm", "centre_s_mm"), 2),
}


@dataclass(frozen=True, slots=True)
class ReadLesion:
    """One lesion or box as a reader left it.

    Args:
        counts: Neither rejected nor erased.
        standing: "open", "accepted", "rejected" or "erased".
        origin: "found", "changed" or "added": the model's, the model's corrected by a reader, or the reader's own.
        lesion, box: With the sizes of now.
    """

    id: str
    counts: bool
    standing: str
    origin: str
    lesion: Lesion | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OutgoingResult:
    """A result on its way out.

    Args:
        prediction: As the model left it.
        lesions: Its lesions or boxes as readers left them.
        corrections: How many a reader made.
    """

    prediction: Prediction
    lesions: tuple[ReadLesion, ...] = ()
    corrections: int = 0


@dataclass(frozen=True, slots=True)
class TableHead:
    """Whose results they are: pseudonyms, a date as it may leave, and the number of each scan by its id."""

    study: str
    patient: str
    study_date: str
    scan_numbers: Mapping[str, int] = field(default_factory=dict)


def as_csv(results: Sequence[OutgoingResult], head: TableHead) -> str:
    """One row a score, lesion or box; each carries the notice."""
    file = io.StringIO()
    table = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    for result in results:
        run = _run(result.prediction, head)
        for row in _rows(result):
            table.writerow({name: _text(name, value) for name, value in {**run, **row, "notice": NOTICE}.items()})
    return file.getvalue()


def as_json(results: Sequence[OutgoingResult], head: TableHead) -> str:
    """Each result with its scores, lesions or boxes, the model's own measurements beside the corrected ones."""
    content = {"notice": NOTICE, "results": [_whole(result, head) for result in results]}
    return json.dumps(content, ensure_ascii=False, indent=1)


def _text(name: str, value: Cell) -> Cell:
    """A cell of the CSV: nothing for what is not known, and all figures of a column with the same digits."""
    if isinstance(value, float):
        return f"{value:.{DIGITS.get(name, 1)}f}"
    return "" if value is None else value


def _whole(result: OutgoingResult, head: TableHead) -> Mapping[str, Cell]:
    prediction = result.prediction
    whole: dict[str, Cell] = {**_run(prediction, head), "kind": _kind(prediction), "corrections": result.corrections}
    match prediction:
        case Classification(scores=scores):
            whole["scores"] = [_score(score) for score in scores]
        case Segmentation(scores=scores, presence=presence):
            counted = [one.lesion for one in result.lesions if one.counts and one.lesion]
            sizes = [one.volume_ml for one in counted if one.volume_ml is not None]
            whole["count"] = len(counted)
            whole["burden_ml"] = round(sum(sizes), 4) if len(sizes) == len(counted) else None
            whole["lesions"] = [_lesion_row(one) for one in result.lesions]
            whole["lesions_of_the_model"] = [_lesion(lesion) for lesion in prediction.lesions]
            whole["scores"] = [_score(score) for score in scores]
            whole["presence"] = [round(float(one), 4) for one in presence]
        case Detection(boxes=boxes, suggestions=suggestions):
            whole["count"] = sum(one.counts for one in result.lesions)
            whole["boxes"] = [_lesion_row(one) for one in result.lesions]
            whole["boxes_of_the_model"] = [_box(box) for box in boxes]
            whole["suggestions"] = [
                {"criterion": one.criterion, "category": one.category, "rule": one.rule} for one in suggestions
            ]
    return whole


def _run(prediction: Prediction, head: TableHead) -> dict[str, Cell]:
    run = prediction.run
    return {
        "study": head.study,
        "patient": head.patient,
        "study_date": head.study_date,
        "scan": head.scan_numbers.get(run.scan, ""),
        "run": run.id,
        "task": run.task,
        "model": run.model,
        "model_version": run.model_version,
        "weights_sha256": run.weights_sha256,
    }


def _rows(result: OutgoingResult) -> list[Mapping[str, Cell]]:
    kind = _kind(result.prediction)
    match result.prediction:
        case Classification(scores=scores):
            return [{"kind": kind, **_score(score)} for score in scores]
        case _:
            return [{"kind": kind, **_lesion_row(one)} for one in result.lesions]


def _kind(prediction: Prediction) -> str:
    return type(prediction).__name__.lower()


def _score(score: Score) -> dict[str, Cell]:
    return {
        "label": score.label,
        "probability": round(score.probability, 6),
        "threshold": round(score.threshold, 6),
        "positive": int(score.positive),
    }


def _lesion_row(one: ReadLesion) -> dict[str, Cell]:
    """What a reader said, then the box's facts, then the sizes of now, which stand for those of the box."""
    sizes = {} if one.lesion is None else {k: v for k, v in _lesion(one.lesion).items() if v is not None}
    box = {} if one.box is None else _box(one.box)
    return {
        **box,
        **sizes,
        "label": one.box.label if one.box else one.lesion.label if one.lesion else "",
        "id": one.id,
        "counts": int(one.counts),
        "read": one.standing,
        "drawn_by": {"found": "model", "changed": "model and reader"}.get(one.origin, "reader"),
    }


def _lesion(lesion: Lesion) -> dict[str, Cell]:
    return {
        "id": lesion.id,
        "label": lesion.label,
        "probability": _number(lesion.probability),
        "volume_ml": _number(lesion.volume_ml),
        "volume_low_ml": _number(lesion.volume_low_ml),
        "volume_high_ml": _number(lesion.volume_high_ml),
        "longest_mm": _number(lesion.longest_mm),
        "short_axis_mm": _number(lesion.short_axis_mm),
        "product_mm2": _number(lesion.product_mm2),
        "voxels": lesion.voxels or None,
        "voxels_low": lesion.voxels_low,
        "voxels_high": lesion.voxels_high,
        "slice": None if lesion.slice_index is None else lesion.slice_index + 1,
        **_centre(lesion.centre_lps_mm),
    }


def _box(box: Box) -> dict[str, Cell]:
    names = ("first_slice", "first_row", "first_column", "last_slice", "last_row", "last_column")
    return {
        "label": box.label,
        "probability": _number(box.probability),
        "diameter_mm": _number(box.diameter_mm),
        "volume_ml": _number(box.volume_ml),
        "longest_mm": _number(box.longest_mm),
        "short_axis_mm": _number(box.short_axis_mm),
        **{name: round(corner + 1, 1) for name, corner in zip(names, box.corners, strict=True)},
        "nodule_kind": box.kind or None,
        "suspicion_rating": _number(box.malignancy),
        "solid_mm": _number(box.solid_mm),
        "hu_mean": _number(box.hu_mean),
        **_centre(box.centre_lps_mm),
    }


def _centre(place: tuple[float, float, float] | None) -> dict[str, Cell]:
    values = place or (None, None, None)
    return {f"centre_{axis}_mm": _number(value) for axis, value in zip("lps", values, strict=True)}


def _number(value: float | None) -> Cell:
    return None if value is None else round(float(value), 6)
