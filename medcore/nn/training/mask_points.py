"""Where a mask begins, what is too small, and when a slice shows nothing: chosen on the validation split."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import torch
from numpy import float32, float64, uint8
from numpy.typing import NDArray

from medcore.cards import Calibration, MaskPoint, ModelCard
from medcore.nn.networks import MaskNet
from medcore.nn.training.pictures import Pictures
from medcore.tasks._volume_voting import network_inputs
from medcore.volume import Array

BATCH = 16
THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
AREAS = (0.0, 0.0002, 0.0005, 0.001, 0.002)  # of the network's square
NOTHING_FROM = (0.3, 0.5, 0.7, 0.85, 0.95, 0.99)  # probability of "nothing found" from which a slice's mask is emptied
SLOPES = np.geomspace(0.2, 5.0, 129)
MOST_FALSE = 0.02  # of slices without a finding that may show a region


def calibrate_masks(card: ModelCard, network: MaskNet, pictures: Pictures) -> ModelCard:
    """A temperature of the kinds, and the best mean Dice at which few clean slices show a region."""
    rows = pictures.part("validation")
    kind = pictures.truth[rows].argmax(axis=1)
    found, logits = _answers(network, pictures, rows, card)
    slope = _temperature(logits, kind)
    nothing = _softmax(logits * slope)[:, -1]
    drawn = pictures.take_masks(rows) > 127
    best: tuple[float, MaskPoint, float] | None = None
    for threshold, area in product(THRESHOLDS, AREAS):
        masks = [_without_crumbs(one >= threshold * 255, area) for one in found]
        dice, false = _scores(masks, drawn)
        for limit in NOTHING_FROM:
            quiet = nothing >= limit
            scored = np.where(quiet, 0.0, dice)
            rate = float((false & ~quiet)[~drawn.any(axis=(1, 2))].mean()) if (~drawn.any(axis=(1, 2))).any() else 0.0
            value = float(scored[drawn.any(axis=(1, 2))].mean()) - 2 * max(0.0, rate - MOST_FALSE)
            if best is None or value > best[0]:
                best = value, MaskPoint(threshold, area), limit
    assert best is not None, "there are points to choose from"
    labels = (*card.labels[:-1], replace(card.labels[-1], threshold=best[2]))
    return replace(card, calibration=Calibration(round(slope, 6), 0.0), labels=labels, mask=best[1])


def _answers(
    network: MaskNet, pictures: Pictures, rows: Array, card: ModelCard
) -> tuple[NDArray[uint8], NDArray[float64]]:
    """Probabilities (N, side, side) as bytes, and logits (N, labels); with two views the mean over the mirror image."""
    masks, logits = [], []
    with torch.inference_mode():
        for start in range(0, len(rows), BATCH):
            seen = pictures.take(rows[start : start + BATCH]).astype(float32) / 255
            views = [seen, seen[:, :, ::-1]][: card.views]
            total, said = [], []
            for number, view in enumerate(views):
                _, kind, dense = network.answer(torch.from_numpy(network_inputs(np.ascontiguousarray(view), card)))
                assert dense is not None
                chance = dense.float().sigmoid().numpy()[:, 0]
                total.append(chance[:, :, ::-1] if number else chance)
                said.append(kind.float().numpy())
            masks.append(np.rint(np.mean(total, axis=0) * 255).astype(uint8))
            logits.append(np.mean(said, axis=0))
    return np.concatenate(masks), np.concatenate(logits).astype(float64)


def _temperature(logits: NDArray[float64], kind: Array) -> float:
    """The factor of the logits that makes the true kinds most probable."""

    def surprise(slope: float) -> float:
        chance = _softmax(logits * slope)[np.arange(len(kind)), kind]
        return float(-np.log(np.maximum(chance, 1e-12)).mean())

    return min((float(slope) for slope in SLOPES), key=surprise)


def _softmax(logits: NDArray[float64]) -> NDArray[float64]:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _without_crumbs(mask: Array, least_area: float) -> Array:
    if least_area <= 0 or not mask.any():
        return mask
    _, numbered, facts, _ = cv2.connectedComponentsWithStats(mask.astype(uint8), connectivity=8)
    large = facts[:, cv2.CC_STAT_AREA] >= least_area * mask.size
    large[0] = False
    return np.asarray(large[numbered])


def _scores(masks: list[Array], drawn: Array) -> tuple[NDArray[float64], Array]:
    """Dice of each picture (0 where nothing was drawn), and whether anything was found."""
    dice = np.zeros(len(masks))
    for i, (mask, own) in enumerate(zip(masks, drawn, strict=True)):
        total = int(mask.sum()) + int(own.sum())
        dice[i] = 2 * int((mask & own).sum()) / total if total else 0.0
    return dice, np.array([bool(mask.any()) for mask in masks])
