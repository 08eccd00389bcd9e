"""All labelled pictures of a recipe as the network sees them: cached, clustered, split, drawn in balance."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy import int64, uint8
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, DataSetError
from medcore.nn.training.cache import Cache, open_cache
from medcore.nn.training.inherited import Inherited, inherited_from, keep_sides, refuse_crossing
from medcore.nn.training.mask_cache import open_masks
from medcore.nn.training.recipe import Source
from medcore.nn.training.sources import Case, load_format
from medcore.nn.training.splits import SPLITS, cluster, given_splits, refuse_leaks, split_groups
from medcore.tasks import Task
from medcore.volume import Array

log = logging.getLogger(__name__)

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Labelled pictures as the network sees them.

    Args:
        cases: N of them.
        seen: (N, side, side) uint8, memory-mapped.
        truth: (N, labels) bool.
        source: (N,) index into the recipe's sources.
        group: (N,) id of the cluster of one patient and of near-duplicates.
        split: (N,) index into SPLITS; a group is never divided.
        boxes: For each picture (M, 4) top, left, bottom, right as shares of the network's square; None: not drawn.
        rows: (N,) of each picture in the cache's file.
        masks: (N, side, side) uint8, memory-mapped, where every source has masks; 255 is the finding.
    """

    cases: tuple[Case, ...]
    seen: NDArray[uint8]
    truth: Array
    source: Array
    group: NDArray[int64]
    split: Array
    boxes: tuple[Array | None, ...]
    rows: Array
    masks: NDArray[uint8] | None = None

    def part(self, name: str) -> Array:
        """Row numbers of one split."""
        return np.flatnonzero(self.split == SPLITS.index(name))

    def take(self, chosen: Array) -> NDArray[uint8]:
        """Pictures (B, side, side) of row numbers."""
        return np.asarray(self.seen[self.rows[chosen]])

    def take_masks(self, chosen: Array) -> NDArray[uint8]:
        """Masks (B, side, side) of row numbers, on the network's grid."""
        assert self.masks is not None
        return np.asarray(self.masks[self.rows[chosen]])


def list_cases(sources: Sequence[Source], folder: Path, labels: Sequence[str]) -> tuple[list[Case], Array]:
    """All cases of all sources, and which source each is of.

    Raises:
        NotFoundError: A source is not there.
        DataSetError: A table cannot be used, or a source is empty.
    """
    cases: list[Case] = []
    origin: list[int] = []
    for number, source in enumerate(sources):
        found = load_format(source.format).cases(source, folder / source.folder, labels)
        if not found:
            raise DataSetError(N_("The source {name} has no pictures."), name=source.name)
        cases += found
        origin += [number] * len(found)
    return cases, np.array(origin, dtype=int)


def load_pictures(
    sources: Sequence[Source],
    folder: Path,
    *,
    task: Task,
    card: ModelCard,
    seed: int,
    cache: Path,
    tell: Tell,
    masks: bool = False,
    start_from: str = "",
) -> Pictures:
    """Decode, cluster and split all pictures of a recipe's sources.

    Args:
        masks: Read the drawn masks too; a picture without one shows no finding.
        start_from: Model beside the card's folder whose weights are the start; its pictures keep the split they had.

    Raises:
        NotFoundError: A source is not there.
        DataSetError: One class only, a leak, or too many pictures that cannot be read.
        TrainingError: The disk is full.
    """
    labels = [label.id for label in card.labels]
    cases, origin = list_cases(sources, folder, labels)
    listed = cases
    kept = open_cache(cache, cases, task=task, card=card, tell=tell)
    rows = np.flatnonzero(kept.readable)
    cases, origin = [cases[i] for i in rows], origin[rows]
    truth = np.array([case.truth for case in cases], dtype=bool)
    refuse_one_class(truth, labels)
    before = inherited_from(card.folder.parent, start_from)
    parts = part_pictures(sources, cases, origin, truth=truth, seen=kept.seen[rows], seed=seed, before=before)
    for refuse in parts.refusals:
        refuse()
    group, split = parts.group, parts.split
    log.info("%d pictures in %d groups, %d left out", len(cases), len(np.unique(group)), int((~kept.readable).sum()))
    boxes = tuple(prepared_boxes(case, kept, int(i)) for case, i in zip(cases, rows, strict=True))
    drawn = open_masks(cache, listed, kept, task=task, card=card) if masks else None
    return Pictures(tuple(cases), kept.seen, truth, origin, group, split, boxes, rows, drawn)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Which pictures belong together, and which part each is in.

    Args:
        group: (N,) cluster of each picture.
        split: (N,) its part.
        refusals: Called one by one they raise what speaks against these parts: a leak, a picture learnt before.
    """

    group: NDArray[int64]
    split: Array
    refusals: tuple[Callable[[], None], ...]


def part_pictures(
    sources: Sequence[Source],
    cases: Sequence[Case],
    origin: Array,
    *,
    truth: Array,
    seen: Array,
    seed: int,
    before: Inherited,
) -> Parts:
    """As the tables say where they say it, else as `before`, else by groups, stratified by source and label."""
    of = [sources[o].name for o in origin]
    names = [case.name for case in cases]
    group = cluster(seen, [f"{source}/{case.patient}" for source, case in zip(of, cases, strict=True)])
    earlier = before.of(list(zip(of, names, strict=True)), seen)
    split = keep_sides(split_groups(group, 2 * origin + truth[:, 0], seed), group, earlier)
    for number, source in enumerate(sources):
        rows = np.flatnonzero(origin == number)
        given = [cases[int(i)].split for i in rows]
        if all(given):
            split[rows] = given_splits(given, source.name)
    leaks = partial(refuse_leaks, group, split, names)
    return Parts(group, split, (leaks, partial(refuse_crossing, split, earlier, names, before.model)))


def refuse_one_class(truth: Array, labels: Sequence[str]) -> None:
    """Raise when a label is present everywhere or nowhere.

    Raises:
        DataSetError: With the label.
    """
    for column, label in zip(truth.T, labels, strict=True):
        if column.all() or not column.any():
            raise DataSetError(
                N_("Every picture has the same answer to “{label}”: there is nothing to tell apart."),
                hint=N_("Add pictures of the other class, or check the label column."),
                label=label,
            )


def prepared_boxes(case: Case, cache: Cache, row: int) -> Array | None:
    """Boxes of a case as shares of the network's square (M, 4)."""
    if case.boxes is None:
        return None
    if not case.boxes:
        return np.zeros((0, 4))
    side = cache.seen.shape[1]
    height, width = cache.shape[row]
    corners = np.array(case.boxes).reshape(-1, 2) * (height, width)
    inside = np.linalg.inv(cache.to_scan[row]) @ np.c_[corners, np.ones(len(corners))].T
    return np.asarray(inside[:2].T.reshape(-1, 4) / side)


def draw(
    pictures: Pictures, sources: Sequence[Source], count: int, random: np.random.Generator, *, balance: str
) -> Array:
    """Row numbers of one epoch, from the training split.

    Args:
        balance: "source_and_class": every source by its weight, in each as many present as absent. "source": by
            weight only. "class": as many present as absent over all. "none": as they come.
    """
    rows = pictures.part("train")
    rows = rows[np.array([sources[int(pictures.source[i])].weight > 0 for i in rows], dtype=bool)]
    total = sum(s.weight for s in sources)
    cells = []
    for number, source in enumerate(sources):
        own = rows[pictures.source[rows] == number]
        if not len(own):
            continue
        share = source.weight / total
        if balance == "source_and_class":
            halves = [own[pictures.truth[own, 0] == answer] for answer in (False, True)]
            halves = [half for half in halves if len(half)]
            cells += [(half, share / len(halves)) for half in halves]
        elif balance == "source":
            cells.append((own, share))
    if balance == "class":
        cells = [(rows[pictures.truth[rows, 0] == answer], 0.5) for answer in (False, True)]
    if balance == "none":
        cells = [(rows, 1.0)]
    drawn = []
    for cell, share in cells:
        whole, rest = divmod(round(count * share), len(cell))
        drawn += [cell] * whole + [random.choice(cell, rest, replace=False)]
    return np.asarray(random.permutation(np.concatenate(drawn)))
