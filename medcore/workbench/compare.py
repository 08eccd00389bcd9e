"""The door to comparisons: studies given as files, with their masks, compared with the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from medcore.comparison.compare import Choices, Compared, Moment, Progress, compare
from medcore.comparison.readings import Reader, TargetRules
from medcore.criteria import load_criterion
from medcore.errors import N_, UnfitInputError
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.volume import Mask, Unit, Volume

MOST_LABELS = 254
NEURO = ("rano2010", "rano2", "rano_bm", "ms_activity")  # criteria without a limit of lesions for each organ


def compare_once(
    moments: Sequence[Moment],
    *,
    criterion: str = "",
    options: Mapping[str, str] | None = None,
    motion: str = Motion.RIGID,
    organ: str = "",
    accept_doubtful: bool = False,
    progress: Progress | None = None,
) -> Compared:
    """Compare studies with the first of them, without storing anything.

    Args:
        criterion: Id of a response criterion, or "" for none.
        options: Its options by name.
        motion: rigid, affine or deformable.
        organ: Organ of all lesions; RECIST admits two targets of one organ.

    Raises:
        UnknownNameError: There is no such criterion.
        UnfitInputError: The studies cannot be compared.
        HistoryError: The criterion refuses the history.
    """
    chosen = load_criterion(criterion).configured(options or {}) if criterion else None
    rules = TargetRules(most_per_organ=None) if criterion in NEURO or not organ else TargetRules()
    choices = Choices(Motion(motion), Reader(organ=organ), rules, accept_doubtful=accept_doubtful)
    return compare(moments, chosen, choices, progress=progress)


def mask_of(labels: Volume, scan: Volume) -> Mask:
    """A label image as a mask on a scan's grid.

    Raises:
        UnfitInputError: It holds no labels, or lies neither on the scan's grid nor in its space.
    """
    values = labels.voxels
    whole = np.rint(values).astype(np.int64)
    present = np.unique(whole)
    if (
        labels.unit is Unit.RGB
        or not np.allclose(values, whole, atol=1e-3)
        or present[0] < 0
        or len(present) > MOST_LABELS
    ):
        raise UnfitInputError(
            N_("{name} is not a mask: its values are not a few whole numbers."),
            hint=N_("Give an image in which 0 is background and each lesion or label is 1, 2, 3 ..."),
            name=labels.name,
        )
    numbers = np.searchsorted(present, whole).astype(np.uint8) + np.uint8(present[0] > 0)
    names = {
        int(number): str(value) for number, value in enumerate(present.tolist(), start=int(present[0] > 0)) if value
    }
    if labels.shape == scan.shape and labels.geometry.close_to(scan.geometry, tolerance_mm=0.01):
        return Mask(numbers, names, scan.geometry)
    if labels.shape == scan.shape and labels.geometry.scale is not scan.geometry.scale:
        return Mask(numbers, names, scan.geometry)
    here = Alignment(np.eye(4), Motion.RIGID, Method.GIVEN, Trust(1.0, 1.0, 0.0, 1.0))
    moved = here.carried_mask(Mask(numbers, names, labels.geometry), scan.geometry, scan.shape)
    if present[-1] > 0 and not moved.labels.any():
        raise UnfitInputError(
            N_("{name} lies outside the scan that it is the mask of."),
            hint=N_("Check that both were exported from the same series."),
            name=labels.name,
        )
    return moved


def written(mask: Mask, folder: Path, name: str) -> Path:
    """A mask as .npy, (slice, row, column)."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / name, mask.labels, allow_pickle=False)
    return folder / name
