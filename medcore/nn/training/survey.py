"""What labelled pictures are like before anything is trained: counts, splits, twins, leaks, and what is too easy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy import int64, uint8
from numpy.typing import NDArray

from medcore.cards import Estimate, ModelCard
from medcore.errors import DataSetError, Message
from medcore.evaluation.classification import Answers, measure
from medcore.evaluation.controls import SIDE, control_scores
from medcore.nn.training.cache import open_cache
from medcore.nn.training.inherited import inherited_from
from medcore.nn.training.pictures import list_cases, part_pictures, refuse_one_class
from medcore.nn.training.recipe import Source
from medcore.nn.training.sources import Case
from medcore.nn.training.splits import SPLITS, thumbnails, twins
from medcore.tasks import Task
from medcore.volume import Array

EXAMPLES = 4  # pictures of each answer
CONTROL_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Column:
    """How often each value of a column goes with each answer: value -> (absent, present)."""

    name: str
    values: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What was found.

    Args:
        counts: Split by name -> (absent, present, groups).
        unreadable: Names of pictures that cannot be decoded.
        groups: Patients and clusters of near-duplicates, which stay together.
        twins: Pairs of nearly the same picture.
        disputed: Pairs of them with different answers, by name.
        problems: Why a training would be refused: one class only, a leak between splits.
        columns: The table's columns against the answer.
        controls: AUC of trivial controls, which a network must beat.
        examples: (2 EXAMPLES, side, side): the absent first, then the present.
        present: For each example, whether the finding is there.
    """

    counts: Mapping[str, tuple[int, int, int]]
    unreadable: tuple[str, ...]
    groups: int
    twins: int
    disputed: tuple[tuple[str, str], ...]
    problems: tuple[tuple[Message, Message], ...]
    columns: tuple[Column, ...]
    controls: Mapping[str, Estimate]
    examples: NDArray[uint8]
    present: tuple[bool, ...]


def survey(
    sources: Sequence[Source],
    folder: Path,
    *,
    task: Task,
    card: ModelCard,
    seed: int,
    cache: Path,
    tell: Callable[[int, int], None] = lambda done, total: None,
    start_from: str = "",
) -> Survey:
    """Look at all pictures of some sources as a training would, and refuse nothing but what cannot be read at all.

    Args:
        start_from: Model beside the card's folder whose weights are the start; its pictures keep the split they had.

    Raises:
        NotFoundError: A source is not there.
        DataSetError: A table cannot be used, a source is empty, or too many pictures cannot be read.
        TrainingError: The disk is full.
    """
    labels = [label.id for label in card.labels]
    listed, origin = list_cases(sources, folder, labels)
    kept = open_cache(cache, listed, task=task, card=card, tell=tell)
    rows = np.flatnonzero(kept.readable)
    cases, origin = [listed[i] for i in rows], origin[rows]
    seen = kept.seen[rows]
    truth = np.array([case.truth for case in cases], dtype=bool)
    before = inherited_from(card.folder.parent, start_from)
    parts = part_pictures(sources, cases, origin, truth=truth, seen=seen, seed=seed, before=before)
    group, split = parts.group, parts.split
    pairs = list(twins(seen))
    chosen = _examples(truth[:, 0])
    return Survey(
        counts={name: _counts(truth[:, 0], group, split == i) for i, name in enumerate(SPLITS)},
        unreadable=tuple(listed[int(i)].name for i in np.flatnonzero(~kept.readable)),
        groups=len(np.unique(group)),
        twins=len(pairs),
        disputed=tuple((cases[i].name, cases[j].name) for i, j in pairs if (truth[i] != truth[j]).any()),
        problems=_problems(partial(refuse_one_class, truth, labels), *parts.refusals),
        columns=_columns(cases, truth[:, 0]),
        controls=_controls(seen, truth[:, 0], group),
        examples=np.asarray(seen[chosen]),
        present=tuple(bool(truth[i, 0]) for i in chosen),
    )


def _counts(present: Array, group: NDArray[int64], rows: Array) -> tuple[int, int, int]:
    return int((~present[rows]).sum()), int(present[rows].sum()), len(np.unique(group[rows]))


def _problems(*refusals: Callable[[], None]) -> tuple[tuple[Message, Message], ...]:
    found = []
    for refuse in refusals:
        try:
            refuse()
        except DataSetError as error:
            found.append((error.message, error.hint))
    return tuple(found)


def _columns(cases: Sequence[Case], present: Array) -> tuple[Column, ...]:
    names = dict.fromkeys(name for case in cases for name in case.columns)
    found = []
    for name in names:
        count = Counter((case.columns.get(name, ""), bool(p)) for case, p in zip(cases, present, strict=True))
        values = sorted({value for value, _ in count})
        found.append(Column(name, {value: (count[value, False], count[value, True]) for value in values}))
    return tuple(found)


def _controls(seen: NDArray[uint8], present: Array, group: NDArray[int64]) -> Mapping[str, Estimate]:
    if present.all() or not present.any():
        return {}
    scores = control_scores(thumbnails(seen, SIDE), present, group, columns={})
    return {
        name: measure(Answers(present, s, group), threshold=0.0, names=("auc",), rounds=CONTROL_ROUNDS)["auc"]
        for name, s in scores.items()
    }


def _examples(present: Array) -> Array:
    """The same rows every time: spread evenly over each answer."""
    parts = []
    for answer in (False, True):
        rows = np.flatnonzero(present == answer)
        parts.append(rows[np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int)])
    return np.concatenate(parts).astype(int)
