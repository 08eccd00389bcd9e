"""Clinical questions: each file prepares a scan for the network and interprets what comes back."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Protocol, TypeAlias

from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.engine import Output
from medcore.errors import N_, CancelledError, Message
from medcore.predictions import Prediction
from medcore.records import Issue, Run, Severity
from medcore.registry import load_entries, load_entry
from medcore.volume import Triple, Volume

Forward: TypeAlias = Callable[[NDArray[float32]], Output]  # (N, C, H, W) or (N, C, D, H, W), one engine bound to a card
Progress: TypeAlias = Callable[[float, Message], None]  # how much is done, 0..1, and the name of the stage
Cancelled: TypeAlias = Callable[[], bool]


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
    def name(self) -> str: ...
    @property
    def modality(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def spacing_mm(self) -> Triple | None: ...
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


@dataclass(frozen=True, slots=True, eq=False)
class VolumeAnswer:
    """What a task made of a whole volume.

    Args:
        prediction: With the run it was given; its device, times and warnings are filled in afterwards.
        parameters: What was done, with its numbers, for the run's record.
        issues: Doubts that only the voxels could raise.
        seen: (H, W) float32 in 0..1, a slice as the network saw it, or None.
    """

    prediction: Prediction
    parameters: Mapping[str, str | int | float] = field(default_factory=lambda: MappingProxyType({}))
    issues: tuple[Issue, ...] = ()
    seen: NDArray[float32] | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """Something that may be done to the scans before they are looked at; off unless asked for.

    Args:
        id: Stands in the run's record.
        title, explained: English, marked with N_.
    """

    id: str
    title: str
    explained: str


class VolumeTask(Task):
    """A question about a whole volume: it cuts windows itself and asks the network about each.

    `check` looks at the headers of one series. `prepare` makes the network's input of one slice or patch (a volume of
    one slice), so that training and serving share it, and `interpret` says what the answer to it means. Where a study
    has further series, `order` chooses among them. `options` are what may be done to the scans before.
    """

    options: tuple[Option, ...] = ()

    def refined(
        self,
        scans: Sequence[Volume],
        options: Collection[str],
        *,
        card: ModelCard,
        progress: Progress,
        cancelled: Cancelled,
    ) -> tuple[tuple[Volume, ...], tuple[Issue, ...]]:
        """The scans after the options that were asked for, on the same grids, and what is to be known about it.

        Args:
            options: Ids of `self.options`.

        Raises:
            UnfitInputError: An option cannot be done to these scans.
            CancelledError: `cancelled` became true.
        """
        return tuple(scans), ()

    def order(self, scans: Sequence[Scan], card: ModelCard) -> tuple[int, ...]:
        """Numbers of the series that one analysis takes together; the answer lies on the grid of the first.

        By default the first that nothing speaks against, or the first at all, whose refusal then says why.
        """
        fitting = [
            i
            for i, scan in enumerate(scans)
            if not any(issue.severity is Severity.BLOCK for issue in self.check(scan, card))
        ]
        return tuple(fitting[:1]) or (0,)

    @abstractmethod
    def analyse(
        self,
        scans: Sequence[Volume],
        *,
        card: ModelCard,
        forward: Forward,
        run: Run,
        progress: Progress,
        cancelled: Cancelled,
    ) -> VolumeAnswer:
        """The answer for a volume.

        Args:
            scans: The series of `order`, which passed `check`; the answer lies on the grid of the first.
            forward: One forward pass; may be called many times, with as few inputs as memory allows.
            run: Goes into the prediction as it is.
            progress: Called between windows with the share done and the name of the stage.
            cancelled: Asked between windows, at least once a second; then `stop_if` raises.

        Raises:
            UnfitInputError: The voxels show that the scan is nothing for this task.
            CancelledError: `cancelled` became true.
        """

    def revised(self, prediction: Prediction, acquired_on: date | None) -> Prediction:
        """A reader's corrected answer with what follows from its sizes told anew; by default as it is.

        Args:
            acquired_on: Date of the scan.
        """
        return prediction


def stop_if(cancelled: Cancelled) -> None:
    """Raise when the user wants to stop.

    Raises:
        CancelledError: `cancelled` is true.
    """
    if cancelled():
        raise CancelledError(N_("Stopped."))


def load_task(name: str) -> Task:
    """The task of this id.

    Raises:
        UnknownNameError: There is none.
    """
    return load_entry(sys.modules[__name__], name, "TASK", Task)


def load_tasks() -> Mapping[str, Task]:
    """All tasks by id."""
    return load_entries(sys.modules[__name__], "TASK", Task)
