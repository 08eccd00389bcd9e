"""Clinical questions: each file prepares a scan for the network and interprets what comes back."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.predictions import Prediction
from medcore.records import Issue, Run
from medcore.registry import load_entries, load_entry
from medcore.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A scan as the network sees it.

    Args:
        inputs: (N, C, H, W) float32, ready for the engine.
        seen: (H, W) float32 in 0..1, the picture to show as "what the network saw".
        parameters: What was done, with its numbers, for the run's record.
        to_scan: (3, 3) float64; maps homogeneous (row, column, 1) of the input grid, in pixel edges,
            to the scan's grid, in pixel edges.
    """

    inputs: NDArray[float32]
    seen: NDArray[float32]
    parameters: Mapping[str, str | int | float]
    to_scan: NDArray[float64]


class Scan(Protocol):
    """What a task looks at before it asks for voxels; a Volume has it, and so have the store's ScanFacts."""

    @property
    def modality(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def body_part(self) -> str: ...
    @property
    def view(self) -> str: ...
    @property
    def value_range(self) -> tuple[float, float]: ...
    @property
    def synthetic(self) -> bool: ...


class Task(ABC):
    """One clinical question. A subclass is one file; its last line is `TASK = ...`."""

    title: str  # marked with N_
    question: str  # one plain sentence, marked with N_
    modalities: tuple[str, ...]  # DICOM modalities it takes; "" for a picture that names none
    version: int = 1  # of the preprocessing; another number makes caches of prepared pictures anew
    mean: float = 0.5  # of the picture in 0..1: what the network gets is (picture - mean) / spread
    spread: float = 0.25

    @property
    def id(self) -> str:
        """The file's name."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def check(self, scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
        """Whether the scan fits: a BLOCK issue when it cannot be analysed, WARN when the result is doubtful."""

    @abstractmethod
    def prepare(self, scan: Volume, card: ModelCard) -> Prepared:
        """The network's input. Training calls the same method."""

    @abstractmethod
    def interpret(
        self,
        logits: NDArray[float32],
        scan: Volume,
        card: ModelCard,
        run: Run,
        *,
        dense: NDArray[float32] | None = None,
        prepared: Prepared | None = None,
    ) -> Prediction:
        """What the network's answer means.

        Args:
            logits: (labels,) of the whole picture.
            dense: (channels, h, w) of a network that answers for each place, or None.
            prepared: The network's input, where the answer must be carried back to the scan.
        """


def load_task(name: str) -> Task:
    """The task of this id.

    Raises:
        UnknownNameError: There is none.
    """
    return load_entry(sys.modules[__name__], name, "TASK", Task)


def load_tasks() -> Mapping[str, Task]:
    """All tasks by id."""
    return load_entries(sys.modules[__name__], "TASK", Task)
