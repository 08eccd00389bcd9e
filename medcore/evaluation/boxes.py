"""Detected boxes against drawn ones: mean average precision at IoU 0.5, FROC, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float32, float64, int64
from numpy.typing import NDArray

from medcore.cards import Estimate
from medcore.evaluation.resampling import ROUNDS, bootstrap, interval
from medcore.volume import Array

IOU = 0.5
RECALLS = np.linspace(0, 1, 101)  # COCO's points of recall
FALSE_PER_IMAGE = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # of the LUNA16 challenge


@dataclass(frozen=True, slots=True, eq=False)
class BoxAnswers:
    """Boxes (top, left, bottom, right) of each image, in any one unit.

    Args:
        drawn: For each image (M, 4), the truth.
        found: For each image (K, 4).
        score: For each image (K,).
        group: (N,) patient or cluster of each image.
    """

    drawn: Sequence[NDArray[float64]]
    found: Sequence[NDArray[float64]]
    score: Sequence[NDArray[float64]]
    group: Array


@dataclass(frozen=True, slots=True)
class Froc:
    """Share of drawn boxes found, at some numbers of false boxes an image."""

    false_per_image: tuple[float, ...]
    sensitivity: tuple[Estimate, ...]
    mean: Estimate  # over the points: the score of LUNA16


def overlap(first: NDArray[float64], second: NDArray[float64]) -> NDArray[float64]:
    """Intersection over union of boxes (M, 4) and (K, 4): (M, K)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = [np.clip(b[:, 2:] - b[:, :2], 0, None).prod(axis=1) for b in (first, second)]
    return np.asarray(shared / np.maximum(area[0][:, None] + area[1][None] - shared, 1e-12), dtype=float64)


def match(drawn: NDArray[float64], found: NDArray[float64], score: NDArray[float64], *, iou: float) -> NDArray[bool_]:
    """Which found boxes (K,) are right: the best first, each drawn box once, as COCO does."""
    right: NDArray[bool_] = np.zeros(len(found), dtype=bool)
    if not len(drawn) or not len(found):
        return right
    shared = overlap(drawn, found)
    for k in np.argsort(-score, kind="stable"):
        best = int(np.argmax(shared[:, k]))
        if shared[best, k] >= iou:
            right[k], shared[best] = True, -1
    return right


def hit_by_centre(drawn: NDArray[float64], found: NDArray[float64]) -> NDArray[int64]:
    """The drawn box in which each found box (K,) has its centre (the nearest centre of several); −1 for none."""
    if not len(drawn) or not len(found):
        return np.full(len(found), -1, dtype=int64)
    centre = (found[:, :2] + found[:, 2:]) / 2
    inside = ((centre[None] >= drawn[:, None, :2]) & (centre[None] <= drawn[:, None, 2:])).all(axis=2)
    middle = (drawn[:, :2] + drawn[:, 2:]) / 2
    distance = np.where(inside, np.linalg.norm(middle[:, None] - centre[None], axis=2), np.inf)
    return np.where(inside.any(axis=0), distance.argmin(axis=0), -1)


def average_precision(answers: BoxAnswers, *, iou: float = IOU, rounds: int = ROUNDS, seed: int = 0) -> Estimate:
    """Average precision over COCO's 101 recalls at one IoU; images without boxes count through their false ones."""
    right = [match(d, f, s, iou=iou) for d, f, s in zip(answers.drawn, answers.found, answers.score, strict=True)]
    image = np.repeat(np.arange(len(right)), [len(r) for r in right])
    order = np.argsort(-_joined(answers.score), kind="stable")
    image, hits = image[order], _joined(right)[order].astype(float32)
    boxes = np.array([len(d) for d in answers.drawn], dtype=float64)

    def statistic(w: NDArray[float32]) -> NDArray[float64]:
        times = w[:, image]
        hit, called = np.cumsum(times * hits, axis=1), np.cumsum(times, axis=1)
        total = w @ boxes
        return np.array([_precision_over_recall(h, c, n) for h, c, n in zip(hit, called, total, strict=True)])

    whole, drawn = bootstrap(statistic, answers.group, rounds=rounds, seed=seed)
    return interval(float(whole), drawn)


def _precision_over_recall(hit: Array, called: Array, total: float) -> float:
    if total <= 0:
        return float("nan")
    if not len(hit):
        return 0.0
    precision = np.maximum.accumulate((hit / np.maximum(called, 1))[::-1])[::-1]
    step = np.searchsorted(hit / total, RECALLS - 1e-9)
    return float(np.where(step < len(hit), precision[np.minimum(step, len(hit) - 1)], 0).mean())


def froc(answers: BoxAnswers, *, rounds: int = ROUNDS, seed: int = 0) -> Froc:
    """Sensitivity at fixed numbers of false boxes an image; a box is right when its centre lies in a drawn one."""
    owner = [hit_by_centre(d, f) for d, f in zip(answers.drawn, answers.found, strict=True)]
    first = [_first_of_each(o, s) for o, s in zip(owner, answers.score, strict=True)]
    image = np.repeat(np.arange(len(owner)), [len(o) for o in owner])
    order = np.argsort(-_joined(answers.score), kind="stable")
    image, owners = image[order], _joined(owner)[order]
    hits, false = _joined(first)[order].astype(float32), (owners < 0).astype(float32)
    boxes = np.array([len(d) for d in answers.drawn], dtype=float64)
    rates = np.array(FALSE_PER_IMAGE)

    def statistic(w: NDArray[float32]) -> NDArray[float64]:
        times = w[:, image]
        hit = np.pad(np.cumsum(times * hits, axis=1), ((0, 0), (1, 0)))
        wrong = np.pad(np.cumsum(times * false, axis=1), ((0, 0), (1, 0)))
        last = [np.searchsorted(x / n, rates + 1e-9, side="right") - 1 for x, n in zip(wrong, w.sum(1), strict=True)]
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.take_along_axis(hit, np.stack(last), axis=1) / (w @ boxes)[:, None]
        return np.concatenate([found, found.mean(axis=1, keepdims=True)], axis=1)

    whole, drawn = bootstrap(statistic, answers.group, rounds=rounds, seed=seed)
    points = tuple(interval(whole[i], drawn[:, i]) for i in range(len(rates) + 1))
    return Froc(FALSE_PER_IMAGE, points[:-1], points[-1])


def _first_of_each(owner: NDArray[int64], score: NDArray[float64]) -> NDArray[bool_]:
    """The best box of each drawn one; further boxes on it are neither right nor wrong."""
    first: NDArray[bool_] = np.zeros(len(owner), dtype=bool)
    order = np.argsort(-score, kind="stable")
    _, at = np.unique(owner[order], return_index=True)
    first[order[at]] = True
    return first & (owner >= 0)


def _joined(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts) if parts else np.empty(0)
