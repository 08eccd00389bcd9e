"""What a reader has decided about a comparison: kept as a draft with the study of the baseline, as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from medcore.comparison.history_doubts import NO_LESION
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.records import Issue, LesionRole, PatientState, Steroids, Trend
from medcore.store.json_values import (
    Json,
    as_list,
    as_number,
    as_table,
    as_text,
    from_message,
    from_number,
    to_message,
    to_texts,
)
from medcore.workbench.treatments import Treatment, from_treatments, to_treatments

NEW_LESION, GONE_LESION = "new", "gone"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One study of a comparison.

    Args:
        study, scan: Ids.
        sources: Ids of the masks and runs whose regions are lesions; None takes the newest masks, or else the newest
            run that gave one.
    """

    study: str
    scan: str
    sources: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that was decided. A lesion is named by its anchor, the scan and the box in which it is first seen.

    Args:
        visits: The baseline first, then the later studies in their order.
        motion: rigid, affine or deformable.
        accepted: The reader looked at a doubtful alignment and takes it.
        organ: Of the lesions nobody spoke of.
        organs, roles: By anchor of the lesion.
        nodes: Anchors of lymph nodes.
        links: Anchor of a lesion at a later visit to the anchor of the lesion that it is, or "new".
        ends: What became of a lesion that a visit does not show: `end_of` the two to the anchor of the lesion that it
            merged with, or "gone".
        clear: Studies in which the reader looked and found no lesion.
        confirmed: Anchors of the lesions that the reader has confirmed.
        options: Of the criterion, those that differ from its own.
        reader_sd_mm: Standard deviation of a diameter between readers.
        treatments: By their first day.
        states: What is known of the patient beyond the lesions, by study.
        dates: Of studies that carry none, as the reader knows them.
    """

    visits: tuple[Chosen, ...]
    motion: str = Motion.RIGID.value
    accepted: bool = False
    organ: str = ""
    organs: Mapping[str, str] = field(default_factory=dict)
    nodes: frozenset[str] = frozenset()
    roles: Mapping[str, LesionRole] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    clear: frozenset[str] = frozenset()
    confirmed: frozenset[str] = frozenset()
    criterion: str = "recist11"
    options: Mapping[str, str] = field(default_factory=dict)
    reader_sd_mm: float = 1.5
    treatments: tuple[Treatment, ...] = ()
    states: Mapping[str, PatientState] = field(default_factory=dict)
    dates: Mapping[str, date] = field(default_factory=dict)


def anchor(scan: str, corner: tuple[int, int, int]) -> str:
    """Name of a lesion by where its box begins in its scan; a lesion whose mask was changed there is another one."""
    return f"{scan}:{corner[0]},{corner[1]},{corner[2]}"


def end_of(scan: str, lesion: str) -> str:
    """Name of the end of a lesion at a visit.

    Args:
        lesion: Its anchor.
    """
    return f"{scan}|{lesion}"


def from_draft(draft: Draft) -> Json:
    """A draft as JSON."""
    return {
        "visits": [
            {
                "study": one.study,
                "scan": one.scan,
                "sources": None if one.sources is None else list(one.sources),
            }
            for one in draft.visits
        ],
        "motion": draft.motion,
        "accepted": draft.accepted,
        "organ": draft.organ,
        "organs": dict(draft.organs),
        "nodes": [*sorted(draft.nodes)],
        "roles": {name: role.value for name, role in draft.roles.items()},
        "links": dict(draft.links),
        "ends": dict(draft.ends),
        "clear": [*sorted(draft.clear)],
        "confirmed": [*sorted(draft.confirmed)],
        "criterion": draft.criterion,
        "options": dict(draft.options),
        "reader_sd_mm": draft.reader_sd_mm,
        "treatments": from_treatments(draft.treatments),
        "states": {study: _from_state(state) for study, state in draft.states.items()},
        "dates": {study: day.isoformat() for study, day in draft.dates.items()},
    }


def to_draft(value: Json) -> Draft:
    """The draft of `from_draft`."""
    table = as_table(value)
    return Draft(
        visits=tuple(_to_chosen(one) for one in as_list(table["visits"])),
        motion=as_text(table["motion"]),
        accepted=bool(table["accepted"]),
        organ=as_text(table["organ"]),
        organs=to_texts(table["organs"]),
        nodes=frozenset(map(as_text, as_list(table["nodes"]))),
        roles={name: LesionRole(role) for name, role in to_texts(table["roles"]).items()},
        links=to_texts(table["links"]),
        ends=to_texts(table.get("ends", {})),
        clear=frozenset(map(as_text, as_list(table.get("clear", [])))),
        confirmed=frozenset(map(as_text, as_list(table["confirmed"]))),
        criterion=as_text(table["criterion"]),
        options=to_texts(table["options"]),
        reader_sd_mm=as_number(table["reader_sd_mm"]),
        treatments=to_treatments(table.get("treatments", [])),
        states={study: _to_state(state) for study, state in as_table(table.get("states", {})).items()},
        dates={study: date.fromisoformat(day) for study, day in to_texts(table.get("dates", {})).items()},
    )


def from_alignment(alignment: Alignment) -> Json:
    """An alignment as JSON, without its bending, which is large and quick enough to find again."""
    trust = alignment.trust
    return {
        "to_moving": [[from_number(float(x)) for x in row] for row in alignment.to_moving],
        "motion": alignment.motion.value,
        "method": alignment.method.value,
        "similarity": from_number(float(trust.similarity)),
        "overlap": from_number(float(trust.overlap)),
        "inverse_mm": from_number(float(trust.inverse_mm)),
        "sharpness": from_number(float(trust.sharpness)),
        "doubts": [from_message(doubt) for doubt in trust.doubts],
    }


def to_alignment(value: Json) -> Alignment:
    """The alignment of `from_alignment`."""
    table = as_table(value)
    rows = [[as_number(x) for x in as_list(row)] for row in as_list(table["to_moving"])]
    return Alignment(
        np.array(rows),
        Motion(as_text(table["motion"])),
        Method(as_text(table["method"])),
        Trust(
            as_number(table["similarity"]),
            as_number(table["overlap"]),
            as_number(table["inverse_mm"]),
            as_number(table["sharpness"]),
            tuple(to_message(doubt) for doubt in as_list(table["doubts"])),
        ),
    )


def _from_state(state: PatientState) -> Json:
    """What a reader types of a patient on the page."""
    ended = state.radiotherapy_ended_on
    return {
        "clinical": state.clinical.value if state.clinical else None,
        "steroids": state.steroids.value if state.steroids else None,
        "deauville": state.deauville,
        "radiotherapy_ended_on": ended.isoformat() if ended else None,
    }


def _to_state(value: Json) -> PatientState:
    table = as_table(value)
    clinical, steroids = table["clinical"], table["steroids"]
    deauville, ended = table["deauville"], table["radiotherapy_ended_on"]
    return PatientState(
        clinical=None if clinical is None else Trend(as_text(clinical)),
        steroids=None if steroids is None else Steroids(as_text(steroids)),
        deauville=None if deauville is None else int(as_number(deauville)),
        radiotherapy_ended_on=None if ended is None else date.fromisoformat(as_text(ended)),
    )


def _to_chosen(value: Json) -> Chosen:
    table = as_table(value)
    sources = table["sources"]
    names = None if sources is None else tuple(as_text(one) for one in as_list(sources))
    return Chosen(as_text(table["study"]), as_text(table["scan"]), names)


def known_clear(issue: Issue, draft: Draft) -> bool:
    """Whether an issue says no more than the reader did: that a study shows no lesion."""
    number = issue.message.values.get("number")
    if issue.code != NO_LESION or not isinstance(number, int):
        return False
    clear = [one.study in draft.clear for one in draft.visits]
    return clear[number - 1] if number else all(clear)
