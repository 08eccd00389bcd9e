"""Drawn masks on the network's grid, kept as bytes beside the prepared pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy import float32, float64, uint8
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, DataSetError
from medcore.imaging.head_slices import Square, cut_square
from medcore.nn.training.cache import Cache, cache_key, full_disk, mapped, only_filler
from medcore.nn.training.sources import Case
from medcore.nn.training.volume_slices import is_volume, mask_slices
from medcore.tasks import Task


def open_masks(folder: Path, cases: Sequence[Case], cache: Cache, *, task: Task, card: ModelCard) -> NDArray[uint8]:
    """Masks (N, side, side) of all cases of a cache, made where they are not yet; 255 is the finding.

    Raises:
        DataSetError: A mask cannot be read, or is not of its picture's size.
        TrainingError: The disk is full.
    """
    key = cache_key(cases, task, card)
    with only_filler(folder, key):
        return _filled(folder / f"{key}.masks", cases, cache, side=card.contract.size)


def _filled(path: Path, cases: Sequence[Case], cache: Cache, *, side: int) -> NDArray[uint8]:
    whole = path.exists() and path.stat().st_size == max(1, len(cases) * side * side)
    fresh = path.with_suffix(".masks.new")
    try:
        kept = mapped(path if whole else fresh, (len(cases), side, side), np.dtype(uint8))
    except OSError as error:
        raise full_disk(path.parent, error) from error
    if not whole:
        for i in map(int, np.flatnonzero(cache.readable)):
            mask = drawn_mask(cases[i], (int(cache.shape[i][0]), int(cache.shape[i][1])))
            kept[i] = np.rint(on_network_grid(mask.astype(float32), cache.to_scan[i], side) * 255)
        fresh.replace(path)
    return kept


def drawn_mask(case: Case, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of a case on its picture's own grid (R, C); nothing where nobody drew one.

    Raises:
        DataSetError: It cannot be read, or is not of its picture's size.
    """
    if case.mask is None:
        return np.zeros(shape, dtype=bool)
    if case.index >= 0 and is_volume(case.mask):
        return np.asarray(mask_slices(case.mask)[case.index])
    grey = cv2.imread(str(case.mask), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise DataSetError(N_("{name} cannot be read as a picture."), name=case.mask.name)
    if grey.shape != shape:
        raise DataSetError(N_("The mask {name} is not of the size of its picture."), name=case.mask.name)
    return np.asarray(grey > (0 if grey.max() < 128 else 127))  # written as 0 and 1, or as grey picture


def on_network_grid(plane: NDArray[float32], to_scan: NDArray[float64], side: int) -> NDArray[float32]:
    """A plane (R, C) where `Prepared.to_scan` puts it on the network's grid (side, side)."""
    square = Square(to_scan[0, 2], to_scan[1, 2], to_scan[0, 0] * side, to_scan[1, 1] * side)
    return cut_square(plane, square, side)
