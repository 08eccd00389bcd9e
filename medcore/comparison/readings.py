"""Tracks as a criterion reads them: roles proposed, sizes in native space, nothing called gone that was not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from medcore.comparison.tracks import Fate, Track
from medcore.comparison.visits import Visit
from medcore.records import LesionReading, LesionRole, LesionStatus, PatientState, Timepoint
from medcore.volume import Unit

STATUS = {
    Fate.FIRST_SEEN: LesionStatus.MEASURED,
    Fate.FOLLOWED: LesionStatus.MEASURED,
    Fate.NEW: LesionStatus.MEASURED,
    Fate.SPLIT_OFF: LesionStatus.MEASURED,
    Fate.GONE: LesionStatus.ABSENT,
    Fate.OUTSIDE: LesionStatus.NOT_ASSESSED,
    Fate.MERGED: LesionStatus.MERGED,
}


@dataclass(frozen=True, slots=True)
class TargetRules:
    """Which lesions of the baseline may be targets.

    Args:
        most: At most so many (RECIST 1.1, section 4.1: 5).
        most_per_organ: At most so many of one organ (RECIST 1.1: 2); None for any number.
        least_mm: Longest diameter from which a lesion is measurable (RECIST 1.1: 10 mm).
        thick_slice_mm: With thicker slices, a lesion must be twice as long as the slice is thick (RECIST 1.1: 5 mm).
        least_node_mm: Short axis from which a lymph node is measurable (RECIST 1.1: 15 mm).
    """

    most: int = 5
    most_per_organ: int | None = 2
    least_mm: float = 10.0
    thick_slice_mm: float = 5.0
    least_node_mm: float = 15.0


@dataclass(frozen=True, slots=True)
class Reader:
    """What only a reader can say of lesions, by track id.

    Args:
        organs: Organ of each; those without a word are in `organ`.
        nodes: Which are lymph nodes.
        roles: Roles against the proposal.
        organ: Of lesions nobody spoke of, from the clinical question ("lung", "brain").
        states: What is known of the patient beyond the lesions, by number of the visit.
    """

    organs: Mapping[str, str] = field(default_factory=dict)
    nodes: frozenset[str] = frozenset()
    roles: Mapping[str, LesionRole] = field(default_factory=dict)
    organ: str = ""
    states: Mapping[int, PatientState] = field(default_factory=dict)

    def organ_of(self, track: str) -> str:
        """Organ of a lesion, or "" where nobody knows."""
        return self.organs.get(track, self.organ)


def proposed_roles(
    tracks: Sequence[Track], visits: Sequence[Visit], reader: Reader, rules: TargetRules = TargetRules()
) -> Mapping[str, LesionRole]:
    """A role for each track: the largest measurable ones of the baseline are targets, later ones are new.

    What split off a lesion of the baseline is no new lesion: it gets the role of the one it came from.
    """
    roles: dict[str, LesionRole] = {}
    targets: Counter[str] = Counter()
    for track in sorted(tracks, key=lambda one: -_size_mm(one, visits, reader)):
        if track.first == 0:
            organ = "node" if track.id in reader.nodes else reader.organ_of(track.id)
            room = targets.total() < rules.most and (
                rules.most_per_organ is None or targets[organ] < rules.most_per_organ
            )
            size = _size_mm(track, visits, reader)
            # Where no size is known all may be targets: the answer is then "not evaluable", never "stable".
            if room and (not visits[0].sized or size >= _least_mm(track, visits[0], reader, rules)):
                targets[organ] += 1
                roles[track.id] = LesionRole.TARGET
            else:
                roles[track.id] = LesionRole.NONTARGET
    for track in tracks:  # in order of appearance, so that a parent has its role before its parts
        if track.first > 0:
            roles[track.id] = roles.get(track.sightings[track.first].other, LesionRole.NEW)
    return {track.id: reader.roles.get(track.id, roles[track.id]) for track in tracks}


def timepoints(
    tracks: Sequence[Track], visits: Sequence[Visit], roles: Mapping[str, LesionRole], reader: Reader
) -> tuple[Timepoint, ...]:
    """The history for a criterion: each track at each visit from its first on, measured in that visit's own scan."""
    return tuple(
        Timepoint(
            visit.label,
            visit.acquired_on,
            tuple(_reading(track, number, visit, roles[track.id], reader) for track in tracks if track.first <= number),
            state=reader.states.get(number, PatientState()),
            baseline=number == 0,
            pixel_mm=max(visit.scan.geometry.steps[1:]) if visit.sized else None,
            slice_mm=visit.scan.geometry.steps[0] if visit.sized and visit.scan.shape[0] > 1 else None,
        )
        for number, visit in enumerate(visits)
    )


def _reading(track: Track, number: int, visit: Visit, role: LesionRole, reader: Reader) -> LesionReading:
    seen = track.sightings[number]
    start = track.sightings[track.first]
    unmeasured = LesionReading(
        id=track.id,
        role=role,
        status=STATUS[seen.fate],
        organ=reader.organ_of(track.id),
        node=track.id in reader.nodes,
        part_of=start.other if start.fate is Fate.SPLIT_OFF else "",
        merged_into=seen.other if seen.fate is Fate.MERGED else "",
    )
    if seen.piece is None:
        return unmeasured
    piece = visit.pieces[seen.piece]
    return replace(
        unmeasured,
        longest_mm=piece.extent.longest_mm if visit.sized else None,
        short_axis_mm=piece.extent.short_axis_mm if visit.sized else None,
        perpendicular_mm=piece.extent.short_axis_mm if visit.sized else None,
        volume_ml=piece.extent.volume_ml if visit.sized else None,
        hu_mean=piece.mean if visit.scan.unit is Unit.HU else None,
        suv_peak=None if piece.uptake is None else piece.uptake.peak,
        tlg=None if piece.uptake is None or not visit.sized else piece.uptake.glycolysis,
        outline_sd_mm=piece.outline_sd_mm,
    )


def _size_mm(track: Track, visits: Sequence[Visit], reader: Reader) -> float:
    """Longest diameter where the track is first seen, of a node its short axis."""
    piece = track.sightings[track.first].piece
    assert piece is not None, "a track begins with a lesion"
    extent = visits[track.first].pieces[piece].extent
    if not visits[track.first].sized:
        return float(extent.voxels)  # for the order alone
    return extent.short_axis_mm if track.id in reader.nodes else extent.longest_mm


def _least_mm(track: Track, baseline: Visit, reader: Reader, rules: TargetRules) -> float:
    if track.id in reader.nodes:
        return rules.least_node_mm
    slice_mm = baseline.scan.geometry.steps[0]
    return 2 * slice_mm if slice_mm > rules.thick_slice_mm else rules.least_mm
