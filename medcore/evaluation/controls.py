"""Trivial controls: what a thumbnail, the mean brightness or the table's columns alone can tell about the label."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy import bool_, float64
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from medcore.volume import Array

SIDE = 12  # pixels of the thumbnail
STRENGTH = 100.0  # of the ridge, on standardised pixels
FOLDS = 5


def control_scores(
    thumbnails: Array,
    truth: NDArray[bool_],
    group: Array,
    *,
    columns: Mapping[str, Array],
    learn_from: Array | None = None,
) -> Mapping[str, NDArray[float64]]:
    """Scores (N,) of each control, to be put beside the model's own metrics.

    Args:
        thumbnails: (N, SIDE, SIDE) of what the network saw.
        columns: (N,) texts of the table by name; empty texts are a value too.
        learn_from: (N,) True for rows the controls may learn from (the training split); they are then scored on
            the others. None: cross-validation over groups, which favours the control, as it has seen this data set.
    """
    pixels = np.asarray(thumbnails, dtype=float64).reshape(len(truth), -1)
    found = {"thumbnail_ridge": _ridge(pixels, truth, group, learn_from)}
    found["mean_brightness"] = _either_way(pixels.mean(axis=1), truth, learn_from)
    known = {name: np.asarray(column).astype(str) for name, column in columns.items() if len(np.unique(column)) > 1}
    if known:
        table = np.stack(list(known.values()), axis=1)
        found["metadata"] = _ridge(table, truth, group, learn_from)
    return found


def _ridge(table: Array, truth: NDArray[bool_], group: Array, learn_from: Array | None) -> NDArray[float64]:
    """Ridge regression of ±1 on standardised pixels or on one-hot texts."""
    texts = table.dtype.kind == "U"
    first = OneHotEncoder(handle_unknown="ignore", max_categories=20) if texts else StandardScaler()
    model = make_pipeline(first, Ridge(alpha=1.0 if texts else STRENGTH))
    target = truth * 2.0 - 1
    if learn_from is not None:
        return np.asarray(model.fit(table[learn_from], target[learn_from]).predict(table), dtype=float64)
    scores: NDArray[float64] = np.zeros(len(truth))
    folds = min(FOLDS, len(np.unique(group)))
    if folds < 2:
        return scores
    for learn, ask in GroupKFold(folds).split(table, groups=group):
        scores[ask] = model.fit(table[learn], target[learn]).predict(table[ask])
    return scores


def _either_way(score: NDArray[float64], truth: NDArray[bool_], learn_from: Array | None) -> NDArray[float64]:
    """The score turned so that the ill have more of it where it may be learnt."""
    rows = np.ones(len(truth), dtype=bool) if learn_from is None else learn_from
    if not truth[rows].any() or truth[rows].all():
        return score
    return score if score[rows & truth].mean() >= score[rows & ~truth].mean() else -score
