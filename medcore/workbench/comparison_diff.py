"""What a reader signed, in figures, and how two versions differ: which lesion, which measurement, which category."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medcore.errors import N_, Message
from medcore.exports.report_document import Section, Sentence, Table, Text
from medcore.store.json_values import Json, as_list, as_number, as_optional, as_table, as_text, to_texts
from medcore.workbench.comparison_answer import Row
from medcore.workbench.comparison_findings import FATES, ROLES, Findings

SIZES = {
    "longest_mm": (N_("Longest diameter"), "mm", 1),
    "short_axis_mm": (N_("Short axis"), "mm", 1),
    "volume_ml": (N_("Volume"), "ml", 3),
}
ALIKE = 1e-9


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """One visit: its scan, and what was said of it."""

    label: str
    scan: str
    category: str
    sum: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class LesionFacts:
    """One lesion over all visits.

    Args:
        anchor: Its stable name: the scan and the corner of the box in which it is first seen.
        fates: What happened to it at each visit.
        sizes: longest_mm, short_axis_mm and volume_ml at each visit.
    """

    anchor: str
    id: str
    role: str
    organ: str
    node: bool
    confirmed: bool
    fates: tuple[str, ...]
    sizes: tuple[Mapping[str, float | None], ...]


@dataclass(frozen=True, slots=True)
class ReadingFacts:
    """A reading in figures: what two versions are compared by."""

    criterion: str
    options: Mapping[str, str]
    reader_sd_mm: float
    accepted: bool
    visits: tuple[VisitFacts, ...]
    lesions: tuple[LesionFacts, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions.

    Args:
        where: The lesion, the visit, or "".
        what: The measurement, the role, the category ...
    """

    where: Text
    what: Text
    before: Text
    after: Text


def facts_of(all_: Findings) -> ReadingFacts:
    """The figures of a reading."""
    draft, response = all_.draft, all_.found.response
    visits = []
    for number, moment in enumerate(all_.aligned.moments):
        row = response.timepoints[number] if response else None
        visits.append(
            VisitFacts(
                moment.label,
                all_.aligned.scans[number],
                row.overall if row else "",
                row.sum if row else None,
                response.unit if response else "",
            )
        )
    lesions = tuple(_lesion(row, confirmed=row.anchor in draft.confirmed) for row in all_.lesions)
    return ReadingFacts(
        draft.criterion, dict(draft.options), draft.reader_sd_mm, draft.accepted, tuple(visits), lesions
    )


def differences(before: ReadingFacts, after: ReadingFacts) -> tuple[Change, ...]:
    """What changed from one version to the next: the settings, the visits, the lesions."""
    return (*_settings(before, after), *_visits(before, after), *_lesions(before, after))


def change_section(changes: Sequence[Change], since: int) -> Section:
    """The differences as a section of a report."""
    title = Message(N_("Changes since version {version}"), {"version": since})
    if not changes:
        return Section(title, (Sentence(Message(N_("None of the figures changed."))),))
    head = tuple(map(Message, (N_("Where"), N_("What"), N_("Before the change"), N_("After the change"))))
    body = tuple((one.where, one.what, one.before, one.after) for one in changes)
    return Section(title, (Table(head, body, wide=(1.2, 1.8, 2.0, 2.0)),))


def from_facts(facts: ReadingFacts) -> Json:
    """The figures as JSON."""
    return {
        "criterion": facts.criterion,
        "options": dict(facts.options),
        "reader_sd_mm": facts.reader_sd_mm,
        "accepted": facts.accepted,
        "visits": [
            {"label": one.label, "scan": one.scan, "category": one.category, "sum": one.sum, "unit": one.unit}
            for one in facts.visits
        ],
        "lesions": [
            {
                "anchor": one.anchor,
                "id": one.id,
                "role": one.role,
                "organ": one.organ,
                "node": one.node,
                "confirmed": one.confirmed,
                "fates": [*one.fates],
                "sizes": [dict(size) for size in one.sizes],
            }
            for one in facts.lesions
        ],
    }


def to_facts(value: Json) -> ReadingFacts:
    """The figures of `from_facts`."""
    table = as_table(value)
    return ReadingFacts(
        criterion=as_text(table["criterion"]),
        options=to_texts(table["options"]),
        reader_sd_mm=as_number(table["reader_sd_mm"]),
        accepted=bool(table["accepted"]),
        visits=tuple(_to_visit(one) for one in map(as_table, as_list(table["visits"]))),
        lesions=tuple(_to_lesion(one) for one in map(as_table, as_list(table["lesions"]))),
    )


def _to_visit(table: dict[str, Json]) -> VisitFacts:
    return VisitFacts(
        as_text(table["label"]),
        as_text(table["scan"]),
        as_text(table["category"]),
        as_optional(table["sum"]),
        as_text(table["unit"]),
    )


def _to_lesion(table: dict[str, Json]) -> LesionFacts:
    sizes = [{name: as_optional(size) for name, size in as_table(one).items()} for one in as_list(table["sizes"])]
    return LesionFacts(
        anchor=as_text(table["anchor"]),
        id=as_text(table["id"]),
        role=as_text(table["role"]),
        organ=as_text(table["organ"]),
        node=bool(table["node"]),
        confirmed=bool(table["confirmed"]),
        fates=tuple(map(as_text, as_list(table["fates"]))),
        sizes=tuple(sizes),
    )


def _lesion(row: Row, *, confirmed: bool) -> LesionFacts:
    sizes = tuple({name: getattr(cell, name) for name in SIZES} for cell in row.cells)
    fates = tuple(cell.fate for cell in row.cells)
    return LesionFacts(row.anchor, row.id, row.role.value, row.organ, row.node, confirmed, fates, sizes)


def _settings(before: ReadingFacts, after: ReadingFacts) -> Iterator[Change]:
    if before.criterion != after.criterion:
        yield Change("", Message(N_("Criterion")), before.criterion, after.criterion)
    for name in sorted({*before.options, *after.options}):
        old, new = before.options.get(name, "–"), after.options.get(name, "–")
        if old != new:
            yield Change("", name, old, new)
    if before.reader_sd_mm != after.reader_sd_mm:
        text = Message(N_("Reader SD, mm"))
        yield Change("", text, f"{before.reader_sd_mm:g}", f"{after.reader_sd_mm:g}")
    if before.accepted != after.accepted:
        taken = Message(N_("Alignment in doubt was accepted by the reader"))
        yield Change("", taken, _yes(before.accepted), _yes(after.accepted))


def _visits(before: ReadingFacts, after: ReadingFacts) -> Iterator[Change]:
    """Visits are told apart by their scans: one may have come between two others."""
    old, new = ({one.scan: one for one in facts.visits} for facts in (before, after))
    for scan, one in old.items():
        if scan not in new:
            yield Change(one.label, Message(N_("Visit")), one.category or "–", Message(N_("taken out")))
    for scan, one in new.items():
        was = old.get(scan)
        if was is None:
            yield Change(one.label, Message(N_("Visit")), Message(N_("not there")), one.category or "–")
            continue
        if was.category != one.category:
            yield Change(one.label, Message(N_("Category")), was.category or "–", one.category or "–")
        if not _same(was.sum, one.sum) or was.unit != one.unit:
            yield Change(one.label, Message(N_("Sum")), _amount(was.sum, was.unit, 1), _amount(one.sum, one.unit, 1))


def _lesions(before: ReadingFacts, after: ReadingFacts) -> Iterator[Change]:
    pairs = _paired(before.lesions, after.lesions)
    for old, new in pairs:
        if new is None and old is not None:
            yield Change(old.id, Message(N_("Lesion")), Message(ROLES[old.role]), Message(N_("taken out")))
        elif old is None and new is not None:
            yield Change(new.id, Message(N_("Lesion")), Message(N_("not there")), Message(ROLES[new.role]))
        elif old is not None and new is not None:
            yield from _of_lesion(_Pair(old, new, before, after))


def _paired(
    old: Sequence[LesionFacts], new: Sequence[LesionFacts]
) -> Iterator[tuple[LesionFacts | None, LesionFacts | None]]:
    """Each lesion with itself: by its stable name, or else by its number where its mask was redrawn."""
    by_anchor = {one.anchor: one for one in old}
    left = {one.id: one for one in old if one.anchor not in {other.anchor for other in new}}
    for one in new:
        was = by_anchor.get(one.anchor)
        yield was if was is not None else left.pop(one.id, None), one
    for gone in left.values():
        yield gone, None


@dataclass(frozen=True, slots=True)
class _Pair:
    """A lesion in two versions."""

    old: LesionFacts
    new: LesionFacts
    before: ReadingFacts
    after: ReadingFacts


def _of_lesion(pair: _Pair) -> Iterator[Change]:
    old, new = pair.old, pair.new
    if old.id != new.id:
        yield Change(new.id, Message(N_("Number")), old.id, new.id)
    if old.role != new.role:
        yield Change(new.id, Message(N_("Role")), Message(ROLES[old.role]), Message(ROLES[new.role]))
    if old.organ != new.organ:
        yield Change(new.id, Message(N_("Organ")), old.organ or "–", new.organ or "–")
    if old.node != new.node:
        yield Change(new.id, Message(N_("Lymph node")), _yes(old.node), _yes(new.node))
    if old.confirmed != new.confirmed:
        yield Change(new.id, Message(N_("Confirmed")), _yes(old.confirmed), _yes(new.confirmed))
    places = {one.scan: number for number, one in enumerate(pair.before.visits)}
    for number, visit in enumerate(pair.after.visits):
        at = places.get(visit.scan)
        if at is None:
            continue
        where = f"{new.id} · {visit.label}"
        if old.fates[at] != new.fates[number]:
            yield Change(where, Message(N_("Fate")), _fate(old.fates[at]), _fate(new.fates[number]))
        for name, (title, unit, digits) in SIZES.items():
            was, now = old.sizes[at].get(name), new.sizes[number].get(name)
            if not _same(was, now):
                yield Change(where, Message(title), _amount(was, unit, digits), _amount(now, unit, digits))


def _fate(name: str) -> Text:
    return Message(FATES[name]) if FATES.get(name) else Message(N_("not yet"))


def _yes(value: bool) -> Message:
    return Message(N_("yes")) if value else Message(N_("no"))


def _same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and abs(one - other) <= ALIKE * max(1.0, abs(one)))


def _amount(value: float | None, unit: str, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f} {unit}"
