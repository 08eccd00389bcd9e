"""Regions that classical methods find: a file in this folder is a region of the body, found without a network."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from medcore.errors import N_, CancelledError, Message, UnfitInputError
from medcore.registry import load_entries, load_entry
from medcore.volume import Mask, Scale, Unit, Volume

AIR_HU = -900  # no MR has values this low
Watch: TypeAlias = Callable[[float], None]  # told the share done; raises CancelledError to stop the work


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for or against a mask.

    Args:
        message: What was measured, and against what.
        score: 0 (cannot be right) to 1 (as expected).
    """

    message: Message
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a method found.

    Args:
        labels: (S, R, C) on the scan's grid.
        reasons: What speaks for or against it; the worst one decides.
    """

    labels: NDArray[uint8]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RegionMask:
    """A region as a mask, and how far to trust it.

    Args:
        quality: 0..1, the score of the worst reason: a plausibility, not a probability.
        volumes_ml: By label name.
    """

    region: str
    mask: Mask
    quality: float
    reasons: tuple[Reason, ...]
    volumes_ml: Mapping[str, float]


def in_hu(scan: Volume) -> bool:
    """Whether values are HU; formats that do not say (NIfTI, NRRD) are taken for it when they hold air."""
    return scan.unit is Unit.HU or (scan.unit is Unit.GREY and not scan.modality and scan.voxels.min() <= AIR_HU)


class Region(ABC):
    """One region. A subclass is one file; its last line is `REGION = ...`.

    `names` are the label values with their English names, marked for translation; `modalities` those it is made for.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    modalities: ClassVar[tuple[str, ...]]
    names: ClassVar[Mapping[int, str]]
    needs_hu: ClassVar[bool] = False

    def refusal(self, scan: Volume) -> Message | None:
        """Why the region cannot be looked for in this scan; None when it can."""
        unknown = not scan.modality and scan.geometry.scale is Scale.PATIENT  # NIfTI and NRRD do not say
        if scan.modality not in self.modalities and not unknown:
            return Message(
                N_("“{region!t}” is found in {modalities} only."),
                {"region": self.title, "modalities": ", ".join(self.modalities)},
            )
        if scan.unit is Unit.RGB or scan.geometry.scale is not Scale.PATIENT:
            return Message(N_("“{region!t}” needs a grey scan with patient coordinates."), {"region": self.title})
        if self.needs_hu and not in_hu(scan):
            return Message(N_("“{region!t}” needs values in HU; look for it in the original."), {"region": self.title})
        return None

    @abstractmethod
    def find(self, scan: Volume, watch: Watch) -> Found:
        """Look for the region; an empty mask with a reason of score 0 where it is not there."""


def load_regions() -> Mapping[str, Region]:
    """All regions by id."""
    return load_entries(sys.modules[__name__], "REGION", Region)


def segment(
    name: str,
    scan: Volume,
    *,
    progress: Callable[[float, Message], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> RegionMask:
    """Find a region in a scan.

    Raises:
        UnknownNameError: There is no such region.
        UnfitInputError: The scan is not what the method is made for.
        CancelledError: `cancelled` became true.
    """
    region = load_entry(sys.modules[__name__], name, "REGION", Region)
    reason = region.refusal(scan)
    if reason is not None:
        raise UnfitInputError(reason.template, hint=N_("Choose another region or another scan."), **reason.values)

    def watch(share: float) -> None:
        if cancelled is not None and cancelled():
            raise CancelledError(N_("Stopped."))
        if progress is not None:
            progress(share, Message("{region!t}", {"region": region.title}))

    watch(0.0)
    found = region.find(scan, watch)
    watch(1.0)
    mask = Mask(found.labels, region.names, scan.geometry)
    counts = np.bincount(found.labels.reshape(-1), minlength=256)
    volumes = {title: int(counts[value]) * scan.geometry.voxel_ml for value, title in region.names.items()}
    quality = min((reason.score for reason in found.reasons), default=0.0)
    return RegionMask(name, mask, quality, found.reasons, volumes)
