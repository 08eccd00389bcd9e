"""The report of a comparison as a document: response with its rule, lesions, key images, certainty, provenance."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import medcore
from medcore.comparison.certainty import length_sd_mm
from medcore.comparison.compare import Compared
from medcore.comparison.proof import Proof
from medcore.errors import N_, Message, Value
from medcore.exports.report_document import (
    Block,
    Document,
    Facts,
    Points,
    Section,
    Sentence,
    Table,
    Text,
    Tone,
)
from medcore.records import Issue, Response, TimepointResponse
from medcore.workbench.assess import Certainty
from medcore.workbench.comparison_answer import Cell, Opinion, Row, opinions, rows
from medcore.workbench.comparison_draft import Draft
from medcore.workbench.comparison_pictures import key_images, size_text
from medcore.workbench.comparison_probabilities import ProbabilityChange
from medcore.workbench.comparisons import Aligned

TITLE = N_("Comparison before and after treatment")
ROLES = {"target": N_("target"), "nontarget": N_("non-target"), "new": N_("new")}
FATES = {
    "not_yet": "", "first_seen": N_("first seen"), "followed": N_("followed"), "new": N_("new"), "gone": N_("gone"),
    "outside": N_("outside the scan"), "merged": N_("merged"), "split_off": N_("split off"),
}  # fmt: skip
METHODS = {
    "given": N_("the very same scan"),
    "same_contrast": N_("by grey values"),
    "mutual_information": N_("by mutual information, for different contrast"),
}
MOTIONS = {
    "rigid": N_("turn and shift"), "similarity": N_("turn, shift and one scale"), "affine": N_("also stretch"),
    "deformable": N_("also bend"),
}  # fmt: skip
LIBRARIES = ("numpy", "scipy", "SimpleITK", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the lesions of a visit come from: a stored mask, or a model. Names that people typed stay out of it."""

    visit: int
    what: Text
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """All that a report is made of.

    Args:
        sure: The chances; None where they cannot be told.
        proof: What the pipeline found of a known change, if that was tried.
        probabilities: What models said of the studies.
        sources: Where the lesions come from.
        doubts: What spoke against comparing these studies.
        hidden: Ids of scans whose pictures may show a name and must stay out.
    """

    aligned: Aligned
    found: Compared
    draft: Draft
    sure: Certainty | None = None
    proof: Proof | None = None
    probabilities: tuple[ProbabilityChange, ...] = ()
    sources: tuple[Source, ...] = ()
    doubts: tuple[Issue, ...] = ()
    hidden: frozenset[str] = frozenset()

    @property
    def lesions(self) -> tuple[Row, ...]:
        """All lesions over all visits; none where a study has no mask."""
        return rows(self.aligned, self.found)

    @property
    def opinions(self) -> tuple[Opinion, ...]:
        """What every criterion says."""
        return opinions(self.found.timepoints, self.found.response) if self.found.response else ()


def comparison_document(all_: Findings) -> Document:
    """The report; what is not known has no section."""
    parts = (
        _response, _visits, _lesions, _images, _certainty, _criteria, _alignment, _proof, _models, _notes, _made,
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
    pairs = [
        (label, (_ml(amount), "" if number == 0 or change is None else f" ({change:+.1f} %)"))
        for number, (label, amount, change) in enumerate(zip(labels, amounts, changes, strict=True))
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
    wide = (2.2, 1.6, 1.6, 1.6, 1.3, 1.3, 1.2, 1.2, 0.9, 1.2)
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
    wide = (1.0, 1.4, 1.4, 1.2, *(3.2 for _ in labels))
    return _m(N_("Lesions")), [Table(head, body, wide=wide)] if body else []


def _cell(cell: Cell) -> Text:
    if not FATES[cell.fate]:
        return ""
    said: tuple[Text, ...] = (_m(FATES[cell.fate]), f" {cell.other}" if cell.other else "")
    sure = "" if cell.fate in ("first_seen", "new") else f" ({100 * cell.confidence:.0f} %)"
    return (size_text(cell), ", ", *said, sure) if cell.anchor else said


def _images(all_: Findings) -> tuple[Text, list[Block]]:
    blocks: list[Block] = []
    if all_.found.visits:
        blocks += key_images(all_.aligned, all_.found, all_.lesions, all_.hidden)
    if all_.hidden:
        text = N_("Pictures of {count} studies are left out: they may show a name, and nobody has released them.")
        blocks.append(Sentence(_m(text, count=len(all_.hidden & set(all_.aligned.scans))), Tone.WARNING))
    return _m(N_("Key images, the same place and window at each visit")), blocks


def _certainty(all_: Findings) -> tuple[Text, list[Block]]:
    response, sure = all_.found.response, all_.sure
    title = _m(N_("How sure this is"))
    if sure is None or response is None:
        return title, []
    interval = ("95 % – ", _m(N_("Sum")), f" ({response.unit})")
    head = (_m(N_("Visit")), _m(N_("Category")), _m(N_("Chances")), interval)
    body = tuple(
        (
            one.timepoint,
            one.reported,
            ", ".join(f"P({name}) {100 * share:.0f} %" for name, share in one.chances.items()),
            "–" if one.sum_low is None or one.sum_high is None else f"{one.sum_low:.1f} – {one.sum_high:.1f}",
        )
        for one in sure.chances
    )
    blocks: list[Block] = [Table(head, body, wide=(1.6, 1.0, 3.0, 1.6))]
    turns: tuple[tuple[Text, ...], ...] = tuple(
        (
            one.lesion,
            "–" if one.larger_mm is None else f"+{one.larger_mm:.1f} mm → {one.larger}",
            "–" if one.smaller_mm is None else f"−{one.smaller_mm:.1f} mm → {one.smaller}",
        )
        for one in sure.flips
    )
    if turns:
        heads = (N_("Lesion"), N_("So much longer changes the answer"), N_("So much shorter changes the answer"))
        blocks.append(Table(tuple(map(_m, heads)), turns, wide=(1.0, 2.0, 2.0)))
    return title, [*blocks, *_errors(all_)]


def _errors(all_: Findings) -> Iterator[Block]:
    """The standard deviation of a diameter at each visit, from the reader and from the size of a voxel."""
    text = N_(
        "Standard deviation of a diameter: {sd} mm (reader {reader} mm, pixels of {pixel} mm, slices of {slice} mm)"
    )
    items = []
    for moment, visit in zip(all_.aligned.moments, all_.found.visits, strict=True):
        if visit.sized:
            between, row, column = moment.scan.geometry.steps
            pixel, reader = max(row, column), all_.draft.reader_sd_mm
            sd = length_sd_mm(pixel, reader_sd_mm=reader)
            said = _m(text, sd=f"{sd:.2f}", reader=f"{reader:g}", pixel=f"{pixel:.2f}", slice=f"{between:.2f}")
            items.append((moment.label, ": ", said))
    if items:
        yield Points(tuple(items))


def _criteria(all_: Findings) -> tuple[Text, list[Block]]:
    told = all_.opinions
    head = (N_("Criterion"), N_("Category"), N_("Agrees"), N_("Why"))
    agree: dict[bool | None, Text] = {True: _m(N_("yes")), False: _m(N_("⚠ disagrees")), None: "–"}
    body: tuple[tuple[Text, ...], ...] = tuple(
        (_m(one.title), one.category or _m(N_("not applicable")), agree[one.agrees], one.reason) for one in told
    )
    flagged = tuple(number for number, one in enumerate(told) if one.agrees is False)
    table = Table(tuple(map(_m, head)), body, flagged, (1.8, 1.0, 1.0, 4.6))
    note = N_("Criteria made for another disease or measure may disagree for good reason; only one of them was chosen.")
    return _m(N_("All criteria side by side")), [table, Sentence(_m(note))] if body else []


def _alignment(all_: Findings) -> tuple[Text, list[Block]]:
    head = (
        N_("Visit"), N_("Found"), N_("How scans may move"), N_("Similarity"), N_("Overlap"), N_("Back and forth"),
        N_("Loss of similarity 5 mm away"), N_("Verdict"),
    )  # fmt: skip
    body, doubts = [], []
    for moment, one in zip(all_.aligned.moments[1:], all_.aligned.alignments, strict=True):
        trust = one.trust
        body.append(
            (
                moment.label,
                _m(METHODS.get(one.method.value, one.method.value)),
                _m(MOTIONS[one.motion.value]),
                f"{trust.similarity:.2f}",
                f"{100 * trust.overlap:.0f} %",
                f"{trust.inverse_mm:.2f} mm",
                f"{100 * trust.sharpness:.0f} %",
                _m(N_("trusted")) if trust.trusted else _m(N_("in doubt")),
            )
        )
        doubts += [(moment.label, ": ", doubt) for doubt in trust.doubts]
    wide = (1.6, 1.8, 1.4, 1.1, 1.0, 1.2, 1.4, 1.1)
    blocks: list[Block] = [Table(tuple(map(_m, head)), tuple(body), wide=wide)]
    if doubts:
        blocks.append(Points(tuple(doubts)))
        taken = N_("A reader looked at the alignment in doubt and took it.")
        refused = N_("No reader has taken the alignment in doubt.")
        blocks.append(Sentence(_m(taken if all_.draft.accepted else refused), Tone.WARNING))
    return _m(N_("Alignment")), blocks


def _proof(all_: Findings) -> tuple[Text, list[Block]]:
    proof, title = all_.proof, _m(N_("Proof on this patient"))
    if proof is None:
        text = N_("Not run: no known change was put into the baseline to be found again.")
        return title, [Sentence(_m(text))] if all_.found.visits else []
    found = "–" if proof.found_longest_mm is None else f"{proof.found_longest_mm:+.1f} mm"
    pairs: tuple[tuple[Text, Text], ...] = (
        (_m(N_("Volume put in")), f"{proof.injected_percent:+.1f} %"),
        (_m(N_("Volume found")), f"{proof.found_percent:+.1f} %"),
        (_m(N_("Longest diameter put in")), f"{proof.injected_longest_mm:+.1f} mm"),
        (_m(N_("Longest diameter found")), found),
        (_m(N_("Found where nothing changed")), f"{proof.null_percent:+.1f} %"),
        (_m(N_("Alignment trusted")), _m(N_("yes")) if proof.aligned else _m(N_("no"))),
    )
    return title, [Facts(pairs)]


def _models(all_: Findings) -> tuple[Text, list[Block]]:
    labels = [moment.label for moment in all_.aligned.moments]
    head: tuple[Text, ...] = (_m(N_("Model")), _m(N_("Label")), *labels)
    body: tuple[tuple[Text, ...], ...] = tuple(
        (
            f"{one.model} {one.model_version}",
            one.label,
            *("–" if score is None else f"{100 * score.probability:.0f} %" for score in one.scores),
        )
        for one in all_.probabilities
    )
    note = N_("A probability is how sure the model is, not how much of the lung is affected.")
    return _m(N_("What the model said of each study")), [Table(head, body), Sentence(_m(note))] if body else []


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


def _made(all_: Findings) -> tuple[Text, list[Block]]:
    draft, response = all_.draft, all_.found.response
    pairs: list[tuple[Text, Text]] = []
    if response is not None:
        chosen = "".join(f", {name} = {value}" for name, value in draft.options.items())
        pairs += [(_m(N_("Criterion")), response.criterion + chosen), (_m(N_("Source")), response.source)]
    confirmed = sum(row.anchor in draft.confirmed for row in all_.lesions)
    known = Message(N_("{count} of {all}"), {"count": confirmed, "all": len(all_.lesions)})
    pairs += [(_m(N_("Reader SD, mm")), f"{draft.reader_sd_mm:g}"), (_m(N_("Confirmed lesions")), known)]
    for moment in all_.aligned.moments:
        pairs.append(((moment.label, ": ", _m(N_("Scan SHA-256"))), moment.scan.sha256 or "–"))
    for one in all_.sources:
        label = all_.aligned.moments[one.visit].label
        pairs.append(((label, ": ", _m(N_("Lesions from"))), (one.what, " ", one.key)))
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    software = f"medcore {medcore.__version__}, Python {sys.version.split()[0]}, {libraries}"
    pairs.append((_m(N_("Software")), software))
    return _m(N_("How this was made")), [Facts(tuple(pairs))]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %"


def _amount(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.1f} {unit}"


def _ml(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g} ml"
