"""Everything of a comparison as tables for other programs: one CSV for each kind of fact, numbers unrounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from medcore.comparison.uncertainty import error_at, error_of
from medcore.comparison.whole_image import Burden
from medcore.exports.report_document import Facts, Wording
from medcore.imaging.change_map import GAINED, KEPT, LOST
from medcore.records import Response, Timepoint
from medcore.store.readings import Signed
from medcore.workbench import comparison_evidence as evidence
from medcore.workbench.alignment_words import length_unit, residual
from medcore.workbench.comparison_answer import intervals
from medcore.workbench.comparison_diff import Change
from medcore.workbench.comparison_findings import Findings
from medcore.workbench.comparison_models import RadiographSeries
from medcore.workbench.comparison_whole import burdens
from medcore.workbench.history_table import write_history

Cells = Sequence[object]
WITH_MARK = "utf-8-sig"  # the mark that spreadsheets look for


def history_csv(timepoints: Sequence[Timepoint]) -> bytes:
    """The history as a table that `assess` and the page read back; with the mark that spreadsheets look for."""
    return write_history(timepoints).encode(WITH_MARK)


def comparison_tables(all_: Findings) -> Mapping[str, str]:
    """Name of a file to its CSV; `lesions.csv` is what the verb `assess` reads."""
    tables = {
        "lesions.csv": write_history(all_.found.timepoints) if all_.found.timepoints else "",
        "measurements.csv": _written(MEASUREMENTS, _measurements(all_)),
        "response.csv": _written(RESPONSE, _responses(all_)),
        "chances.csv": _written(CHANCES, _chances(all_)),
        "flips.csv": _written(FLIPS, _flips(all_)),
        "volumes.csv": _written(VOLUMES, _volumes(all_)),
        "alignment.csv": _written(ALIGNMENT, _alignments(all_)),
        "proof.csv": _written(PROOF, _proof(all_)),
        "probabilities.csv": _written(PROBABILITIES, _probabilities(all_)),
        "scans.csv": _written(SCANS, _scans(all_)),
        "whole_image.csv": _written(WHOLE, _whole(all_)),
        "change_map.csv": _written(CHANGE_MAP, _change_map(all_)),
        "provenance.csv": _written(PROVENANCE, _provenance(all_)),
    }
    return {name: text for name, text in tables.items() if text}


def signed_tables(signatures: Sequence[Signed], changes: Sequence[Change]) -> Mapping[str, str]:
    """Who signed which version when, and what the newest of them changed. A day of signing is no day of the patient's:
    it is written without hyphens, so that moving the patient's dates leaves it as it is."""
    rows = [(one.version, one.signed_by, f"{one.signed_at:%Y%m%dT%H%M%SZ}", one.sha256) for one in signatures]
    say = Wording("en", str).say
    changed = [(say(one.where), say(one.what), say(one.before), say(one.after)) for one in changes]
    tables = {
        "signatures.csv": _written(SIGNATURES, rows),
        "changes_since_last_version.csv": _written(CHANGED, changed),
    }
    return {name: text for name, text in tables.items() if text}


MEASUREMENTS = (
    "timepoint", "lesion", "anchor", "role", "organ", "node", "confirmed", "fate", "other", "confidence", "longest_mm",
    "short_axis_mm", "volume_ml", "length_sd_mm", "voxels", "centre_baseline_x_mm", "centre_baseline_y_mm",
    "centre_baseline_z_mm", "longest_low_mm", "longest_high_mm", "volume_low_ml", "volume_high_ml",
)  # fmt: skip
RESPONSE = (
    "criterion", "chosen", "timepoint", "date", "sum", "unit", "baseline", "nadir", "change_from_baseline_percent",
    "change_from_nadir_percent", "target", "nontarget", "new", "overall", "rule", "reason", "missing", "notes",
    "next_thresholds", "best", "best_confirmed",
)  # fmt: skip
CHANCES = ("timepoint", "reported", "category", "chance", "sum_low", "sum_high")
FLIPS = ("timepoint", "lesion", "larger_mm", "larger_category", "smaller_mm", "smaller_category")
VOLUMES = ("timepoint", "voxels", "volume_ml", "change_percent")
ALIGNMENT = (
    "timepoint", "method", "motion", "similarity", "overlap", "inverse_mm", "inverse", "inverse_unit", "sharpness",
    "trusted", "doubts", "landmarks", "landmark_mm", "accepted_by_reader",
    *(f"to_baseline_{row}{column}" for row in range(4) for column in range(4)),
)  # fmt: skip
PROOF = (
    "grown_mm", "injected_percent", "found_percent", "injected_longest_mm", "found_longest_mm", "null_percent",
    "aligned", "limit_longest_mm", "limit_percent", "limit_null_percent", "longest_recovered", "volume_recovered",
    "null_kept",
)  # fmt: skip
PROBABILITIES = ("task", "model", "version", "label", "timepoint", "probability")
WHOLE = (
    "timepoint", "lesions", "voxels", "volume_ml", "suv_max", "suv_mean", "suv_peak", "tlg", "model", "label",
    "probability", "opacity_score", "hot_share", "more_heat", "less_heat",
)  # fmt: skip
CHANGE_MAP = (
    "timepoint", "lesion", "changed_share", "threshold_z", "brighter_ml", "darker_ml", "gained_voxels", "lost_voxels",
    "kept_voxels", "tissue_percent",
)  # fmt: skip
PROVENANCE = ("what", "value")
SIGNATURES = ("version", "signed_by", "signed_at", "sha256")
CHANGED = ("where", "what", "before", "after")
SCANS = ("timepoint", "date", "modality", "sha256", "slice_mm", "row_mm", "column_mm", "sources")


def _measurements(all_: Findings) -> Iterable[Cells]:
    for row in all_.lesions:
        for number, cell in enumerate(row.cells):
            visit = all_.found.visits[number]
            reader = all_.draft.reader_sd_mm
            read = next((one for one in all_.found.timepoints[number].lesions if one.id == row.id), None)
            error = error_at(all_.found.timepoints[number], reader)
            sd = error_of(read, error).length_sd_mm(cell.longest_mm) if read is not None and cell.longest_mm else None
            sure = intervals(all_.found.timepoints, number, row.id, reader)
            ends = [
                (sure[size].low, sure[size].high) if size in sure else (None, None)
                for size in ("longest_mm", "volume_ml")
            ]
            yield (
                visit.label, row.id, row.anchor, row.role.value, row.organ, int(row.node),
                int(row.anchor in all_.draft.confirmed), cell.fate, cell.other, cell.confidence, cell.longest_mm,
                cell.short_axis_mm, cell.volume_ml, sd, cell.voxels or None, *(cell.place or (None, None, None)),
                *ends[0], *ends[1],
            )  # fmt: skip


def _responses(all_: Findings) -> Iterable[Cells]:
    chosen = all_.found.response
    for one in all_.opinions:
        if one.response is None:
            yield (one.criterion, 0, *[None] * 11, "", "", one.reason.text())
        else:
            yield from _response(one.response, chosen=chosen is not None and one.criterion == chosen.criterion)


def _response(response: Response, *, chosen: bool) -> Iterable[Cells]:
    for row in response.timepoints:
        following = "; ".join(f"{one.category} {one.at:.4g} ({one.distance:+.4g})" for one in row.thresholds)
        yield (
            response.criterion, int(chosen), row.timepoint, row.acquired_on, row.sum, response.unit, row.baseline,
            row.nadir, row.change_from_baseline_percent, row.change_from_nadir_percent, row.target, row.nontarget,
            row.new, row.overall, row.rule, row.reason.text(), "; ".join(one.text() for one in row.missing),
            "; ".join(one.text() for one in row.notes), following, response.best, response.best_confirmed,
        )  # fmt: skip


def _chances(all_: Findings) -> Iterable[Cells]:
    for one in all_.sure.chances if all_.sure else ():
        for category, share in one.chances.items():
            yield one.timepoint, one.reported, category, share, one.sum_low, one.sum_high


def _flips(all_: Findings) -> Iterable[Cells]:
    for one in all_.sure.flips if all_.sure else ():
        yield one.timepoint, one.lesion, one.larger_mm, one.larger, one.smaller_mm, one.smaller


def _volumes(all_: Findings) -> Iterable[Cells]:
    found = all_.found
    for number, change in enumerate(found.volume_change_percent):
        label = all_.aligned.moments[number].label
        yield label, found.burden_voxels[number], found.burden_ml[number], change


def _alignments(all_: Findings) -> Iterable[Cells]:
    for moment, one in zip(all_.aligned.moments[1:], all_.aligned.alignments, strict=True):
        trust = one.trust
        length, unit = residual(trust, all_.aligned.moments[0].scan)
        landmark_mm = trust.landmark_mm if length_unit(all_.aligned.moments[0].scan) == "mm" else None
        yield (
            moment.label, one.method.value, one.motion.value, trust.similarity, trust.overlap,
            length if unit == "mm" else None, length, unit, trust.sharpness, int(trust.trusted),
            "; ".join(doubt.text() for doubt in trust.doubts), len(trust.landmarks), landmark_mm,
            int(all_.draft.accepted), *one.to_fixed.ravel().tolist(),
        )  # fmt: skip


def _proof(all_: Findings) -> Iterable[Cells]:
    if all_.proof is not None:
        one = all_.proof
        yield (
            one.grown_mm, one.injected_percent, one.found_percent, one.injected_longest_mm, one.found_longest_mm,
            one.null_percent, int(one.aligned), one.limit_longest_mm, one.limit_percent, one.limit_null_percent,
            int(one.longest_recovered), int(one.volume_recovered), int(one.null_kept),
        )  # fmt: skip


def _probabilities(all_: Findings) -> Iterable[Cells]:
    for one in all_.probabilities:
        for moment, score in zip(all_.aligned.moments, one.scores, strict=True):
            value = None if score is None else score.probability
            yield one.task, one.model, one.model_version, one.label, moment.label, value


def _scans(all_: Findings) -> Iterable[Cells]:
    for number, moment in enumerate(all_.aligned.moments):
        used = "; ".join(one.key for one in all_.sources if one.visit == number)
        scan = moment.scan
        yield moment.label, scan.acquired_on, scan.modality, scan.sha256, *scan.geometry.steps, used


def _whole(all_: Findings) -> Iterable[Cells]:
    """Burden, uptake and a model's answer of each study; nothing where none of them is known."""
    amounts = burdens(all_)
    for number, moment in enumerate(all_.aligned.moments if amounts or all_.series else ()):
        burden = _burden(amounts[number], sized=all_.found.visits[number].sized) if amounts else [None] * 7
        yield moment.label, *burden, *(_answer(all_.series, number) if all_.series else [None] * 7)


def _burden(amount: Burden, *, sized: bool) -> Cells:
    uptake = amount.uptake
    sizes = (uptake.highest, uptake.mean, uptake.peak, uptake.glycolysis) if uptake else [None] * 4
    return amount.lesions, amount.voxels, amount.volume_ml if sized else None, *sizes


def _answer(series: RadiographSeries, number: int) -> Cells:
    figure, change = series.figures[number], (None, *series.changes)[number]
    score = figure.score if series.placed else None
    heat = (change.more, change.less) if change else (None, None)
    return series.model, series.label, figure.probability, score, figure.involved, *heat


def _change_map(all_: Findings) -> Iterable[Cells]:
    """Of each mapped study the whole image, then each lesion."""
    for moment, one in zip(all_.aligned.moments[1:], all_.changes, strict=False):
        if one is not None:
            true, grey = one.voxel_ml is not None, one.map
            shares = (grey.share, grey.threshold) if grey else (None, None)
            amounts = (grey.brighter_ml, grey.darker_ml) if grey and true else (None, None)
            counts = [one.masks.voxels(kind) if one.masks else None for kind in (GAINED, LOST, KEPT)]
            yield moment.label, "", *shares, *amounts, *counts, None
            for lesion in one.lesions:
                counted = (lesion.gained, lesion.lost, lesion.kept, lesion.tissue_percent)
                yield moment.label, lesion.id, *[None] * 4, *counted


def _provenance(all_: Findings) -> Iterable[Cells]:
    """How it was made, as the report says it."""
    say = Wording("en", str).say
    for block in evidence.made(all_)[1]:
        if isinstance(block, Facts):
            yield from ((say(name), say(value)) for name, value in block.pairs)


def _written(head: Sequence[str], body: Iterable[Cells]) -> str:
    """A CSV with a header; "" where there is nothing to say."""
    lines = list(body)
    if not lines:
        return ""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([["" if cell is None else cell for cell in line] for line in lines])
    return file.getvalue()
