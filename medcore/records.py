"""The plain facts that travel between rooms: studies, runs, predictions, explanations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from numpy import float32
from numpy.typing import NDArray

from medcore.errors import Message
from medcore.volume import Mask, Triple


class Severity(StrEnum):
    """How much an issue matters: read on, read with care, do not use."""

    INFO = "INFO"
    WARN = "WARN"
    BLOCK = "BLOCK"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding about the quality or fitness of a scan.

    Args:
        code: Stable id for programs ("slice_gap").
        severity: How much it matters.
        message: What is wrong, for people.
        hint: What to do about it.
        measured: The measured value, where there is one.
        limit: The limit it was held against.
    """

    code: str
    severity: Severity
    message: Message
    hint: Message = field(default_factory=lambda: Message(""))
    measured: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """What the store knows of one volume without opening its voxels."""

    id: str
    name: str
    modality: str
    shape: tuple[int, int, int]
    unit: str
    spacing_mm: Triple | None
    orientation: str
    body_part: str
    view: str
    acquired_on: date | None
    sha256: str
    transfer_syntax: str
    value_range: tuple[float, float]
    synthetic: bool
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """One study in the store: a pseudonym, a date, its scans."""

    id: str
    title: str
    patient: str  # a keyed pseudonym, never a name
    acquired_on: date | None
    added_at: datetime
    scans: tuple[ScanFacts, ...]
    synthetic: bool = False

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities in the order of the scans, each once."""
        return tuple(dict.fromkeys(scan.modality for scan in self.scans))

    @property
    def worst(self) -> Severity | None:
        """The worst severity among all issues."""
        order = [Severity.BLOCK, Severity.WARN, Severity.INFO]
        present = {issue.severity for scan in self.scans for issue in scan.issues}
        return next((s for s in order if s in present), None)


@dataclass(frozen=True, slots=True)
class Run:
    """Everything needed to reproduce a number: what ran, on what, how."""

    id: str
    study: str
    scan: str
    scan_sha256: str
    task: str
    model: str
    model_version: str
    weights_sha256: str
    preprocessing: Mapping[str, str | int | float]
    device: str
    precision: str
    seconds: float
    software: Mapping[str, str]
    started_at: datetime
    warnings: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """One label of a classification.

    Args:
        label: The label's id in the card.
        probability: Calibrated, 0..1, on this model's scale.
        threshold: The card's operating point on the same scale.
    """

    label: str
    probability: float
    threshold: float

    @property
    def positive(self) -> bool:
        """Whether the probability reaches the operating point."""
        return self.probability >= self.threshold


@dataclass(frozen=True, slots=True)
class Classification:
    """Scores of a whole image."""

    run: Run
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Lesion:
    """One measured lesion; lengths in native space."""

    id: str
    label: str
    volume_ml: float
    longest_mm: float
    short_axis_mm: float
    centre_lps_mm: Triple


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A mask on the scan's grid and what it measures."""

    run: Run
    mask: Mask
    lesions: tuple[Lesion, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """One detected box; corners are the first and last voxel index (slice, row, column) twice."""

    corners: tuple[float, float, float, float, float, float]
    centre_lps_mm: Triple | None
    diameter_mm: float | None
    label: str
    probability: float
    malignancy: float | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """Boxes found in a scan."""

    run: Run
    boxes: tuple[Box, ...]


Prediction: TypeAlias = Classification | Segmentation | Detection


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A heat map on the scan's own grid.

    Args:
        run: The run it explains.
        method: Explainer id.
        target: Label it explains.
        layer: Where in the network it was taken.
        heat: (S, R, C) float32 in 0..1; 0 where the method saw no evidence for the target.
        peak: The value that 1 stands for, in units of the target's logit.
        checks: Faithfulness measurements by name; empty until they are made.
        seconds: Time it took on top of the prediction.
    """

    run: Run
    method: str
    target: str
    layer: str
    heat: NDArray[float32]
    peak: float
    seconds: float
    checks: Mapping[str, float] = field(default_factory=dict)
