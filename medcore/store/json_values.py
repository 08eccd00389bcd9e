"""Records as JSON values and back: messages, issues, runs and predictions, as the database keeps them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias, cast

from medcore.errors import Message, Value
from medcore.predictions import Box, Lesion, Score, Suggestion
from medcore.records import Issue, Run, Severity
from medcore.volume import Triple

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

NOT_FINITE = ("nan", "inf", "-inf")


def from_message(message: Message) -> Json:
    """A message as JSON."""
    return {"template": message.template, "values": dict(message.values)}


def to_message(value: Json) -> Message:
    """The message of `from_message`."""
    table = as_table(value)
    return Message(as_text(table["template"]), cast(Mapping[str, Value], as_table(table["values"])))


def from_issues(issues: Sequence[Issue]) -> Json:
    """Issues as JSON."""
    return [
        {
            "code": issue.code,
            "severity": issue.severity.value,
            "message": from_message(issue.message),
            "hint": from_message(issue.hint),
            "measured": None if issue.measured is None else from_number(issue.measured),
            "limit": None if issue.limit is None else from_number(issue.limit),
        }
        for issue in issues
    ]


def to_issues(value: Json) -> tuple[Issue, ...]:
    """The issues of `from_issues`."""
    return tuple(
        Issue(
            code=as_text(entry["code"]),
            severity=Severity(as_text(entry["severity"])),
            message=to_message(entry["message"]),
            hint=to_message(entry["hint"]),
            measured=as_optional(entry["measured"]),
            limit=as_optional(entry["limit"]),
        )
        for entry in map(as_table, as_list(value))
    )


def from_run(run: Run) -> Json:
    """A run as JSON, in full, so that a stored run reads the same whatever columns the table has."""
    return {
        "id": run.id,
        "study": run.study,
        "scan": run.scan,
        "scan_sha256": run.scan_sha256,
        "task": run.task,
        "model": run.model,
        "model_version": run.model_version,
        "weights_sha256": run.weights_sha256,
        "preprocessing": dict(run.preprocessing),
        "device": run.device,
        "precision": run.precision,
        "seconds": run.seconds,
        "software": dict(run.software),
        "started_at": run.started_at.astimezone(UTC).isoformat(),
        "warnings": from_issues(run.warnings),
    }


def to_run(value: Json) -> Run:
    """The run of `from_run`."""
    table = as_table(value)
    return Run(
        id=as_text(table["id"]),
        study=as_text(table["study"]),
        scan=as_text(table["scan"]),
        scan_sha256=as_text(table["scan_sha256"]),
        task=as_text(table["task"]),
        model=as_text(table["model"]),
        model_version=as_text(table["model_version"]),
        weights_sha256=as_text(table["weights_sha256"]),
        preprocessing=cast(Mapping[str, Value], as_table(table["preprocessing"])),
        device=as_text(table["device"]),
        precision=as_text(table["precision"]),
        seconds=as_number(table["seconds"]),
        software=to_texts(table["software"]),
        started_at=datetime.fromisoformat(as_text(table["started_at"])),
        warnings=to_issues(table["warnings"]),
    )


def from_scores(scores: Sequence[Score]) -> Json:
    """Scores as JSON."""
    return [{"label": s.label, "probability": s.probability, "threshold": s.threshold} for s in scores]


def to_scores(value: Json) -> tuple[Score, ...]:
    """The scores of `from_scores`."""
    return tuple(
        Score(as_text(entry["label"]), as_number(entry["probability"]), as_number(entry["threshold"]))
        for entry in map(as_table, as_list(value))
    )


def from_lesions(lesions: Sequence[Lesion]) -> Json:
    """Lesions as JSON."""
    return [
        {
            "id": lesion.id,
            "label": lesion.label,
            "volume_ml": lesion.volume_ml,
            "longest_mm": lesion.longest_mm,
            "short_axis_mm": lesion.short_axis_mm,
            "centre_lps_mm": from_triple(lesion.centre_lps_mm),
            "voxels": lesion.voxels,
            "centre_index": from_triple(lesion.centre_index),
            "slice_index": lesion.slice_index,
            "product_mm2": lesion.product_mm2,
            "volume_low_ml": lesion.volume_low_ml,
            "volume_high_ml": lesion.volume_high_ml,
            "voxels_low": lesion.voxels_low,
            "voxels_high": lesion.voxels_high,
            "probability": lesion.probability,
        }
        for lesion in lesions
    ]


def to_lesions(value: Json) -> tuple[Lesion, ...]:
    """The lesions of `from_lesions`."""
    return tuple(
        Lesion(
            id=as_text(entry["id"]),
            label=as_text(entry["label"]),
            volume_ml=as_optional(entry["volume_ml"]),
            longest_mm=as_optional(entry["longest_mm"]),
            short_axis_mm=as_optional(entry["short_axis_mm"]),
            centre_lps_mm=to_triple(entry["centre_lps_mm"]),
            voxels=int(as_number(entry.get("voxels", 0))),  # from here on: not in results of version 1
            centre_index=to_triple(entry.get("centre_index")),
            slice_index=_to_count(entry.get("slice_index")),
            product_mm2=as_optional(entry.get("product_mm2")),
            volume_low_ml=as_optional(entry.get("volume_low_ml")),
            volume_high_ml=as_optional(entry.get("volume_high_ml")),
            voxels_low=_to_count(entry.get("voxels_low")),
            voxels_high=_to_count(entry.get("voxels_high")),
            probability=as_optional(entry.get("probability")),
        )
        for entry in map(as_table, as_list(value))
    )


def _to_count(value: Json) -> int | None:
    return None if value is None else int(as_number(value))


def from_boxes(boxes: Sequence[Box]) -> Json:
    """Boxes as JSON."""
    return [
        {
            "corners": list(box.corners),
            "centre_lps_mm": from_triple(box.centre_lps_mm),
            "diameter_mm": box.diameter_mm,
            "label": box.label,
            "probability": box.probability,
            "malignancy": box.malignancy,
            "mask_label": box.mask_label,
            "longest_mm": box.longest_mm,
            "short_axis_mm": box.short_axis_mm,
            "volume_ml": box.volume_ml,
            "kind": box.kind,
            "solid_mm": box.solid_mm,
            "hu_mean": box.hu_mean,
            "evidence": [from_message(message) for message in box.evidence],
        }
        for box in boxes
    ]


def to_boxes(value: Json) -> tuple[Box, ...]:
    """The boxes of `from_boxes`."""
    return tuple(
        Box(
            corners=cast(tuple[float, float, float, float, float, float], to_numbers(entry["corners"])),
            centre_lps_mm=to_triple(entry["centre_lps_mm"]),
            diameter_mm=as_optional(entry["diameter_mm"]),
            label=as_text(entry["label"]),
            probability=as_number(entry["probability"]),
            malignancy=as_optional(entry["malignancy"]),
            mask_label=int(as_number(entry.get("mask_label", 0))),  # from here on: not in results of version 1
            longest_mm=as_optional(entry.get("longest_mm")),
            short_axis_mm=as_optional(entry.get("short_axis_mm")),
            volume_ml=as_optional(entry.get("volume_ml")),
            kind=as_text(entry.get("kind", "")),
            solid_mm=as_optional(entry.get("solid_mm")),
            hu_mean=as_optional(entry.get("hu_mean")),
            evidence=tuple(to_message(one) for one in as_list(entry.get("evidence", []))),
        )
        for entry in map(as_table, as_list(value))
    )


def from_suggestions(suggestions: Sequence[Suggestion]) -> Json:
    """Suggestions as JSON."""
    return [
        {
            "criterion": one.criterion,
            "category": one.category,
            "rule": one.rule,
            "reason": from_message(one.reason),
            "notes": [from_message(note) for note in one.notes],
        }
        for one in suggestions
    ]


def to_suggestions(value: Json) -> tuple[Suggestion, ...]:
    """The suggestions of `from_suggestions`."""
    return tuple(
        Suggestion(
            as_text(entry["criterion"]),
            as_text(entry["category"]),
            as_text(entry["rule"]),
            to_message(entry["reason"]),
            tuple(to_message(note) for note in as_list(entry["notes"])),
        )
        for entry in map(as_table, as_list(value))
    )


def from_triple(value: Triple | None) -> Json:
    """A place as JSON."""
    return None if value is None else list(value)


def to_triple(value: Json) -> Triple | None:
    """The place of `from_triple`."""
    return None if value is None else cast(Triple, to_numbers(value))


def to_texts(value: Json) -> Mapping[str, str]:
    """A table whose values are all text."""
    return {name: as_text(entry) for name, entry in as_table(value).items()}


def to_numbers(value: Json) -> tuple[float, ...]:
    """A list whose values are all numbers."""
    return tuple(as_number(entry) for entry in as_list(value))


def as_table(value: Json) -> dict[str, Json]:
    """The value, which must be a table."""
    if not isinstance(value, dict):
        raise TypeError(f"a table was stored here, not {type(value).__name__}")
    return value


def as_list(value: Json) -> list[Json]:
    """The value, which must be a list."""
    if not isinstance(value, list):
        raise TypeError(f"a list was stored here, not {type(value).__name__}")
    return value


def as_text(value: Json) -> str:
    """The value, which must be text."""
    if not isinstance(value, str):
        raise TypeError(f"a text was stored here, not {type(value).__name__}")
    return value


def from_number(value: float) -> Json:
    """A number as JSON, which knows no infinity and no "not a number"."""
    return value if math.isfinite(value) else str(value)


def as_number(value: Json) -> float:
    """The value, which must be a number."""
    if isinstance(value, str) and value in NOT_FINITE:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a number was stored here, not {type(value).__name__}")
    return float(value)


def as_optional(value: Json) -> float | None:
    """The value, which must be a number or missing."""
    return None if value is None else as_number(value)
