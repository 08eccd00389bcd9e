"""The report of a comparison as a document: response with its rule, lesions, key images, certainty, provenance."""

from __future__ import annotations

from collections.abc import Iterator

from medcore.errors import N_, Message, Value
from medcore.exports.report_document import Block, Document, Facts, Points, Section, Sentence, Table, Text, Tone
from medcore.records import Response, TimepointResponse
from medcore.workbench import comparison_evidence as evidence
from medcore.workbench import comparison_whole as whole
from medcore.workbench.comparison_answer import Cell, Opinion
from medcore.workbench.comparison_findings import FATES, ROLES, Findings
from medcore.workbench.comparison_pictures import key_images, size_text, whole_pictures

TITLE = N_("Comparison before and after treatment")
LEFT_OUT = N_(
    "The pictures of {visits} are left out: they may show a name, and nobody has released them. Release them on the "
    "page Studies under Export, then make the report again."
)


def comparison_document(all_: Findings) -> Document:
    """The report; what is not known has no section."""
    parts = (
        _response, _visits, _lesions, whole.chart, _images, evidence.certainty, _criteria, whole.whole_image,
        whole.changes, evidence.alignment, evidence.proof, evidence.models, _notes, evidence.made,
    )  # fmt: skip
    sections = (Section(title, tuple(blocks)) for title, blocks in (part(all_) for part in parts) if blocks)
    return Document(_m(TITLE), tuple(sections))


def _m(text: str, **values: Value) -> Message:
    return Message(text, values)


def _response(all_: Findings) -> tuple[Text, list[Block]]:
    title, response = _m(N_("Response")), all_.found.response
    if response is None:
        return title, [Sentence(_m(N_("No response is told.")), Tone.ANSWER), *_burden(all_)]
    last = response.timepoints[-1]
    blocks: list[Block] = [
        Sentence((_m(response.title), ": ", last.overall), Tone.ANSWER),
        Sentence(last.reason),
        Points(
            (
                *last.missing,
                *last.notes,
                *_thresholds(last, response.unit),
                _m(N_("Best response: {best}; confirmed: {confirmed}"), best=response.best,
                   confirmed=response.best_confirmed),
            )
        ),
    ]  # fmt: skip
    if all_.found.relative:
        text = N_("Only relative change is true here: a study has no true spacing.")
        blocks.append(Sentence(_m(text), Tone.WARNING))
    return title, [*blocks, *_burden(all_)]


def _burden(all_: Findings) -> Iterator[Block]:
    """The whole volume of all lesions, and how it changed."""
    changes, amounts = all_.found.volume_change_percent, all_.found.burden_ml
    if not changes:
        return
    labels = [moment.label for moment in all_.aligned.moments]
    counts = all_.found.burden_voxels
    pairs = [
        (label, (_volume(amount, voxels), "" if number == 0 or change is None else f" ({change:+.1f} %)"))
        for number, (label, amount, voxels, change) in enumerate(zip(labels, amounts, counts, changes, strict=True))
    ]
    yield Facts(((_m(N_("Volume of all lesions")), ""), *pairs))


def _thresholds(row: TimepointResponse, unit: str) -> Iterator[Message]:
    for one in row.thresholds:
        yield _m(
            N_("{category} begins at {at} {unit}: {distance} {unit} from here."),
            category=one.category, at=f"{one.at:.1f}", distance=f"{one.distance:+.1f}", unit=unit,
        )  # fmt: skip


def _visits(all_: Findings) -> tuple[Text, list[Block]]:
    title, response = _m(N_("Visits")), all_.found.response
    if response is None:
        return title, []
    head = (
        N_("Visit"), N_("Sum"), N_("Baseline"), N_("Nadir"), N_("from baseline"), N_("from nadir"), N_("Target"),
        N_("Non-target"), N_("New"), N_("Category"),
    )  # fmt: skip
    body = tuple(
        (
            row.timepoint,
            *(_amount(value, response.unit) for value in (row.sum, row.baseline, row.nadir)),
            _percent(row.change_from_baseline_percent),
            _percent(row.change_from_nadir_percent),
            *(category or "–" for category in (row.target, row.nontarget, row.new)),
            row.overall,
        )
        for row in response.timepoints
    )
    wide = (2.0, 1.4, 1.4, 1.4, 1.3, 1.3, 1.4, 1.7, 0.8, 1.4)
    return title, [Table(tuple(map(_m, head)), body, wide=wide), Points(tuple(_trace(response))), *_treatments(all_)]


def _treatments(all_: Findings) -> Iterator[Block]:
    """What was given from when to when."""
    if all_.draft.treatments:
        given = N_("Treatments")
        ends = [(one, one.end.isoformat() if one.end else "…") for one in all_.draft.treatments]
        yield Facts(((_m(given), ""), *((one.name, f"{one.start.isoformat()} – {end}") for one, end in ends)))


def _trace(response: Response) -> Iterator[Text]:
    """The rule of every visit in words, with what it lacks and how far the next category is."""
    for row in response.timepoints:
        more: list[Text] = []
        for one in (*row.missing, *row.notes, *_thresholds(row, response.unit)):
            more += [" ", one]
        yield (f"{row.timepoint}: ", row.overall, ". ", row.reason, *more)


def _lesions(all_: Findings) -> tuple[Text, list[Block]]:
    labels = tuple(visit.label for visit in all_.found.timepoints)
    head: tuple[Text, ...] = (*map(_m, (N_("Lesion"), N_("Role"), N_("Organ"), N_("Confirmed"))), *labels)
    body: tuple[tuple[Text, ...], ...] = tuple(
        (
            row.id,
            _m(ROLES[row.role.value]),
            _m(N_("lymph node")) if row.node else row.organ,
            "✓" if row.anchor in all_.draft.confirmed else "–",
            *map(_cell, row.cells),
        )
        for row in all_.lesions
    )
    wide = (1.0, 1.4, 1.4, 1.5, *(3.2 for _ in labels))
    return _m(N_("Lesions")), [Table(head, body, wide=wide)] if body else []


def _cell(cell: Cell) -> Text:
    if not FATES[cell.fate]:
        return ""
    said: tuple[Text, ...] = (_m(FATES[cell.fate]), f" {cell.other}" if cell.other else "")
    sure = "" if cell.fate in ("first_seen", "new") else f" ({100 * cell.confidence:.0f} %)"
    return (size_text(cell), ", ", *said, sure) if cell.anchor else said


def _images(all_: Findings) -> tuple[Text, list[Block]]:
    blocks: list[Block] = []
    alone = all_.aligned.moments[0].scan.shape[0] == 1 and (_trusted(all_) or all_.draft.accepted)
    if all_.found.visits:
        blocks += key_images(all_.aligned, all_.found, all_.lesions, all_.hidden)
    elif alone:
        blocks += whole_pictures(all_.aligned, all_.hidden)
    pairs = zip(all_.aligned.scans, all_.aligned.moments, strict=True)
    left_out = ", ".join(moment.label for scan, moment in pairs if scan in all_.hidden)
    if left_out and (all_.found.visits or alone):
        blocks.append(Sentence(_m(LEFT_OUT, visits=left_out), Tone.WARNING))
    return _m(N_("Key images, the same place and window at each visit")), blocks


def _trusted(all_: Findings) -> bool:
    return all(one.trust.trusted for one in all_.aligned.alignments)


def _criteria(all_: Findings) -> tuple[Text, list[Block]]:
    told = all_.opinions
    head = (N_("Criterion"), N_("Category"), N_("Agrees"), N_("Sum"), N_("Next"), N_("Why"))
    agree: dict[bool | None, Text] = {True: _m(N_("yes")), False: _m(N_("⚠ disagrees")), None: "–"}
    body: tuple[tuple[Text, ...], ...] = tuple(
        (
            _m(one.title),
            one.category or _m(N_("not applicable")),
            _m(N_("another scale")) if one.other_scale else agree[one.agrees],
            *_reached(one),
            _why(one),
        )
        for one in told
    )
    flagged = tuple(number for number, one in enumerate(told) if one.agrees is False)
    table = Table(tuple(map(_m, head)), body, flagged, (1.7, 1.35, 0.9, 1.2, 1.35, 4.2))
    note = N_("Criteria made for another disease or measure may disagree for good reason; only one of them was chosen.")
    return _m(N_("All criteria side by side")), [table, Sentence(_m(note))] if body else []


def _reached(one: Opinion) -> tuple[str, str]:
    """The sum, and the nearest other category with its distance."""
    if one.response is None:
        return "–", "–"
    last, unit = one.response.timepoints[-1], one.response.unit
    nearest = min(last.thresholds, key=lambda limit: abs(limit.distance), default=None)
    following = "–" if nearest is None else f"{nearest.category} {nearest.distance:+.1f} {unit}"
    return _amount(last.sum, unit), following


def _why(one: Opinion) -> Text:
    """The rule that fired, and what the criterion lacks."""
    lacks = one.response.timepoints[-1].missing if one.response else ()
    return (one.reason, *(part for text in lacks if text != one.reason for part in (" ", text)))


def _notes(all_: Findings) -> tuple[Text, list[Block]]:
    response = all_.found.response
    items: list[Text] = []
    for one in (*all_.doubts, *all_.found.issues, *(response.issues if response else ())):
        said = (one.message, " ", one.hint)
        items += [said] if said not in items else []
    open_ones = [row.id for row in all_.lesions if row.anchor not in all_.draft.confirmed]
    if open_ones:
        items.append(_m(N_("Not confirmed by a reader: {lesions}."), lesions=", ".join(open_ones)))
    if response is not None:
        items += [(_m(N_("To be confirmed against the paper")), ": ", one) for one in response.to_confirm]
    return _m(N_("To keep in mind")), [Points(tuple(items))] if items else []


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %"


def _amount(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.1f} {unit}"


def _volume(ml: float | None, voxels: int) -> Text:
    return _m(N_("{count} voxels"), count=voxels) if ml is None else f"{ml:.3g} ml"
