"""The device-shift laboratory: what becomes of a model's figures as its pictures get noisier, softer, darker ..."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from medcore.cards import Estimate, ModelCard
from medcore.engine import Engine
from medcore.errors import N_, DataSetError, MedcoreError
from medcore.evaluation.calibration import probabilities
from medcore.evaluation.classification import Answers, measure
from medcore.imaging.shifts import SHIFTS, shifted
from medcore.nn.training.cache import read_case
from medcore.nn.training.sources import Case
from medcore.tasks import Prepared, load_task
from medcore.volume import Array, Volume

PICTURES = 120  # asked about, as many present as absent
BATCH = 16
ROUNDS = 200
METRICS = ("auc", "sensitivity", "specificity", "accuracy", "ece")
BREAKS = 0.05  # a fall of a metric by more than this, beyond its interval, counts as broken
RISING = ("ece",)  # the smaller, the better


@dataclass(frozen=True, slots=True)
class ShiftCurve:
    """What one shift does to one model.

    Args:
        metrics: METRICS by name, a figure a strength.
        breaks_at: For each metric the first strength at which it is broken; None: it holds to the end.
    """

    shift: str
    strengths: tuple[float, ...]
    metrics: Mapping[str, tuple[Estimate, ...]]
    breaks_at: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Laboratory:
    """All shifts of one model, on `n` pictures; the threshold stays that of its card."""

    model: str
    n: int
    curves: tuple[ShiftCurve, ...]


def laboratory(
    cards: Sequence[ModelCard],
    cases: Sequence[Case],
    engine: Engine,
    *,
    shifts: Sequence[str] = tuple(SHIFTS),
    pictures: int = PICTURES,
    device: str = "auto",
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Laboratory, ...]:
    """Ask each model about the same changed pictures.

    Args:
        cases: Labelled; a balanced choice of `pictures` of them is taken, always the same.
        tell: Called with the number of strengths done and of all; what it raises ends the work.

    Raises:
        DataSetError: Fewer than two pictures of either answer can be read.
        UnknownNameError: There is no such shift.
    """
    scans, truth, group = _read(cases, pictures)
    steps = [(name, strength) for name in shifts for strength in SHIFTS[name].strengths]
    figures: dict[tuple[str, str, float], Mapping[str, Estimate]] = {}
    plain: dict[str, Mapping[str, Estimate]] = {}
    for done, (name, strength) in enumerate(steps):
        tell(done, len(steps))
        if strength == SHIFTS[name].none and plain:
            figures |= {(model, name, strength): own for model, own in plain.items()}
            continue
        changed = [shifted(scan, name, strength, seed=i) for i, scan in enumerate(scans)]
        for card in cards:
            answers = Answers(truth, _asked(card, changed, engine, device), group)
            found = measure(answers, threshold=card.labels[0].threshold, rounds=ROUNDS, names=METRICS)
            figures[card.id, name, strength] = found
            if strength == SHIFTS[name].none:
                plain[card.id] = found
    tell(len(steps), len(steps))
    return tuple(
        Laboratory(card.id, len(scans), tuple(_curve(name, card.id, figures) for name in shifts)) for card in cards
    )


def _curve(name: str, model: str, figures: Mapping[tuple[str, str, float], Mapping[str, Estimate]]) -> ShiftCurve:
    strengths = SHIFTS[name].strengths
    metrics = {metric: tuple(figures[model, name, s][metric] for s in strengths) for metric in METRICS}
    return ShiftCurve(name, strengths, metrics, {m: _breaks(m, strengths, own) for m, own in metrics.items()})


def _breaks(metric: str, strengths: Sequence[float], found: Sequence[Estimate]) -> float | None:
    """The first strength at which the figure is worse by more than BREAKS, and its interval with it."""
    sign = -1 if metric in RISING else 1
    first = found[0].value
    for strength, figure in zip(strengths[1:], found[1:], strict=True):
        best = figure.low if metric in RISING else figure.high
        if sign * (first - figure.value) > BREAKS and sign * (first - best) > 0:
            return strength
    return None


def _read(cases: Sequence[Case], pictures: int) -> tuple[list[Volume], NDArray[np.bool_], NDArray[np.int64]]:
    """A balanced choice, read once."""
    random = np.random.default_rng(0)
    chosen: list[Case] = []
    for answer in (False, True):
        rows = [case for case in cases if case.truth[0] == answer]
        chosen += [rows[int(i)] for i in np.sort(random.permutation(len(rows))[: pictures // 2])]
    scans, kept = [], []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for case, scan in zip(chosen, pool.map(_read_or_none, chosen), strict=True):
            if scan is not None:
                scans.append(scan)
                kept.append(case)
    truth = np.array([case.truth[0] for case in kept], dtype=bool)
    if truth.sum() < 2 or (~truth).sum() < 2:
        raise DataSetError(
            N_("The laboratory needs pictures with and without the finding; {count} could be read."),
            hint=N_("Give a folder with both."),
            count=len(kept),
        )
    _, group = np.unique([case.patient for case in kept], return_inverse=True)
    return scans, truth, np.asarray(group, dtype=np.int64)


def _read_or_none(case: Case) -> Volume | None:
    try:
        return read_case(case)
    except MedcoreError:
        return None


def _asked(card: ModelCard, scans: Sequence[Volume], engine: Engine, device: str) -> NDArray[float64]:
    """Calibrated probabilities of the first label; pictures are prepared in threads while the network runs."""
    task = load_task(card.task)

    def prepare(scan: Volume) -> Prepared:
        return task.prepare(scan, card)

    logits: list[Array] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for batch in _batches(pool.map(prepare, scans)):
            found = engine.run(card, np.concatenate([one.inputs for one in batch]), device=device).logits
            logits.append(found.reshape(len(batch), card.views, -1).mean(axis=1)[:, 0])
    return probabilities(np.concatenate(logits), card.calibration)


def _batches(prepared: Iterator[Prepared]) -> Iterator[list[Prepared]]:
    batch: list[Prepared] = []
    for one in prepared:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
