"""The plain facts that travel between rooms: studies, runs, predictions, explanations, responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from medcore.errors import Message
from medcore.volume import Triple


class Severity(StrEnum):
    """How much an issue matters: read on, read with care, do not use."""

    INFO = "INFO"
    WARN = "WARN"
    BLOCK = "BLOCK"


class DatePolicy(StrEnum):
    """What becomes of the dates of a patient: as they are, moved by days of the patient's own, or left out."""

    KEEP = "keep"
    SHIFT = "shift"
    DROP = "drop"


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
    quality_version: int = 0  # of the quality check whose findings are among the issues; 0 before the first


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

    @property
    def unfamiliar(self) -> tuple[Issue, ...]:
        """The warning that the input was unlike the model's training images; empty where it was not."""
        return tuple(issue for issue in self.warnings if issue.code == "unfamiliar")


class LesionRole(StrEnum):
    """What a lesion is to a response criterion."""

    TARGET = "target"
    NONTARGET = "nontarget"
    NEW = "new"


class LesionStatus(StrEnum):
    """What became of a lesion at one time point; never guessed: what nobody looked at is NOT_ASSESSED."""

    MEASURED = "measured"
    ABSENT = "absent"
    TOO_SMALL = "too_small"  # visible, too small for a number
    NOT_ASSESSED = "not_assessed"
    UNEQUIVOCAL_PROGRESSION = "unequivocal_progression"
    MERGED = "merged"  # now part of the lesion named in merged_into


class Trend(StrEnum):
    """How something is against the baseline, as the reader says."""

    BETTER = "better"
    STABLE = "stable"
    WORSE = "worse"


class Steroids(StrEnum):
    """Corticosteroids against the baseline."""

    NONE = "none"  # none, or physiological replacement only
    LESS = "less"
    STABLE = "stable"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class LesionReading:
    """One lesion at one time point, measured in native space; None is unknown.

    Args:
        kind: Of a lung nodule: "solid", "part_solid" or "ground_glass".
        enhancing: Whether it counts as contrast-enhancing tumour (RANO).
        viable_mm: Longest diameter of the part that enhances in the arterial phase (mRECIST).
        solid_mm: Mean diameter of the solid part of a part-solid nodule.
        tlg: Total lesion glycolysis, SUL × ml.
        part_of: The lesion it split from: its size is added to the sum, it is no new lesion.
        merged_into: The lesion it coalesced with.
        outline_sd_mm: Standard deviation of its diameter between varied passes of the model that outlined it; 0 where a
            person did, or nobody asked twice.
    """

    id: str
    role: LesionRole
    status: LesionStatus = LesionStatus.MEASURED
    organ: str = ""
    node: bool = False
    longest_mm: float | None = None
    short_axis_mm: float | None = None
    perpendicular_mm: float | None = None
    volume_ml: float | None = None
    hu_mean: float | None = None
    suv_peak: float | None = None
    tlg: float | None = None
    viable_mm: float | None = None
    solid_mm: float | None = None
    kind: str = ""
    enhancing: bool = True
    part_of: str = ""
    merged_into: str = ""
    outline_sd_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class PatientState:
    """What a criterion asks beyond the lesions; None is unknown and said so, never taken for stable."""

    clinical: Trend | None = None
    steroids: Steroids | None = None
    deauville: int | None = None
    uptake: Trend | None = None
    liver_suv_mean: float | None = None
    liver_suv_sd: float | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    sex: str = ""  # "F" or "M", for the lean body mass
    radiotherapy_ended_on: date | None = None


@dataclass(frozen=True, slots=True)
class Timepoint:
    """One visit: its lesions as read. `baseline` marks the chosen baseline; without a mark it is the first.

    Args:
        pixel_mm: Longer side of a pixel of the scan that was read; None where it is not known.
        slice_mm: From slice to slice of that scan; None where it is not known or there is one slice.
    """

    label: str
    acquired_on: date | None
    lesions: tuple[LesionReading, ...]
    state: PatientState = field(default_factory=PatientState)
    baseline: bool = False
    pixel_mm: float | None = None
    slice_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """How near the sum is to where another category begins.

    Args:
        category: The category that begins at `at`.
        at: The sum at which it begins.
        distance: `at` minus the sum of now: how much the sum would have to change; past the threshold the sign turns.
        distance_percent: The same in percent of the sum of now; None for a sum of zero.
    """

    category: str
    at: float
    distance: float
    distance_percent: float | None


@dataclass(frozen=True, slots=True)
class TimepointResponse:
    """What a criterion says of one time point.

    Args:
        sum: The criterion's sum in `Response.unit`; None where a lesion it needs was not assessed.
        sum_of_assessed: Sum of those that were assessed: a lower bound of the sum.
        nadir: Smallest earlier sum, the baseline's included; at the baseline that of the baseline.
        rule: Stable id of the rule that fired ("target.pd").
        reason: The same in words, with its numbers.
        confirmed: Whether a later time point confirmed it; None where the criterion asks for no confirmation.
        figures: Further numbers by name (a doubling time, counts, a density).
    """

    timepoint: str
    acquired_on: date | None
    sum: float | None
    sum_of_assessed: float
    baseline: float | None
    nadir: float | None
    change_from_baseline_percent: float | None
    change_from_nadir_percent: float | None
    target: str
    nontarget: str
    new: str
    overall: str
    rule: str
    reason: Message
    thresholds: tuple[Threshold, ...] = ()
    missing: tuple[Message, ...] = ()
    notes: tuple[Message, ...] = ()
    confirmed: bool | None = None
    lesions: Mapping[str, float | None] = field(default_factory=dict)
    figures: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """A criterion's answer over a whole history.

    Args:
        best: Best overall response before progression; `best_confirmed` after the criterion's confirmation rule.
        to_confirm: Rules taken from general knowledge, not yet checked against the paper; shown beside the answer.
        issues: What is wrong with the history itself, with its consequence.
    """

    criterion: str
    title: str
    unit: str
    source: str
    timepoints: tuple[TimepointResponse, ...]
    best: str
    best_confirmed: str
    progressed_at: str | None
    to_confirm: tuple[Message, ...] = ()
    issues: tuple[Issue, ...] = ()
