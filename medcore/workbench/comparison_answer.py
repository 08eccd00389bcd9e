"""What a comparison says, as a page shows it: lesions in rows, why a role is refused, what if, how sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from medcore.comparison.certainty import Noise, changed
from medcore.comparison.compare import Compared
from medcore.comparison.readings import TargetRules
from medcore.comparison.tracks import Sighting
from medcore.comparison.uncertainty import Interval, change_of, error_at, of_reading
from medcore.comparison.visits import Visit
from medcore.errors import N_, HistoryError, Message
from medcore.records import LesionReading, LesionRole, Response, Timepoint, TimepointResponse
from medcore.volume import Triple
from medcore.workbench.assess import Certainty, Refused, assess, assess_all, certainty
from medcore.workbench.comparisons import Aligned

WHOLE = ("CR", "PR", "SD", "PD")  # what categories of different criteria have in common
NE = "NE"
ALIKE = {
    "iCR": "CR", "iPR": "PR", "iSD": "SD", "iUPD": "PD", "iCPD": "PD", "MR": "PR",
    "CMR": "CR", "PMR": "PR", "SMD": "SD", "NMR": "SD", "PMD": "PD",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """A lesion at one visit.

    Args:
        fate: not_yet, first_seen, followed, new, gone, outside, merged or split_off.
        confidence: Of that, 0..1.
        other: The lesion that it merged with or split from, or "".
        anchor: Its stable name at this visit; "" where it was not seen.
        longest_mm, short_axis_mm, volume_ml: None where it was not seen or the scan has no scale.
        place: Its centre in LPS mm of the baseline; None where it was not seen.
    """

    fate: str
    confidence: float
    other: str
    anchor: str = ""
    longest_mm: float | None = None
    short_axis_mm: float | None = None
    volume_ml: float | None = None
    voxels: int = 0
    place: Triple | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A lesion over all visits; `anchor` is its stable name."""

    id: str
    anchor: str
    role: LesionRole
    organ: str
    node: bool
    cells: tuple[Cell, ...]

    @property
    def place(self) -> Triple | None:
        """Where to look for it, in LPS mm of the baseline."""
        return next((cell.place for cell in self.cells if cell.place is not None), None)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one criterion says of the last visit.

    Args:
        reason: The rule that fired, or why the criterion refuses the history.
        agrees: Whether it means the same as the chosen criterion; None where the two cannot be compared.
        response: The whole answer; None where the criterion refuses the history.
        other_scale: Both tell something, but their categories have no meaning in common (ACTIVE and PD).
    """

    criterion: str
    title: str
    reason: Message
    agrees: bool | None
    response: Response | None
    other_scale: bool = False

    @property
    def category(self) -> str:
        """Of the last visit; "" where the criterion refuses the history."""
        return self.response.timepoints[-1].overall if self.response else ""


def rows(aligned: Aligned, found: Compared) -> tuple[Row, ...]:
    """All lesions over all visits, in the order of their ids."""
    out = []
    for track in found.tracks:
        first = _reading(found.timepoints[track.first], track.id)
        cells = tuple(_cell(aligned, found, number, seen) for number, seen in enumerate(track.sightings))
        out.append(Row(track.id, aligned.anchor_of(track), found.roles[track.id], first.organ, first.node, cells))
    return tuple(out)


def target_refusal(found: Compared, rules: TargetRules, lesion: str) -> Message | None:
    """Why a lesion cannot be a target beside those that are; None when it can."""
    baseline = found.timepoints[0].lesions
    one = next((reading for reading in baseline if reading.id == lesion), None)
    if one is None:
        return Message(N_("A lesion that appeared after the baseline is new; it cannot be a target."))
    others = [reading for reading in baseline if reading.role is LesionRole.TARGET and reading.id != lesion]
    if len(others) >= rules.most:
        return Message(
            N_("RECIST 1.1 allows at most {most} targets, and {count} are chosen. Make another one non-target first."),
            {"most": rules.most, "count": len(others)},
        )
    same = sum(_organ(reading) == _organ(one) for reading in others)
    if rules.most_per_organ is not None and same >= rules.most_per_organ:
        return Message(
            N_("RECIST 1.1 allows at most {most} targets of one organ, and {count} of “{organ}” are chosen."),
            {"most": rules.most_per_organ, "count": same, "organ": _organ(one) or "–"},
        )
    return _too_small(one, found.visits[0], rules)


def broken_limits(found: Compared, rules: TargetRules) -> tuple[Message, ...]:
    """Limits of targets that the reader's decisions break: what counts then is no RECIST sum."""
    targets = [one for one in found.timepoints[0].lesions if one.role is LesionRole.TARGET]
    broken = []
    if len(targets) > rules.most:
        text = N_("{count} lesions are targets; RECIST 1.1 allows {most}.")
        broken.append(Message(text, {"count": len(targets), "most": rules.most}))
    organs = Counter(map(_organ, targets))
    for organ, count in organs.items():
        if rules.most_per_organ is not None and count > rules.most_per_organ:
            text = N_("{count} targets lie in “{organ}”; RECIST 1.1 allows {most} of one organ.")
            broken.append(Message(text, {"count": count, "organ": organ or "–", "most": rules.most_per_organ}))
    return tuple(broken)


@lru_cache(maxsize=32)
def sureness(
    history: tuple[Timepoint, ...], criterion: str, options: tuple[tuple[str, str], ...], reader_sd_mm: float
) -> Certainty:
    """The chance of each category and the change that flips it; the same question is answered from memory.

    Raises:
        HistoryError: The criterion refuses the history.
    """
    return certainty(history, criterion, Noise(length_mm=reader_sd_mm), dict(options))


def what_if(
    history: Sequence[Timepoint], criterion: str, options: Mapping[str, str], lesion: str, by_mm: float
) -> TimepointResponse:
    """What the last visit would be if one lesion were longer by so much there.

    Raises:
        HistoryError: The criterion refuses the history.
    """
    return assess(changed(history, len(history) - 1, lesion, by_mm), criterion, options).timepoints[-1]


def opinions(history: Sequence[Timepoint], chosen: Response) -> tuple[Opinion, ...]:
    """What every criterion says of the last visit, with whether that means what the chosen one says.

    Args:
        chosen: The answer of the chosen criterion, with the options that were set; the others have their own.
    """
    mine = _common(chosen.timepoints[-1].overall)
    out = []
    for answer in assess_all(history):
        if isinstance(answer, Refused):
            out.append(Opinion(answer.criterion, answer.title, answer.reason, None, None))
            continue
        whole = chosen if answer.criterion == chosen.criterion else answer
        last = whole.timepoints[-1]
        theirs = _common(last.overall)
        agrees = None if theirs is None or mine is None else theirs == mine
        if whole is chosen:
            agrees = True
        other_scale = agrees is None and NE not in (last.overall, chosen.timepoints[-1].overall)
        out.append(Opinion(whole.criterion, whole.title, last.reason, agrees, whole, other_scale))
    return tuple(out)


def intervals(history: Sequence[Timepoint], number: int, lesion: str, reader_sd_mm: float) -> Mapping[str, Interval]:
    """Where the true sizes of a lesion at a visit lie in 95 of 100 cases: `longest_mm`, `short_axis_mm`, `volume_ml`.

    Only what was measured is in it.
    """
    here = next((one for one in history[number].lesions if one.id == lesion), None)
    return {} if here is None else of_reading(here, error_at(history[number], reader_sd_mm))


def changes(history: Sequence[Timepoint], number: int, lesion: str, reader_sd_mm: float) -> Mapping[str, Interval]:
    """The same of a lesion's change since the baseline: `longest_mm` in mm, `volume_percent` in percent."""
    visits = (history[0], history[number])
    found = [next((one for one in visit.lesions if one.id == lesion), None) for visit in visits]
    if number == 0 or found[0] is None or found[1] is None:
        return {}
    return change_of(found[0], found[1], *(error_at(visit, reader_sd_mm) for visit in visits))


def measured_last(history: Sequence[Timepoint]) -> tuple[str, ...]:
    """Lesions with a size at the last visit."""
    return tuple(one.id for one in history[-1].lesions if one.longest_mm or one.short_axis_mm or one.volume_ml)


def needs_history(history: Sequence[Timepoint]) -> None:
    """Refuse a history without a second visit.

    Raises:
        HistoryError: There are fewer than two visits.
    """
    if len(history) < 2:
        raise HistoryError(N_("A response needs a baseline and a later visit."))


def _cell(aligned: Aligned, found: Compared, number: int, seen: Sighting) -> Cell:
    if seen.piece is None:
        return Cell(seen.fate.value, seen.confidence, seen.other)
    visit = found.visits[number]
    extent = visit.pieces[seen.piece].extent
    x, y, z = visit.pieces[seen.piece].places.mean(axis=0).tolist()
    return Cell(
        seen.fate.value,
        seen.confidence,
        seen.other,
        aligned.anchor(number, seen.piece),
        extent.longest_mm if visit.sized else None,
        extent.short_axis_mm if visit.sized else None,
        extent.volume_ml if visit.sized else None,
        extent.voxels,
        (x, y, z),
    )


def _too_small(one: LesionReading, baseline: Visit, rules: TargetRules) -> Message | None:
    size = one.short_axis_mm if one.node else one.longest_mm
    if size is None:
        return None
    slice_mm = baseline.scan.geometry.steps[0]
    thick = baseline.scan.shape[0] > 1 and slice_mm > rules.thick_slice_mm
    least = rules.least_node_mm if one.node else 2 * slice_mm if thick else rules.least_mm
    if size >= least:
        return None
    text = N_("A target must measure at least {least:.3g} mm at the baseline; this lesion measures {size:.1f} mm.")
    if one.node:
        text = N_("A node must measure at least {least:.3g} mm across to be a target; this one measures {size:.1f} mm.")
    return Message(text, {"least": least, "size": size})


def _organ(one: LesionReading) -> str:
    return N_("lymph node") if one.node else one.organ


def _reading(visit: Timepoint, lesion: str) -> LesionReading:
    return next(one for one in visit.lesions if one.id == lesion)


def _common(category: str) -> str | None:
    category = ALIKE.get(category, category)
    return category if category in WHOLE else None
