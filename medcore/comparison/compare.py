"""The whole way from scans and masks of one patient to a response: align, follow lesions, read, apply a criterion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

import numpy as np

from medcore.comparison.doubts import doubts_about, placeholder_spacing
from medcore.comparison.history_doubts import date_doubts, empty_doubts, lesion_doubts, patient_doubts
from medcore.comparison.readings import Reader, TargetRules, proposed_roles, timepoints
from medcore.comparison.tracks import Corrections, Track, follow
from medcore.comparison.visits import Outlined, Visit
from medcore.criteria import Criterion
from medcore.errors import N_, HistoryError, Message, UnfitInputError
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.imaging.registration.landmarks import Landmark, with_landmarks
from medcore.imaging.registration.radiographs import register_radiographs
from medcore.imaging.registration.register import register
from medcore.records import Issue, LesionRole, Response, Severity, Timepoint
from medcore.volume import Mask, Scale, Volume

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One study that goes into a comparison; the first one is the baseline.

    Args:
        label: What to call it.
        scan: Its volume.
        mask: Lesions on the volume's grid; None for a look at the scans alone.
        alignment: From the baseline to this study where it is known already (set by a reader, or kept).
        landmarks: Places that a reader set in the baseline and in this study.
        patient: Pseudonym, "" where there is none.
        outlined: How sure a model was of the lesions of the mask that it outlined.
    """

    label: str
    scan: Volume
    mask: Mask | None = None
    alignment: Alignment | None = None
    landmarks: tuple[Landmark, ...] = ()
    patient: str = ""
    outlined: tuple[Outlined, ...] = ()

    @property
    def acquired_on(self) -> date | None:
        """When it was made."""
        return self.scan.acquired_on


@dataclass(frozen=True, slots=True)
class Choices:
    """What a user decides about a comparison.

    Args:
        motion: How scans may be moved onto the baseline.
        reader: Organs, nodes and roles of lesions.
        rules: Which lesions may be targets.
        corrections: Links of lesions that a reader changed.
        accept_doubtful: The reader looked at a doubtful alignment and takes it.
    """

    motion: Motion = Motion.RIGID
    reader: Reader = field(default_factory=Reader)
    rules: TargetRules = field(default_factory=TargetRules)
    corrections: Corrections = field(default_factory=Corrections)
    accept_doubtful: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What a comparison found.

    Args:
        alignments: Of each study after the baseline.
        visits: Studies with lesions; empty where there are no masks.
        response: None without a criterion, without masks, or where change must not be claimed; `issues` says why.
        burden_voxels: All lesion voxels of each study.
        burden_ml: The same in ml; None where the scan has no true scale.
        relative: Sizes are in the header's units only; percentages are true, mm and ml are not.
    """

    alignments: tuple[Alignment, ...]
    visits: tuple[Visit, ...]
    tracks: tuple[Track, ...]
    roles: Mapping[str, LesionRole]
    timepoints: tuple[Timepoint, ...]
    response: Response | None
    burden_voxels: tuple[int, ...]
    burden_ml: tuple[float | None, ...]
    relative: bool
    issues: tuple[Issue, ...]

    @property
    def volume_change_percent(self) -> tuple[float | None, ...]:
        """Of the whole burden against the baseline, for each study; None where there was none at the baseline."""
        amounts = self.burden_voxels if self.relative else self.burden_ml
        first = amounts[0] if amounts else None
        return tuple(None if not first or amount is None else 100 * (amount / first - 1) for amount in amounts)


def compare(
    moments: Sequence[Moment],
    criterion: Criterion | None = None,
    choices: Choices = Choices(),
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Compared:
    """Compare studies with the first of them.

    Raises:
        UnfitInputError: Fewer than two studies, or radiographs beside volumes.
        HistoryError: The criterion refuses the history.
        CancelledError: `cancelled` became true.
    """
    check(moments)
    alignments = judged(moments, align(moments, choices.motion, progress=progress, cancelled=cancelled))
    found = concluded(moments, alignments, visits_of(moments, alignments), criterion, choices)
    more = (*patient_doubts([one.patient for one in moments]), *date_doubts([one.scan for one in moments]))
    return replace(found, issues=(*found.issues, *more))


def concluded(
    moments: Sequence[Moment],
    alignments: tuple[Alignment, ...],
    visits: tuple[Visit, ...],
    criterion: Criterion | None = None,
    choices: Choices = Choices(),
) -> Compared:
    """What follows from studies that are aligned already; quick, so that every decision of a reader shows at once.

    Args:
        visits: Of `visits_of`; their lesions are found once and stay known.

    Raises:
        HistoryError: The criterion refuses the history.
    """
    doubts = doubts_about([one.scan for one in moments], alignments, accepted=choices.accept_doubtful)
    relative = any(placeholder_spacing(one.scan) for one in moments)
    if not visits:
        return Compared(alignments, (), (), {}, (), None, (), (), relative, doubts)
    tracks = follow(visits, choices.corrections)
    roles = proposed_roles(tracks, visits, choices.reader, choices.rules)
    history = timepoints(tracks, visits, roles, choices.reader)
    blocked = any(issue.severity is Severity.BLOCK for issue in doubts)
    response = criterion.assess(history) if criterion is not None and not blocked else None
    voxels = tuple(int(np.count_nonzero(visit.mask.labels)) for visit in visits)
    ml = tuple(_ml(visit, count) for visit, count in zip(visits, voxels, strict=True))
    doubts = (*doubts, *empty_doubts(visits), *lesion_doubts(tracks, visits), *_specks(visits))
    return Compared(alignments, visits, tracks, roles, history, response, voxels, ml, relative, doubts)


def align(
    moments: Sequence[Moment],
    motion: Motion,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Alignment, ...]:
    """Each later study onto the baseline.

    Raises:
        GeometryError: A study has no places in the patient.
        CancelledError: `cancelled` became true.
    """
    tell = progress or (lambda fraction, stage: None)
    found = []
    for number, moment in enumerate(moments[1:]):

        def step(fraction: float, stage: Message, number: int = number) -> None:
            tell((number + fraction) / (len(moments) - 1), stage)

        first = moments[0].scan
        if moment.alignment is not None:
            found.append(moment.alignment)
        elif first.geometry.close_to(moment.scan.geometry) and np.array_equal(first.voxels, moment.scan.voxels):
            found.append(Alignment(np.eye(4), motion, Method.GIVEN, Trust(1.0, 1.0, 0.0, 1.0)))
        elif first.shape[0] == 1:
            step(0.0, Message(N_("Aligning radiographs")))
            found.append(register_radiographs(first, moment.scan))
        else:
            found.append(register(first, moment.scan, motion=motion, progress=step, cancelled=cancelled))
    return tuple(found)


def judged(moments: Sequence[Moment], alignments: Sequence[Alignment]) -> tuple[Alignment, ...]:
    """The alignments with what the reader's landmarks say of them."""
    pairs = zip(moments[1:], alignments, strict=True)
    return tuple(with_landmarks(one, moment.landmarks, moments[0].scan) for moment, one in pairs)


def check(moments: Sequence[Moment]) -> None:
    """Refuse what cannot be compared at all, before anything is computed.

    Raises:
        UnfitInputError: Fewer than two studies, or radiographs beside volumes.
        HistoryError: A later study was made before an earlier one.
    """
    if len(moments) < 2:
        raise UnfitInputError(N_("A comparison needs two studies."), hint=N_("Choose a baseline and a later study."))
    if len({moment.scan.shape[0] == 1 for moment in moments}) > 1:
        raise UnfitInputError(
            N_("A radiograph and a volume cannot be compared."), hint=N_("Choose studies of the same kind.")
        )
    for earlier, later in pairwise(moments):
        if earlier.acquired_on and later.acquired_on and later.acquired_on < earlier.acquired_on:
            raise HistoryError(
                N_("The studies are out of order: {later} was made before {earlier}."),
                hint=N_("Put the earlier study first; change is counted from the baseline on."),
                later=later.label,
                earlier=earlier.label,
            )


def visits_of(moments: Sequence[Moment], alignments: Sequence[Alignment]) -> tuple[Visit, ...]:
    """The studies as visits; none where a mask is missing."""
    true_scale = not any(placeholder_spacing(one.scan) for one in moments)
    visits = []
    for moment, alignment in zip(moments, (None, *alignments), strict=True):
        if moment.mask is None:
            return ()
        visit = Visit(moment.label, moment.acquired_on, moment.scan, moment.mask, alignment, true_scale)
        visits.append(replace(visit, outlined=moment.outlined))
    return tuple(visits)


def _ml(visit: Visit, voxels: int) -> float | None:
    has_volume = visit.sized and visit.scan.geometry.scale is Scale.PATIENT
    return voxels * visit.mask.geometry.voxel_ml if has_volume else None


def _specks(visits: Sequence[Visit]) -> tuple[Issue, ...]:
    count = sum(visit.specks for visit in visits)
    text = N_("Left out of the masks as too small to be lesions: {count}.")
    hint = N_("They still count in the total volume; correct the mask if one of them matters.")
    return (Issue("specks_left_out", Severity.INFO, Message(text, {"count": count}), Message(hint)),) if count else ()
