"""Ask a model about many labelled pictures, exactly as it is served: task.prepare, engine, task.interpret."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
from numpy import float32, float64, int64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.engine import Engine, Output
from medcore.errors import MedcoreError, Message
from medcore.evaluation.controls import SIDE
from medcore.evaluation.masks import border_figures
from medcore.nn.training.cache import read_case
from medcore.nn.training.mask_cache import drawn_mask
from medcore.nn.training.sources import Case
from medcore.nn.training.splits import THUMBNAIL, picture_digest, thumbnails
from medcore.predictions import Detection, Segmentation
from medcore.records import Run
from medcore.tasks import Prepared, Task, VolumeTask
from medcore.volume import Volume

BATCH = 16
NOBODY = Run(
    id="",
    study="",
    scan="",
    scan_sha256="",
    task="",
    model="",
    model_version="",
    weights_sha256="",
    preprocessing=MappingProxyType({}),
    device="",
    precision="",
    seconds=0.0,
    software=MappingProxyType({}),
    started_at=datetime(1970, 1, 1, tzinfo=UTC),
)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a model said about N pictures, and what the controls see of them.

    Args:
        cases: Those that could be read.
        logits: (N, labels).
        features: (N, K) pooled.
        distance: (N,) from the training images, or None without a gate.
        small: (N, SIDE, SIDE) what the network saw, as the controls see it.
        known: (N, THUMBNAIL, THUMBNAIL) for near-duplicates.
        digests: Of each prepared picture.
        boxes: For each picture found boxes (K, 4) as shares of the picture, and their probabilities; None for a
            classifier.
        refused: Names of pictures that could not be read, with the reason.
        masks: (N, 4) pixels that were drawn, found, both, and of the whole picture; None for a model that draws none.
        edges: (N, 2) of the masks' borders, as `border_figures` gives them.
    """

    cases: tuple[Case, ...]
    logits: NDArray[float64]
    features: NDArray[float32]
    distance: NDArray[float64] | None
    small: NDArray[float32]
    known: NDArray[float32]
    digests: tuple[str, ...]
    boxes: tuple[tuple[NDArray[float64], NDArray[float64]], ...] | None
    refused: tuple[tuple[str, Message], ...]
    masks: NDArray[int64] | None = None
    edges: NDArray[float64] | None = None


def ask(
    card: ModelCard,
    task: Task,
    cases: Sequence[Case],
    engine: Engine,
    *,
    device: str = "auto",
    batch: int = BATCH,
    alter: Callable[[NDArray[float32], int], NDArray[float32]] | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Asked:
    """Ask about all cases; pictures are decoded in threads while the network runs.

    Args:
        alter: What is done to the inputs (N, C, ..., H, W) of a batch, which it is given with the batch's number.

    Raises:
        WeightsError: The model cannot be loaded.
    """
    found: list[_Row] = []
    refused: list[tuple[str, Message]] = []
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        for start, parts in _ahead(pool, cases, task, card, batch):
            ready = []
            for case, part in parts:
                try:
                    ready.append((case, *part.result()))
                except MedcoreError as error:
                    refused.append((case.name, error.message))
            if ready:
                inputs = np.concatenate([prepared.inputs for _, _, prepared in ready])
                inputs = inputs if alter is None else alter(inputs, start // batch)
                output = engine.run(card, inputs, device=device)
                found += [_row(output, i, *one, card=card, task=task) for i, one in enumerate(ready)]
            tell(min(start + batch, len(cases)), len(cases))
    return _joined(found, tuple(refused), card)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    case: Case
    logits: NDArray[float64]
    features: NDArray[float32]
    distance: float | None
    seen: NDArray[float32]
    boxes: tuple[NDArray[float64], NDArray[float64]] | None
    mask: tuple[int, int, int, int] | None = None
    edge: tuple[float, float] | None = None


_Waiting = list[tuple[Case, "Future[tuple[Volume, Prepared]]"]]


def _ahead(
    pool: ThreadPoolExecutor, cases: Sequence[Case], task: Task, card: ModelCard, batch: int
) -> Iterator[tuple[int, _Waiting]]:
    """Batches of pictures being prepared, one batch ahead of the one that is asked for."""

    def prepare(case: Case) -> tuple[Volume, Prepared]:
        scan = read_case(case)
        return scan, task.prepare(scan, card)

    def submit(start: int) -> _Waiting:
        return [(case, pool.submit(prepare, case)) for case in cases[start : start + batch]]

    following = submit(0)
    for start in range(0, len(cases), batch):
        parts, following = following, submit(start + batch)
        yield start, parts


def _row(output: Output, i: int, case: Case, scan: Volume, prepared: Prepared, *, card: ModelCard, task: Task) -> _Row:
    views = slice(i * card.views, (i + 1) * card.views)
    logits = np.asarray(output.logits[views].mean(axis=0), dtype=float32)
    dense = None if output.dense is None else output.dense[views.start]
    if output.dense is not None and isinstance(task, VolumeTask):
        dense = np.concatenate(list(output.dense[views]))
    answer = task.interpret(logits, scan, card, NOBODY, dense=dense, prepared=prepared)
    boxes = None
    if isinstance(answer, Detection):
        size = np.array([scan.shape[1], scan.shape[2]] * 2, dtype=float64)
        corners = [(b.corners[1], b.corners[2], b.corners[4] + 1, b.corners[5] + 1) for b in answer.boxes]
        places = np.array(corners, dtype=float64).reshape(-1, 4) / size
        boxes = places, np.array([b.probability for b in answer.boxes], dtype=float64)
    mask = edge = None
    if isinstance(answer, Segmentation):
        drawn, found = drawn_mask(case, scan.shape[1:]), answer.mask.labels[0] > 0
        mask = int(drawn.sum()), int(found.sum()), int((drawn & found).sum()), drawn.size
        edge = border_figures(drawn, found)
    features = output.features[views.start].mean(axis=(1, 2))
    distance = None if output.distance is None else float(output.distance[views.start])
    return _Row(case, logits.astype(float64), features, distance, prepared.seen, boxes, mask, edge)


def _joined(rows: Sequence[_Row], refused: tuple[tuple[str, Message], ...], card: ModelCard) -> Asked:
    seen = [row.seen for row in rows]
    boxes = tuple(row.boxes for row in rows if row.boxes is not None)
    masks = [row.mask for row in rows if row.mask is not None]
    edges = [row.edge for row in rows if row.edge is not None]
    distance = [row.distance for row in rows if row.distance is not None]
    return Asked(
        cases=tuple(row.case for row in rows),
        logits=np.array([row.logits for row in rows]).reshape(-1, len(card.labels)),
        features=np.array([row.features for row in rows], dtype=float32),
        distance=np.array(distance) if rows and len(distance) == len(rows) else None,
        small=thumbnails(seen, SIDE),
        known=thumbnails(seen, THUMBNAIL),
        digests=tuple(picture_digest(np.rint(s * 255).astype(np.uint8)) for s in seen),
        boxes=boxes if rows and len(boxes) == len(rows) else None,
        refused=refused,
        masks=np.array(masks, dtype=int64) if rows and len(masks) == len(rows) else None,
        edges=np.array(edges, dtype=float64) if rows and len(edges) == len(rows) else None,
    )
