"""Slices of volumes and of their masks, as training reads them one at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy import bool_
from numpy.typing import NDArray

from medcore.errors import N_, DataSetError
from medcore.intake import decode_bytes
from medcore.settings import Settings
from medcore.volume import Volume

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
KEPT = 4  # volumes in memory: cases come volume by volume


def is_volume(path: Path) -> bool:
    """Whether a file holds a volume by its name."""
    return path.name.lower().endswith(SUFFIXES)


def slice_first(path: Path, number: int) -> Volume:
    """A volume with one slice moved to the front: what a task takes from all slices stays as it is.

    Raises:
        DataSetError: The file cannot be read.
    """
    scan = _volume(path, path.stat().st_mtime_ns)
    order = [number, *(i for i in range(len(scan.voxels)) if i != number)]
    return replace(scan, voxels=scan.voxels[order])


def mask_slices(path: Path) -> NDArray[bool_]:
    """(S, R, C): what is drawn in a mask.

    Raises:
        DataSetError: The file cannot be read.
    """
    return np.asarray(_volume(path, path.stat().st_mtime_ns).voxels > 0)


@lru_cache(maxsize=KEPT)
def _volume(path: Path, changed: int) -> Volume:
    del changed  # a changed file is another one
    found = decode_bytes(path.name, path.read_bytes(), Settings.from_environment())
    if not found:
        raise DataSetError(N_("{name} cannot be read as a picture."), name=path.name)
    return found[0].volume
