"""What a model said of each study of a comparison: its probabilities over time, for pictures without lesions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medcore.predictions import Classification, Prediction, Score


@dataclass(frozen=True, slots=True)
class ProbabilityChange:
    """One label of one model over the studies.

    Args:
        scores: Of each study; None where this very model (same weights) was not asked about its scan.
    """

    task: str
    model: str
    model_version: str
    label: str
    scores: tuple[Score | None, ...]

    @property
    def change(self) -> float | None:
        """The last probability minus that of the baseline; None where one of them is missing."""
        first, last = self.scores[0], self.scores[-1]
        return None if first is None or last is None else last.probability - first.probability


def probability_changes(
    predictions: Sequence[Sequence[Prediction]], scans: Sequence[str]
) -> tuple[ProbabilityChange, ...]:
    """Labels of which the same weights were asked about at least two of the scans.

    Args:
        predictions: Of each study, the newest first.
        scans: Id of each study's scan.
    """
    found: dict[tuple[str, str, str, str, str], list[Score | None]] = {}
    for number, (kept, scan) in enumerate(zip(predictions, scans, strict=True)):
        for one in kept:
            if isinstance(one, Classification) and one.run.scan == scan:
                run = one.run
                for score in one.scores:
                    key = (run.task, run.model, run.model_version, run.weights_sha256, score.label)
                    row = found.setdefault(key, [None] * len(scans))
                    row[number] = row[number] or score
    return tuple(
        ProbabilityChange(task, model, version, label, tuple(row))
        for (task, model, version, _, label), row in found.items()
        if sum(score is not None for score in row) > 1
    )
