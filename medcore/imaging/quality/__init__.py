"""Quality checks: each file looks for one kind of fault in a scan and says what it measured against which limit."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from numpy import float32
from numpy.typing import NDArray

from medcore.records import Issue
from medcore.registry import load_entries
from medcore.volume import Array, Triple, Volume

VERSION = 1  # raise it when a check or limit changes: stored scans are then checked again


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What the checks look at: a scan, and a few of its slices as a person sees them.

    Args:
        volume: The scan.
        planes: (N, H, W) float32, grey, at most 9 slices of the middle four fifths, their longer side at most
            512 pixels (averaged down, never up), in the scan's own unit.
        raw: (N, R, C) the same slices as they are stored, grey.
        steps: (slice, row, column) steps of `planes`: mm, or pixels of the scan where it has no scale.
    """

    volume: Volume
    planes: NDArray[float32]
    raw: Array
    steps: Triple


class Check(ABC):
    """One kind of fault. A subclass is one file; its last line is `CHECK = ...`.

    `codes` are the codes of the issues it reports, each with its English title, marked for translation.
    """

    codes: Mapping[str, str]

    @abstractmethod
    def find(self, sample: Sample) -> Iterator[Issue]:
        """The faults; nothing for a scan that it cannot judge. The same scan gives the same issues."""


def load_checks() -> Mapping[str, Check]:
    """All checks by id."""
    return load_entries(sys.modules[__name__], "CHECK", Check)
