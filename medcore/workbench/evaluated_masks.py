"""Masks of an evaluation: overlap with intervals, agreement of areas, by kind and column, from the kept answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medcore.cards import Estimate
from medcore.evaluation.classification import MIN_GROUP
from medcore.evaluation.kept_answers import PictureAnswer, as_answers
from medcore.evaluation.masks import BlandAltman, MaskCounts, bland_altman, mask_metrics

KIND = "kind"


@dataclass(frozen=True, slots=True)
class Areas:
    """Found and drawn areas of N pictures with either, in percent of the picture, with their agreement."""

    names: tuple[str, ...]
    found: tuple[float, ...]
    drawn: tuple[float, ...]
    agreement: BlandAltman


@dataclass(frozen=True, slots=True)
class MaskPart:
    """Some of the pictures: those with `value` in the column `name`; all where both are empty.

    Args:
        drawn: In how many of the `n` pictures something was drawn.
    """

    name: str
    value: str
    n: int
    drawn: int
    metrics: Mapping[str, Estimate]


def has_masks(answers: Sequence[PictureAnswer]) -> bool:
    """Whether the model draws masks."""
    return bool(answers) and all(one.pixels is not None for one in answers)


def mask_parts(answers: Sequence[PictureAnswer], labels: Sequence[str]) -> tuple[MaskPart, ...]:
    """Figures of all pictures first, then of each kind of finding, then of each value of each column.

    Args:
        labels: Ids of the card's labels.
    """
    found = [_part("", "", answers)]
    found += _by(KIND, answers, lambda one: next((x for x, true in zip(labels, one.truth, strict=True) if true), ""))
    for name in dict.fromkeys(name for one in answers for name in one.columns):
        found += _by(name, answers, lambda one, name=name: one.columns.get(name, ""))  # type: ignore[misc]
    return tuple(found)


def areas(answers: Sequence[PictureAnswer]) -> Areas | None:
    """For the Bland-Altman diagram; None with fewer than two masks."""
    own = [one for one in answers if one.pixels is not None and one.pixels.drawn + one.pixels.found > 0]
    if len(own) < 2:
        return None
    counts = _counts(own)
    found, drawn = counts.percent
    agreement = bland_altman(found, drawn, counts.group)
    return Areas(tuple(one.file for one in own), tuple(found.tolist()), tuple(drawn.tolist()), agreement)


def _by(name: str, answers: Sequence[PictureAnswer], value: Callable[[PictureAnswer], str]) -> list[MaskPart]:
    values: dict[str, list[PictureAnswer]] = {}
    for one in answers:
        values.setdefault(value(one), []).append(one)
    values.pop("", None)
    if not 1 < len(values) <= len(answers) / 2:
        return []
    return [_part(name, key, own) for key, own in sorted(values.items()) if len(own) >= MIN_GROUP]


def _part(name: str, value: str, answers: Sequence[PictureAnswer]) -> MaskPart:
    counts = _counts(answers)
    metrics = {k: v for k, v in mask_metrics(counts).items() if np.isfinite(v.value)}
    return MaskPart(name, value, len(answers), int((counts.drawn > 0).sum()), metrics)


def _counts(answers: Sequence[PictureAnswer]) -> MaskCounts:
    pixels = [one.pixels for one in answers if one.pixels is not None]
    table = np.array([(p.drawn, p.found, p.both, p.whole) for p in pixels], dtype=np.int64).reshape(-1, 4)
    drawn, found, both, whole = table.T
    edges = np.array([(p.hd95, p.surface) for p in pixels], dtype=np.float64).reshape(-1, 2)  # None becomes nan
    measured = edges if np.isfinite(edges).any() else None
    return MaskCounts(drawn, found, both, whole, as_answers(answers).group, measured)
