"""The report of a comparison: HTML in the reader's language with key images, and CSV; nothing in it names a person."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

import medcore
from medcore.comparison.compare import Compared
from medcore.errors import N_, Message
from medcore.exports.response_report import KeyImage, Report, Table, report_html
from medcore.records import Response, Timepoint
from medcore.volume import Geometry, Volume
from medcore.workbench.assess import Certainty
from medcore.workbench.comparison_answer import Cell, Row, rows
from medcore.workbench.comparison_draft import Draft
from medcore.workbench.comparisons import Aligned
from medcore.workbench.history_table import write_history

HALF_MM = 45.0  # of the side of a key image
HALF_SHARE = 0.2  # of the longer side of a radiograph or a picture
MOST_IMAGES = 6  # lesions; targets come first
Translate = Callable[[str], str]


def history_csv(timepoints: Sequence[Timepoint]) -> bytes:
    """The history as a table that `assess` and the page read back; with the mark that spreadsheets look for."""
    return write_history(timepoints).encode("utf-8-sig")


def comparison_html(
    aligned: Aligned,
    found: Compared,
    draft: Draft,
    sure: Certainty | None,
    *,
    language: str,
    translate: Translate,
) -> str:
    """The report of a comparison that has a response.

    Args:
        language: Of the report, "en" or "zh_CN".
        translate: Gettext function of that language.
    """
    response = found.response
    assert response is not None, "a page offers a report of a response only"

    def say(text: str, **values: str | int | float) -> str:
        return Message(text, values).text(translate)

    last = response.timepoints[-1]
    lesions = rows(aligned, found)
    return report_html(
        Report(
            language=language.replace("_", "-"),
            title=say(N_("Comparison before and after treatment")),
            answer=f"{translate(response.title)}: {last.overall}",
            reasons=_reasons(response, sure, translate),
            visits=_visits(response, translate),
            lesions=_lesions(lesions, found, draft, translate),
            images=_images(aligned, found, lesions, say),
            notes=_notes(response, found, draft, lesions, translate),
            provenance=_provenance(aligned, draft, response, say),
        ),
        translate,
    )


def key_image(aligned: Aligned, found: Compared, number: int, place: tuple[float, float, float]) -> KeyImage:
    """One place of the baseline at one visit, on the baseline's grid and in its window.

    Args:
        place: LPS mm of the baseline.
    """
    first = aligned.moments[0].scan
    onto, shape = _patch(first, place)
    moment, mask = aligned.moments[number], found.visits[number].mask
    if number == 0:
        start = np.rint(first.geometry.to_index(onto.affine[:3, 3])).astype(int)
        box = tuple(slice(at, at + size) for at, size in zip(start.tolist(), shape, strict=True))
        grey, labels = first.voxels[box][0], mask.labels[box][0]
    else:
        alignment = aligned.alignments[number - 1]
        grey = alignment.carried(moment.scan, onto, shape)[0]
        labels = alignment.carried_mask(mask, onto, shape).labels[0]
    _, row, column = first.geometry.steps
    return KeyImage(_windowed(grey, first, moment.scan), _border(labels > 0), row / column, moment.label)


def _border(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a region that have a neighbour outside it."""
    wide = np.pad(inside, 1)
    core = wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    return np.asarray(inside & ~core)


def _patch(scan: Volume, place: tuple[float, float, float]) -> tuple[Geometry, tuple[int, int, int]]:
    """The grid of one slice around a place, within the scan."""
    s, r, c = np.rint(scan.geometry.to_index(np.array(place))).astype(int).tolist()
    slices, height, width = scan.shape
    _, row, column = scan.geometry.steps
    half = HALF_MM if slices > 1 else HALF_SHARE * max(height * row, width * column)
    top, left = max(0, r - round(half / row)), max(0, c - round(half / column))
    bottom, right = min(height, r + round(half / row) + 1), min(width, c + round(half / column) + 1)
    affine = scan.geometry.affine.copy()
    affine[:3, 3] = scan.geometry.to_lps(np.array([min(max(s, 0), slices - 1), top, left], dtype=float))
    return replace(scan.geometry, affine=affine), (1, max(bottom - top, 1), max(right - left, 1))


def _windowed(grey: NDArray[np.generic], first: Volume, scan: Volume) -> NDArray[np.float32]:
    """0..1 in the window of the baseline; where grey values mean nothing, in a window of each scan's own."""
    values = np.asarray(grey, dtype=np.float32)
    if values.ndim == 3:
        values = values.mean(axis=2)
    if first.window is not None and first.unit is scan.unit and first.unit.value in ("HU", "SUV"):
        low, high = first.window.low, first.window.high
    else:
        low, high = np.percentile(scan.voxels[scan.shape[0] // 2], (0.5, 99.5))
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-6), 0, 1), dtype=np.float32)


def _images(
    aligned: Aligned, found: Compared, lesions: Sequence[Row], say: Callable[..., str]
) -> dict[str, tuple[KeyImage, ...]]:
    wanted = sorted((row for row in lesions if row.place is not None), key=lambda row: row.role.value != "target")
    images = {}
    for row in wanted[:MOST_IMAGES]:
        assert row.place is not None, "filtered above"
        shown = [key_image(aligned, found, number, row.place) for number in range(len(aligned.moments))]
        sizes = [_size(cell) for cell in row.cells]
        images[say(N_("Lesion {id}"), id=row.id)] = tuple(
            replace(one, caption=f"{one.caption} · {size}") for one, size in zip(shown, sizes, strict=True)
        )
    return images


def _reasons(response: Response, sure: Certainty | None, translate: Translate) -> list[str]:
    last = response.timepoints[-1]
    found = [last.reason.text(translate), *(one.text(translate) for one in (*last.missing, *last.notes))]
    found += [
        Message(
            N_("{category} begins at {at} {unit}: {distance} {unit} from here."),
            {
                "category": one.category,
                "at": f"{one.at:.1f}",
                "distance": f"{one.distance:+.1f}",
                "unit": response.unit,
            },
        ).text(translate)
        for one in last.thresholds
    ]
    if sure is not None:
        chances = sure.chances[-1].chances
        found.append(", ".join(f"P({name}) {100 * share:.0f} %" for name, share in chances.items()))
    return found


def _visits(response: Response, translate: Translate) -> Table:
    head = [N_("Visit"), N_("Sum"), N_("from baseline"), N_("from nadir"), N_("Category"), N_("Why")]
    body = [
        (
            row.timepoint,
            "–" if row.sum is None else f"{row.sum:.1f} {response.unit}",
            _percent(row.change_from_baseline_percent),
            _percent(row.change_from_nadir_percent),
            row.overall,
            row.reason.text(translate),
        )
        for row in response.timepoints
    ]
    return Table([translate(one) for one in head], body)


def _lesions(lesions: Sequence[Row], found: Compared, draft: Draft, translate: Translate) -> Table:
    roles = {"target": N_("target"), "nontarget": N_("non-target"), "new": N_("new")}
    head = [translate(one) for one in (N_("Lesion"), N_("Role"), N_("Organ"), N_("Confirmed"))]
    body = [
        (
            row.id,
            translate(roles[row.role.value]),
            translate(N_("lymph node")) if row.node else row.organ,
            "✓" if row.anchor in draft.confirmed else "",
            *(_cell(cell, translate) for cell in row.cells),
        )
        for row in lesions
    ]
    return Table([*head, *(visit.label for visit in found.timepoints)], body)


def _cell(cell: Cell, translate: Translate) -> str:
    fates = {
        "first_seen": N_("first seen"), "followed": N_("followed"), "new": N_("new"), "gone": N_("gone"),
        "outside": N_("outside the scan"), "merged": N_("merged"), "split_off": N_("split off"),
    }  # fmt: skip
    if cell.fate not in fates:
        return ""
    said = translate(fates[cell.fate]) + (f" {cell.other}" if cell.other else "")
    sure = "" if cell.fate in ("first_seen", "new") else f" ({100 * cell.confidence:.0f} %)"
    return f"{_size(cell)}, {said}{sure}" if cell.anchor else said


def _size(cell: Cell) -> str:
    if not cell.anchor:
        return "–"
    if cell.longest_mm is None or cell.short_axis_mm is None:
        return f"{cell.voxels} voxels"
    volume = "" if cell.volume_ml is None else f", {cell.volume_ml:.3g} ml"
    return f"{cell.longest_mm:.1f} × {cell.short_axis_mm:.1f} mm{volume}"


def _notes(
    response: Response, found: Compared, draft: Draft, lesions: Sequence[Row], translate: Translate
) -> list[str]:
    issues = [f"{one.message.text(translate)} {one.hint.text(translate)}" for one in (*found.issues, *response.issues)]
    open_ones = [row.id for row in lesions if row.anchor not in draft.confirmed]
    if open_ones:
        text = N_("Not confirmed by a reader: {lesions}.")
        issues.append(Message(text, {"lesions": ", ".join(open_ones)}).text(translate))
    to_confirm = Message(N_("To be confirmed against the paper")).text(translate)
    return [*issues, *(f"{to_confirm}: {one.text(translate)}" for one in response.to_confirm)]


def _provenance(aligned: Aligned, draft: Draft, response: Response, say: Callable[..., str]) -> dict[str, str]:
    facts = {
        say(N_("Criterion")): f"{response.criterion} {dict(draft.options) or ''}".strip(),
        say(N_("Source")): response.source,
        say(N_("Reader SD, mm")): f"{draft.reader_sd_mm:g}",
        say(N_("Confirmed lesions")): str(len(draft.confirmed)),
        say(N_("Alignment in doubt was accepted by the reader")): say(N_("yes")) if draft.accepted else say(N_("no")),
    }
    for moment in aligned.moments:
        facts[f"{moment.label}: " + say(N_("Scan SHA-256"))] = moment.scan.sha256
    for moment, one in zip(aligned.moments[1:], aligned.alignments, strict=True):
        trust = one.trust
        facts[f"{moment.label}: " + say(N_("Alignment"))] = (
            f"{one.motion.value}, {one.method.value}, r {trust.similarity:.2f}, {100 * trust.overlap:.0f} %, "
            f"{trust.inverse_mm:.2f} mm"
        )
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "SimpleITK"))
    facts[say(N_("Software"))] = f"medcore {medcore.__version__}, Python {sys.version.split()[0]}, {libraries}"
    return facts


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %"
