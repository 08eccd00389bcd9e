"""The verb `compare`: studies of one patient against the first of them, with masks or a model that finds lesions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from medcore.comparison.certainty import Noise
from medcore.errors import N_, UnfitInputError
from medcore.settings import Settings
from medcore.shell import compare_parts, reports
from medcore.shell.assess import certainty_object, option_values, print_certainty, print_response, response_object
from medcore.shell.output import (
    AsJson,
    Plain,
    note,
    plain,
    print_issues,
    print_json,
    print_table,
    progress_line,
    say,
    t,
)
from medcore.shell.read import read_all, unwritable
from medcore.volume import Mask, Volume

if TYPE_CHECKING:
    from medcore.comparison.compare import Compared, Moment
    from medcore.workbench.analyse import Analysis
    from medcore.workbench.comparison_findings import More

LABEL = "T{number}"


def compare(
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help=t("A file, a folder or a zip."))],
    followups: Annotated[list[Path], typer.Argument(metavar="FOLLOWUP...", help=t("Later studies, in order."))],
    *,
    mask: Annotated[list[Path] | None, typer.Option("--mask", help=t("Lesions of a study; once for each."))] = None,
    task: Annotated[
        str, typer.Option("--task", help=t("Ask a model about each study: lesions, or a radiograph's probability."))
    ] = "",
    model: Annotated[str, typer.Option("--model", help=t("The model; the task's first when left out."))] = "",
    target: Annotated[str, typer.Option("--target", help=t("The label to explain; the most probable by itself."))] = "",
    landmarks: Annotated[
        Path | None, typer.Option("--landmarks", metavar="CSV", help=t("Places in both scans, to check the alignment."))
    ] = None,
    changes: Annotated[bool, typer.Option("--changes", help=t("Map what changed, voxel by voxel."))] = False,
    criterion: Annotated[str, typer.Option("--criterion", help=t("See the verb criteria."))] = "",
    option: Annotated[list[str] | None, typer.Option("--option", help=t("An option of it: name=value."))] = None,
    motion: Annotated[str, typer.Option("--motion", help=t("rigid, affine or deformable."))] = "rigid",
    organ: Annotated[str, typer.Option("--organ", help=t("Organ of the lesions; RECIST counts two of each."))] = "",
    reader_sd: Annotated[
        float, typer.Option("--reader-sd", min=0.0, max=50.0, help=t("Error of one diameter in mm, between readers."))
    ] = Noise().length_mm,
    accept: Annotated[bool, typer.Option("--accept-doubtful", help=t("Take an alignment that is in doubt."))] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help=t("Folder for the report, tables and aligned scans."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare studies before and after treatment."""
    from medcore.workbench.compare import compare_once  # registration takes a second to import

    settings = Settings.from_environment()
    moments = _moments([baseline, *followups], mask or [], settings)
    answers: tuple[Analysis, ...] = ()
    if task and not mask:
        with_masks, answers = compare_parts.asked(moments, task, model, target, settings)
        moments = list(with_masks)
    if landmarks is not None:
        moments = list(compare_parts.with_landmarks(moments, landmarks))
    line = progress_line()
    options = option_values(option or [])
    found = compare_once(
        moments, criterion=criterion, options=options, motion=motion, organ=organ, accept_doubtful=accept,
        progress=lambda fraction, stage: line(fraction, stage.text()),
    )  # fmt: skip
    told = compare_parts.told(
        found, moments, answers, criterion, options, accepted=accept, changes=changes, reader_sd_mm=reader_sd
    )
    files: list[Plain] | None = None
    if out is not None:
        chosen = {"criterion": criterion, "motion": motion, "organ": organ}
        files = reports.written_report(
            found, moments, chosen, options, accepted=accept, reader_sd_mm=reader_sd, told=told, out=out
        )
        files += _written_all(found, moments, told, out)
    if as_json:
        answer = compared_object(found, told, reader_sd, moments[0].scan) | compare_parts.model_warnings(answers)
        print_json(answer if files is None else {**answer, "files": files})
    else:
        _print_all(found, told, moments[0].scan, answers)


def _written_all(found: Compared, moments: list[Moment], told: More, out: Path) -> list[Plain]:
    """Aligned scans, maps of change and the series, as files beside the report."""
    files = [*_written(found, moments, out), *compare_parts.written_changes(told.changes, moments, out)]
    return files + (compare_parts.written_series(told.series, out) if told.series is not None else [])


def _print_all(found: Compared, told: More, baseline: Volume, answers: Sequence[Analysis]) -> None:
    """The comparison, the chance of each category and the series, for people."""
    _print(found, baseline)
    compare_parts.print_model_warnings(found, answers)
    if told.sure is not None:
        print_certainty(told.sure)
    if told.series is not None:
        compare_parts.print_series(told.series)


def _moments(paths: list[Path], masks: list[Path], settings: Settings) -> list[Moment]:
    """The studies as they are compared, each with its mask if there are masks."""
    given = _one_each(masks, paths)
    return [moment_of(path, given[number] if given else None, number, settings) for number, path in enumerate(paths)]


def _one_each(masks: list[Path], paths: list[Path]) -> list[Path | None]:
    """The masks, one for each study; none at all is fine."""
    if masks and len(masks) != len(paths):
        raise UnfitInputError(
            N_("There are {masks} masks for {studies} studies."),
            hint=N_("Give --mask once for each study, in the same order."),
            masks=len(masks),
            studies=len(paths),
        )
    return list(masks)


def compared_object(found: Compared, told: More, reader_sd_mm: float, baseline: Volume) -> dict[str, Plain]:
    """A comparison as JSON: see the CLI contract."""
    changes = found.volume_change_percent
    more: dict[str, Plain] = {"changes": compare_parts.changes_object(told.changes)} if told.changes else {}
    if told.series is not None:
        more["series"] = compare_parts.series_object(told.series)
    return {
        "registration": [
            {
                "affine": plain(one.to_fixed.tolist()),
                "similarity": one.trust.similarity,
                **compare_parts.residual_object(one.trust, baseline),
                "overlap": one.trust.overlap,
                "sharpness": one.trust.sharpness,
                "method": one.method.value,
                "motion": one.motion.value,
                "trusted": one.trust.trusted,
                "doubts": [plain(doubt) for doubt in one.trust.doubts],
            }
            for one in found.alignments
        ],
        "lesions": [
            {
                "id": track.id,
                "role": found.roles[track.id].value,
                "per_timepoint": [
                    _lesion(found, track.id, number, reader_sd_mm) for number in range(len(found.visits))
                ],
            }
            for track in found.tracks
        ],
        "response": None
        if found.response is None
        else {**response_object(found.response), **certainty_object(told.sure)},
        "reader_sd_mm": reader_sd_mm,
        "volume_ml": list(found.burden_ml),
        "volume_change_percent": changes[-1] if changes else None,
        "volume_change_percent_by_timepoint": list(changes),
        "relative_only": found.relative,
        "issues": [plain(issue) for issue in found.issues],
        **more,
    }


def _lesion(found: Compared, track: str, number: int, reader_sd_mm: float) -> Plain:
    """What became of one lesion at one time point; intervals hold the true value in 95 of 100 cases."""
    from medcore.workbench.comparison_answer import changes as changes_of
    from medcore.workbench.comparison_answer import intervals

    sighting = next(one for one in found.tracks if one.id == track).sightings[number]
    entry: dict[str, Plain] = {"fate": sighting.fate.value, "confidence": sighting.confidence, "other": sighting.other}
    if sighting.piece is not None:
        extent = found.visits[number].pieces[sighting.piece].extent
        reading = next(one for one in found.timepoints[number].lesions if one.id == track)
        entry |= {
            "status": reading.status.value,
            "voxels": extent.voxels,
            "volume_ml": reading.volume_ml,
            "longest_mm": reading.longest_mm,
            "short_axis_mm": reading.short_axis_mm,
            "centre_lps_mm": list(extent.centre),
            "slice": extent.diameters.slice_index,
            "intervals": plain(intervals(found.timepoints, number, track, reader_sd_mm)),
            "changes_from_baseline": plain(changes_of(found.timepoints, number, track, reader_sd_mm)),
        }
    return entry


def moment_of(path: Path, mask: Path | None, number: int, settings: Settings) -> Moment:
    """One study from its files; a DICOM SEG or RTSTRUCT is read together with its scan, an image by itself."""
    from medcore.comparison.compare import Moment
    from medcore.workbench.compare import mask_of

    reading, laid = read_all([path], settings)
    if not reading.found:
        raise reading.refused[0].error if reading.refused else _nothing(path)
    scan = max((one.volume for one in reading.found), key=lambda volume: volume.voxels.size)
    for other in reading.found:
        if other.volume is not scan:
            note(
                t("{name} is left out: the largest scan of {path} is compared.", name=other.volume.name, path=path.name)
            )
    labels: Mask | None = next((one.layer.mask for one in laid), None)
    if mask is not None:
        both, regions = read_all([path, mask], settings)
        place = next((index for index, one in enumerate(both.found) if one.volume.sha256 == scan.sha256), -1)
        labels = next((one.layer.mask for one in regions if one.scan == place), None)
        if labels is None:
            alone, _ = read_all([mask], settings)
            if not alone.found:
                raise alone.refused[0].error if alone.refused else _nothing(mask)
            labels = mask_of(alone.found[0].volume, scan)
    patient = next(one.patient for one in reading.found if one.volume is scan)
    return Moment(LABEL.format(number=number), scan, labels, patient=patient)


def _written(found: Compared, moments: list[Moment], out: Path) -> list[Plain]:
    """Each later scan (and its mask) on the grid of the baseline, as .npy."""
    fixed: Volume = moments[0].scan
    files: list[Plain] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number, (moment, alignment) in enumerate(zip(moments[1:], found.alignments, strict=True), start=1):
            arrays = {"scan": alignment.carried(moment.scan, fixed.geometry, fixed.shape)}
            if moment.mask is not None:
                arrays["mask"] = alignment.carried_mask(moment.mask, fixed.geometry, fixed.shape).labels
            for name, array in arrays.items():
                path = out / f"{LABEL.format(number=number)}-{name}-on-baseline.npy"
                np.save(path, array, allow_pickle=False)
                files.append(str(path))
    except OSError as error:
        raise unwritable(out, error) from error
    return files


def _print(found: Compared, baseline: Volume) -> None:
    from medcore.workbench.alignment_words import back_and_forth

    for number, one in enumerate(found.alignments, start=1):
        verdict = t("trusted") if one.trust.trusted else t("in doubt")
        note(
            t(
                "Study {number}: {method}, similarity {similarity}, back and forth {distance}: {verdict}",
                number=number + 1,
                method=one.method.value,
                similarity=f"{one.trust.similarity:.2f}",
                distance=say(back_and_forth(one.trust, baseline)),
                verdict=verdict,
            )
        )
    rows = [
        (
            track.id,
            found.roles[track.id].value,
            *(_cell(found, track.id, number) for number in range(len(found.visits))),
        )
        for track in found.tracks
    ]
    labels = [visit.label for visit in found.visits]
    sized = bool(found.visits) and all(visit.sized for visit in found.visits)
    title = t("Lesions (longest diameter in mm)") if sized else t("Lesions (only relative change is true)")
    print_table(title, (t("id"), t("role"), *labels), rows)
    print_issues(t("Comparison"), found.issues)
    if found.response is not None:
        print_response(found.response)


def _cell(found: Compared, track: str, number: int) -> str:
    sighting = next(one for one in found.tracks if one.id == track).sightings[number]
    if sighting.piece is None:
        return sighting.fate.value
    extent = found.visits[number].pieces[sighting.piece].extent
    return f"{extent.longest_mm:.1f}" if found.visits[number].sized else t("{count} voxels", count=extent.voxels)


def _nothing(path: Path) -> UnfitInputError:
    return UnfitInputError(
        N_("{path} holds no file."), hint=N_("Name a file, or a folder or zip with scans in it."), path=str(path)
    )
