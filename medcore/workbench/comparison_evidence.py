"""Sections of a comparison's report that say how far it can be trusted: certainty, alignment, proof, provenance."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import version

import medcore
from medcore.comparison.uncertainty import Error, Interval
from medcore.errors import N_, Message, Value
from medcore.exports.report_document import Block, Facts, Points, Sentence, Table, Text, Tone
from medcore.imaging.registration.alignment import Trust
from medcore.volume import Volume
from medcore.workbench import proof_words
from medcore.workbench.alignment_words import back_and_forth, length_unit
from medcore.workbench.comparison_answer import intervals
from medcore.workbench.comparison_findings import Findings

METHODS = {
    "given": N_("the very same scan"),
    "same_contrast": N_("by grey values"),
    "mutual_information": N_("by mutual information, for different contrast"),
}
MOTIONS = {
    "rigid": N_("turn and shift"), "similarity": N_("turn, shift and one scale"), "affine": N_("also stretch"),
    "deformable": N_("also bend"),
}  # fmt: skip
TYPICAL_MM = 20.0  # of a lesion whose error is told as an example; a shorter one is a little less sure
LIBRARIES = ("numpy", "scipy", "SimpleITK", "opencv-python-headless")


def certainty(all_: Findings) -> tuple[Text, list[Block]]:
    """The chance of each category, what would flip the answer, the error of a diameter."""
    response, sure = all_.found.response, all_.sure
    title = _message(N_("How sure this is"))
    if sure is None or response is None:
        return title, []
    interval = ("95 % – ", _message(N_("Sum")), f" ({response.unit})")
    head = (_message(N_("Visit")), _message(N_("Category")), _message(N_("Chances")), interval)
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
        if one.larger_mm is not None or one.smaller_mm is not None
    )
    if sure.flips and not turns:
        blocks.append(Sentence(_message(N_("No change of a single lesion alone would change the answer."))))
    if turns:
        heads = (N_("Lesion"), N_("So much longer changes the answer"), N_("So much shorter changes the answer"))
        blocks.append(Table(tuple(map(_message, heads)), turns, wide=(1.0, 2.0, 2.0)))
    return title, [*blocks, *_intervals(all_), *_errors(all_)]


def _intervals(all_: Findings) -> Iterator[Block]:
    """The longest diameter of each lesion at each visit, and where the true one lies in 95 of 100 cases."""
    history, reader = all_.found.timepoints, all_.draft.reader_sd_mm
    body = []
    for row in all_.lesions:
        cells = [intervals(history, number, row.id, reader).get("longest_mm") for number in range(len(history))]
        if any(cells):
            body.append((row.id, *("–" if one is None else _between(one) for one in cells)))
    if body:
        head: tuple[Text, ...] = (_message(N_("Longest diameter in mm (95 %)")), *(visit.label for visit in history))
        yield Table(head, tuple(body))


def _between(one: Interval) -> str:
    return f"{one.value:.1f} ({one.low:.1f} – {one.high:.1f})"


def _errors(all_: Findings) -> Iterator[Block]:
    """The standard deviation of a diameter at each visit, from the reader and from the size of a voxel."""
    text = N_(
        "Standard deviation of a diameter of {length} mm: {sd} mm (reader {reader} mm, pixels of {pixel} mm, slices of "
        "{slice} mm)"
    )
    items = []
    for moment, visit in zip(all_.aligned.moments, all_.found.visits, strict=True):
        if visit.sized:
            between, row, column = moment.scan.geometry.steps
            pixel, reader = max(row, column), all_.draft.reader_sd_mm
            slices = between if moment.scan.shape[0] > 1 else 0.0
            sd = Error(reader, pixel, slices).length_sd_mm(TYPICAL_MM)
            said = _message(
                text, length=f"{TYPICAL_MM:g}", sd=f"{sd:.2f}", reader=f"{reader:g}", pixel=f"{pixel:.2f}",
                slice=f"{between:.2f}",
            )  # fmt: skip
            items.append((moment.label, ": ", said))
    varied = N_("{lesion}: the model's varied passes add {sd} mm to the standard deviation of a diameter")
    for moment, read in zip(all_.aligned.moments, all_.found.timepoints, strict=True):
        for one in read.lesions:
            if one.outline_sd_mm:
                items.append((moment.label, ": ", _message(varied, lesion=one.id, sd=f"{one.outline_sd_mm:.2f}")))
    if items:
        yield Points(tuple(items))


def alignment(all_: Findings) -> tuple[Text, list[Block]]:
    """How each later study was laid onto the baseline, and whether that can be believed."""
    head = (
        N_("Visit"), N_("Found"), N_("How scans may move"), N_("Similarity"), N_("Overlap"), N_("Back and forth"),
        N_("Loss of similarity a small step away"), N_("Landmarks"), N_("Verdict"),
    )  # fmt: skip
    body, doubts = [], []
    for moment, one in zip(all_.aligned.moments[1:], all_.aligned.alignments, strict=True):
        trust = one.trust
        body.append(
            (
                moment.label,
                _message(METHODS.get(one.method.value, one.method.value)),
                _message(MOTIONS[one.motion.value]),
                f"{trust.similarity:.2f}",
                f"{100 * trust.overlap:.0f} %",
                back_and_forth(trust, all_.aligned.moments[0].scan),
                f"{100 * trust.sharpness:.0f} %",
                _landmarks(trust, all_.aligned.moments[0].scan),
                _message(N_("trusted")) if trust.trusted else _message(N_("in doubt")),
            )
        )
        doubts += [(moment.label, ": ", doubt) for doubt in trust.doubts]
    wide = (1.6, 1.7, 1.3, 1.2, 1.0, 1.1, 1.5, 1.3, 1.1)
    blocks: list[Block] = [Table(tuple(map(_message, head)), tuple(body), wide=wide)]
    if doubts:
        blocks.append(Points(tuple(doubts)))
        taken = N_("A reader looked at the alignment in doubt and took it.")
        refused = N_("No reader has taken the alignment in doubt.")
        blocks.append(Sentence(_message(taken if all_.draft.accepted else refused), Tone.WARNING))
    return _message(N_("Alignment")), blocks


def _landmarks(trust: Trust, baseline: Volume) -> Text:
    """How far the reader's own places are apart on average, and how many they are."""
    if trust.landmark_mm is None:
        return "–"
    unit = "mm" if length_unit(baseline) == "mm" else "px"
    return f"{trust.landmark_mm:.1f} {unit} ({len(trust.landmarks)})"


def proof(all_: Findings) -> tuple[Text, list[Block]]:
    """What the pipeline found of a change that was put in, if that was tried."""
    proof, title = all_.proof, _message(N_("Proof on this patient"))
    if proof is None:
        text = N_("Not run: no known change was put into the baseline to be found again.")
        return title, [Sentence(_message(text))] if all_.found.visits else []
    baseline = all_.aligned.moments[0].scan
    known = Sentence(_message(proof_words.KNOWN))
    return title, [Facts(proof_words.facts(proof, baseline)), Sentence(proof_words.limits(proof, baseline)), known]


def models(all_: Findings) -> tuple[Text, list[Block]]:
    """What models said of each study."""
    labels = [moment.label for moment in all_.aligned.moments]
    head: tuple[Text, ...] = (_message(N_("Model")), _message(N_("Label")), *labels)
    body: tuple[tuple[Text, ...], ...] = tuple(
        (
            f"{one.model} {one.model_version}",
            one.label,
            *("–" if score is None else f"{100 * score.probability:.0f} %" for score in one.scores),
        )
        for one in all_.probabilities
    )
    note = N_("A probability is how sure the model is, not how much of the lung is affected.")
    return _message(N_("What the model said of each study")), [
        Table(head, body),
        Sentence(_message(note)),
    ] if body else []


def made(all_: Findings) -> tuple[Text, list[Block]]:
    """Criterion, hashes of the scans, masks and models, versions of the software."""
    draft, response = all_.draft, all_.found.response
    pairs: list[tuple[Text, Text]] = []
    if response is not None:
        chosen = "".join(f", {name} = {value}" for name, value in draft.options.items())
        pairs += [(_message(N_("Criterion")), response.criterion + chosen), (_message(N_("Source")), response.source)]
    confirmed = sum(row.anchor in draft.confirmed for row in all_.lesions)
    known = Message(N_("{count} of {all}"), {"count": confirmed, "all": len(all_.lesions)})
    pairs += [(_message(N_("Reader SD, mm")), f"{draft.reader_sd_mm:g}"), (_message(N_("Confirmed lesions")), known)]
    for moment in all_.aligned.moments:
        pairs.append(((moment.label, ": ", _message(N_("Scan SHA-256"))), moment.scan.sha256 or "–"))
    for one in all_.sources:
        label = all_.aligned.moments[one.visit].label
        pairs.append(((label, ": ", _message(N_("Lesions from"))), (one.what, " ", one.key)))
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    software = f"medcore {medcore.__version__}, Python {sys.version.split()[0]}, {libraries}"
    pairs.append((_message(N_("Software")), software))
    return _message(N_("How this was made")), [Facts(tuple(pairs))]


def _message(text: str, **values: Value) -> Message:
    return Message(text, values)
