"""What evaluation.json says: metrics of all and of groups, controls, calibration, curves, sets and strangers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from medcore.cards import Estimate, ModelCard
from medcore.evaluation.boxes import BoxAnswers, average_precision, froc
from medcore.evaluation.calibration import probabilities, reliability
from medcore.evaluation.classification import MIN_GROUP, Answers, measure, within
from medcore.evaluation.conformal import measure_coverage
from medcore.evaluation.controls import control_scores
from medcore.evaluation.curves import decision_curve, precision_recall_curve, roc_curve
from medcore.evaluation.kept_answers import DIGITS as ANSWER_DIGITS
from medcore.evaluation.kept_answers import TEST, PictureAnswer, Pixels
from medcore.evaluation.masks import MaskCounts, bland_altman, mask_metrics
from medcore.evaluation.resampling import mean_estimate
from medcore.nn.training.asking import Asked
from medcore.tasks._volume_voting import kind_probabilities
from medcore.volume import Array

DIGITS = 4  # of every figure: what lies behind them depends on the processor
Json = dict[str, Any]


def report(asked: Asked, card: ModelCard, group: NDArray[int64], *, source: Sequence[str] = ()) -> Json:
    """All figures of one set of pictures; the same for the verb `evaluate` and for the folder that training writes.

    Args:
        group: (N,) patient or cluster.
        source: (N,) name of each picture's data set, where there are several.
    """
    if asked.masks is not None:
        return mask_report(asked, card, group, source=source)
    truth = np.array([case.truth for case in asked.cases], dtype=bool).reshape(-1, len(card.labels))
    columns = case_columns(asked, source)
    answers = Answers(truth[:, 0], probabilities(asked.logits[:, 0], card.calibration), group)
    threshold = card.labels[0].threshold
    everything = _part(answers, asked, np.arange(len(truth)), threshold)
    found: Json = {
        "model": card.id,
        "n": len(truth),
        "patients": len(np.unique(group)),
        "label": card.labels[0].id,
        "threshold": threshold,
        "metrics": everything["metrics"],
        "groups": {"all": everything},
        "per_group": {},
        "controls": {},
        "within": {},
    }
    for name in dict.fromkeys(source):
        found["groups"][name] = _part(answers, asked, np.flatnonzero(np.array(source) == name), threshold)
    for name, column in columns.items():
        parts = {v: np.flatnonzero(column == v) for v in sorted(set(column.tolist())) if v != ""}
        parts = {v: rows for v, rows in parts.items() if len(rows) >= MIN_GROUP}
        if 0 < len(parts) < len(truth) / 2:
            found["per_group"] |= {f"{name}={v}": _part(answers, asked, rows, threshold) for v, rows in parts.items()}
    if answers.truth.any() and not answers.truth.all():
        found |= _both_answers(answers, asked, columns, card)
    for number, label in enumerate(card.labels[1:], start=1):
        other = Answers(truth[:, number], probabilities(asked.logits[:, number], card.calibration), group)
        found.setdefault("labels", {})[label.id] = _part(other, None, np.arange(len(truth)), label.threshold)
    if asked.distance is not None and card.familiarity is not None:
        found["unfamiliar"] = float((asked.distance > card.familiarity.threshold).mean())
    found["refused"] = [{"name": name, "message": str(message)} for name, message in asked.refused]
    rounded: Json = tidy(found)
    return rounded


def picture_answers(
    asked: Asked, card: ModelCard, group: NDArray[int64], *, source: Sequence[str], part: str = TEST
) -> tuple[PictureAnswer, ...]:
    """What was said of each picture, for answers.csv.

    Args:
        group: (N,) patient or cluster.
        source: (N,) name of each picture's data set.
    """
    if asked.masks is not None:
        said = kind_probabilities(asked.logits.astype(np.float32), card)
    else:
        said = np.stack([probabilities(column, card.calibration) for column in asked.logits.T], axis=1)
    return tuple(
        PictureAnswer(
            part=part,
            source=name,
            file=case.name,
            index=case.index,
            group=int(group[i]),
            truth=case.truth,
            probability=tuple(float(p) for p in said[i]),
            distance=None if asked.distance is None else float(asked.distance[i]),
            columns=case.columns,
            pixels=_pixels(asked, i),
        )
        for i, (case, name) in enumerate(zip(asked.cases, source, strict=True))
    )


def _pixels(asked: Asked, i: int) -> Pixels | None:
    if asked.masks is None:
        return None
    edges = () if asked.edges is None else asked.edges[i].tolist()
    return Pixels(*asked.masks[i].tolist(), *(round(x, ANSWER_DIGITS) if np.isfinite(x) else None for x in edges))


def mask_report(asked: Asked, card: ModelCard, group: NDArray[int64], *, source: Sequence[str] = ()) -> Json:
    """All figures of a model that draws masks, in the form of `report`; also by kind of finding and by column."""
    assert asked.masks is not None
    drawn, found_pixels, both, whole = asked.masks.T
    counts = MaskCounts(drawn, found_pixels, both, whole, group, asked.edges)
    truth = np.array([case.truth for case in asked.cases], dtype=bool).reshape(-1, len(card.labels))
    said = kind_probabilities(asked.logits.astype(np.float32), card)
    right = said.argmax(axis=1) == truth.argmax(axis=1)

    def part(rows: Array) -> Json:
        own = counts.only(rows)
        accuracy = {"class_accuracy": mean_estimate(right[rows].astype(float64), own.group)}
        return {"n": len(rows), "positive": int((own.drawn > 0).sum()), "metrics": mask_metrics(own) | accuracy}

    everything = part(np.arange(len(truth)))
    found: Json = {
        "model": card.id,
        "n": len(truth),
        "patients": len(np.unique(group)),
        "label": card.labels[0].id,
        "threshold": card.labels[0].threshold,
        "metrics": everything["metrics"],
        "groups": {"all": everything},
        "per_group": {},
        "controls": {},
        "within": {},
        "confusion": _confusion(truth, said, card),
        "area_agreement_percent": bland_altman(*counts.percent, group),
    }
    for name in dict.fromkeys(source):
        found["groups"][name] = part(np.flatnonzero(np.array(source) == name))
    kinds = np.array([card.labels[i].id for i in truth.argmax(axis=1)])
    for name, column in {**case_columns(asked, source), "kind": kinds}.items():
        for value in sorted(set(column.tolist())):
            rows = np.flatnonzero(column == value)
            if value and MIN_GROUP <= len(rows) < len(truth):
                found["per_group"][f"{name}={value}"] = part(rows)
    if asked.distance is not None and card.familiarity is not None:
        found["unfamiliar"] = float((asked.distance > card.familiarity.threshold).mean())
    found["refused"] = [{"name": name, "message": str(message)} for name, message in asked.refused]
    rounded: Json = tidy(found)
    return rounded


def _confusion(truth: Array, said: NDArray[float64], card: ModelCard) -> Json:
    """How often each kind was called which."""
    names = [label.id for label in card.labels]
    table = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(table, (truth.argmax(axis=1), said.argmax(axis=1)), 1)
    return {name: dict(zip(names, row.tolist(), strict=True)) for name, row in zip(names, table, strict=True)}


def case_columns(asked: Asked, source: Sequence[str]) -> Mapping[str, Array]:
    """Texts of the table's columns, and of the source where there are several."""
    names = dict.fromkeys(name for case in asked.cases for name in case.columns)
    columns = {name: np.array([case.columns.get(name, "") for case in asked.cases]) for name in names}
    return columns | ({"source": np.array(source)} if len(set(source)) > 1 else {})


def _both_answers(answers: Answers, asked: Asked, columns: Mapping[str, Array], card: ModelCard) -> Json:
    """What needs ill and well people: controls, curves, figures within strata."""
    scores = control_scores(asked.small, answers.truth, answers.group, columns=columns)
    controls = {
        name: measure(Answers(answers.truth, s, answers.group), threshold=0.0, names=("auc",))["auc"]
        for name, s in scores.items()
    }
    strata = {f"within {name}": within(answers, column) for name, column in columns.items()}
    strata["within patient"] = within(answers, answers.group)
    found: Json = {
        "controls": {name: {"auc": value} for name, value in controls.items()},
        "within": {name: {"auc": e} for name, e in strata.items() if np.isfinite(e.value)},
        "reliability": reliability(answers.truth, answers.probability),
        "curves": {
            "roc": roc_curve(answers),
            "precision_recall": precision_recall_curve(answers),
            "net_benefit": decision_curve(answers),
        },
    }
    if card.conformal is not None:
        coverage = measure_coverage(answers.truth, answers.probability, answers.group, card.conformal)
        found["conformal"] = {"promised": card.conformal.coverage, **asdict(coverage)}
    if asked.boxes is not None and all(case.boxes is not None for case in asked.cases):
        found["froc"] = froc(_boxes(asked, np.arange(len(asked.cases)), answers.group))
    return found


def _part(answers: Answers, asked: Asked | None, rows: Array, threshold: float) -> Json:
    own = answers.only(rows)
    metrics: dict[str, Estimate] = dict(measure(own, threshold=threshold)) if len(rows) else {}
    if asked is not None and asked.boxes is not None and all(asked.cases[i].boxes is not None for i in rows):
        metrics["map50"] = average_precision(_boxes(asked, rows, answers.group[rows]))
    return {"n": len(rows), "positive": int(own.truth.sum()), "metrics": metrics}


def _boxes(asked: Asked, rows: Array, group: Array) -> BoxAnswers:
    assert asked.boxes is not None
    drawn = [np.array(asked.cases[i].boxes or (), dtype=float64).reshape(-1, 4) for i in rows]
    return BoxAnswers(drawn, [asked.boxes[i][0] for i in rows], [asked.boxes[i][1] for i in rows], group)


def tidy(value: Any) -> Any:
    """Plain JSON values: records as tables, figures rounded to DIGITS, metrics without a meaning left out."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: tidy(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        kept = {str(k): v for k, v in value.items() if not (isinstance(v, Estimate) and not np.isfinite(v.value))}
        return {k: tidy(v) for k, v in kept.items()}
    if isinstance(value, list | tuple):
        return [tidy(v) for v in value]
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float):
        return round(plain, DIGITS) if np.isfinite(plain) else None
    return plain
