"""What the verb `compare` adds on request: a model's answers over time, landmarks, maps of change, and their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medcore.errors import N_, UnfitInputError
from medcore.records import Issue, Severity
from medcore.settings import Settings
from medcore.shell.output import Plain, note, plain, print_issues, print_table, progress_line, t
from medcore.shell.read import unwritable
from medcore.volume import Geometry, Unit, Volume

if TYPE_CHECKING:
    from medcore.comparison.changes import VisitChange
    from medcore.comparison.compare import Compared, Moment
    from medcore.imaging.registration.alignment import Alignment, Trust
    from medcore.workbench.analyse import Analysis
    from medcore.workbench.comparison_findings import More
    from medcore.workbench.comparison_models import RadiographSeries


def with_landmarks(moments: Sequence[Moment], table: Path) -> tuple[Moment, ...]:
    """The studies with the landmarks of a table."""
    from medcore.workbench.landmarks import read_landmarks

    try:
        data = table.read_bytes()
    except OSError as error:
        raise UnfitInputError(N_("{path} cannot be read."), path=str(table)) from error
    found = read_landmarks(data, len(moments) - 1)
    return tuple(replace(one, landmarks=found.get(number, ())) for number, one in enumerate(moments))


def asked(
    moments: Sequence[Moment], task: str, model: str, target: str, settings: Settings
) -> tuple[tuple[Moment, ...], tuple[Analysis, ...]]:
    """One model's answers to all studies; lesions where it gives them and the studies have no masks."""
    from medcore.nn.torch_engine import open_engine
    from medcore.predictions import Classification
    from medcore.workbench.comparison_models import ask_once, with_lesions
    from medcore.workbench.models import Models

    line = progress_line()
    answers = ask_once(
        moments, models=Models(settings.models_dir), engine=open_engine(settings), task=task, model=model,
        target=target, progress=lambda fraction, stage: line(fraction, stage.text()),
    )  # fmt: skip
    if isinstance(answers[0].prediction, Classification):
        return tuple(moments), answers
    return with_lesions(moments, [one.prediction for one in answers]), answers


def model_warnings(answers: Sequence[Analysis]) -> dict[str, Plain]:
    """For each study what speaks against the model's answer to it, such as thick slices; nothing without a model."""
    return {"model_warnings": [[plain(issue) for issue in _doubts(one)] for one in answers]} if answers else {}


def print_model_warnings(found: Compared, answers: Sequence[Analysis]) -> None:
    """The same for people, study by study."""
    for visit, one in zip(found.visits, answers, strict=False):
        print_issues(visit.label, _doubts(one))


def _doubts(answer: Analysis) -> list[Issue]:
    return [issue for issue in answer.prediction.run.warnings if issue.severity is not Severity.INFO]


def told(
    found: Compared, moments: Sequence[Moment], answers: Sequence[Analysis], criterion: str,
    options: Mapping[str, str], *, accepted: bool, changes: bool, reader_sd_mm: float,
) -> More:  # fmt: skip
    """What is told beside the response: how sure it is, what changed, what a model said of radiographs."""
    from medcore.comparison.certainty import Noise
    from medcore.workbench.assess import certainty
    from medcore.workbench.comparison_findings import More

    sure = None
    if found.response is not None and not found.relative:
        sure = certainty(found.timepoints, criterion, Noise(length_mm=reader_sd_mm), options)
    maps = _mapped(moments, found, accepted=accepted) if changes else []
    answered = series(moments, found.alignments, answers, accepted=accepted)
    if answered is not None:
        warn_missing_field(answered)
    return More(sure, tuple(maps), answered)


def series(
    moments: Sequence[Moment], alignments: Sequence[Alignment], answers: Sequence[Analysis], *, accepted: bool
) -> RadiographSeries | None:
    """The answers as a series, where the model tells classes and explains them."""
    from medcore.predictions import Classification
    from medcore.workbench.comparison_models import series_of

    pairs = [
        (one.prediction, one.explanation)
        for one in answers
        if isinstance(one.prediction, Classification) and one.explanation is not None
    ]
    if not pairs or len(pairs) < len(moments) or answers[0].card is None:
        return None
    return series_of([one.scan for one in moments], pairs, alignments, answers[0].card, accepted=accepted)


def series_object(found: RadiographSeries) -> dict[str, Plain]:
    """A series as JSON."""
    from medcore.comparison.whole_image import OPACITY_SCORE

    return {
        "task": found.task,
        "model": found.model,
        "label": found.label,
        "threshold": found.threshold,
        "probability": list(found.probabilities),
        "opacity_score": [one.score for one in found.figures],
        "involved": [one.involved for one in found.figures],
        "heat_in_lung_field": [one.in_field for one in found.figures],
        "lung_field_found": list(found.fitted),
        "heat_more": [None, *(one.more if one else None for one in found.changes)],
        "heat_less": [None, *(one.less if one else None for one in found.changes)],
        "about": t(OPACITY_SCORE),
    }


def print_series(found: RadiographSeries) -> None:
    """A series as a table."""
    rows = [
        (f"T{number}", f"{figure.probability:.2f}", f"{figure.score:.0f}", f"{100 * figure.involved:.0f} %")
        for number, figure in enumerate(found.figures)
    ]
    head = (t("study"), t("probability"), t("opacity score"), t("hot share of the lung field"))
    print_table(t("{label}, by {model}", label=t(found.title), model=found.model), head, rows)


def _mapped(moments: Sequence[Moment], found: Compared, *, accepted: bool) -> list[VisitChange | None]:
    """The maps of change of all later studies; None, and a word why, where the alignment is in doubt."""
    from medcore.comparison.changes import visit_change

    line = progress_line()
    maps: list[VisitChange | None] = []
    for number, alignment in enumerate(found.alignments, start=1):
        if alignment.trust.trusted or accepted:
            one = visit_change(
                tuple(moments), found, number, progress=lambda fraction, stage: line(fraction, stage.text())
            )
            maps.append(one)
        else:
            note(t("No map of change of study {number}: its alignment is in doubt.", number=number + 1))
            maps.append(None)
    return maps


def changes_object(found: Sequence[VisitChange | None]) -> list[Plain]:
    """Maps of change as JSON: shares, volumes and each lesion's voxels; arrays are files. Null: alignment in doubt."""
    return [None if one is None else _change_object(one) for one in found]


def _change_object(one: VisitChange) -> dict[str, Plain]:
    from medcore.imaging.change_map import GAINED, KEPT, LOST

    answer: dict[str, Plain] = {}
    if one.map is not None:
        true = one.voxel_ml is not None
        answer["map"] = {
            "changed_share": one.map.share,
            "threshold_z": one.map.threshold,
            "noise": one.map.noise,
            "gain": one.map.gain,
            "offset": one.map.offset,
            "brighter_ml": one.map.brighter_ml if true else None,
            "darker_ml": one.map.darker_ml if true else None,
        }
    if one.masks is not None:
        names = {"gained": GAINED, "lost": LOST, "kept": KEPT}
        answer["masks"] = {f"{name}_voxels": one.masks.voxels(label) for name, label in names.items()}
        answer["voxel_ml"] = one.voxel_ml
    answer["lesions"] = [
        {
            "id": lesion.id,
            "gained_voxels": lesion.gained,
            "lost_voxels": lesion.lost,
            "kept_voxels": lesion.kept,
            "tissue_percent": lesion.tissue_percent,
        }
        for lesion in one.lesions
    ]
    return answer


def written_changes(found: Sequence[VisitChange | None], moments: Sequence[Moment], out: Path) -> list[Plain]:
    """Maps on the baseline's grid: z and masks as NIfTI where they lie in a patient, else as .npy."""
    files: list[Plain] = []
    baseline = moments[0].scan
    for number, one in enumerate(found, start=1):
        if one is None:
            continue
        arrays = {
            "change-z": one.map.z if one.map is not None else None,
            "change-marked": one.map.marked.astype(np.uint8) if one.map is not None else None,
            "mask-change": one.masks.labels if one.masks is not None else None,
            "tissue-growth": one.growth,
        }
        files += [
            write_map(array, baseline.geometry, out / f"T{number}-{name}")
            for name, array in arrays.items()
            if array is not None
        ]
    return files


def written_series(found: RadiographSeries, out: Path) -> list[Plain]:
    """Heat of each study, in units of the label's logit, and its change on the baseline's grid, as .npy."""
    arrays = {f"T{number}-heat": look.heat for number, look in enumerate(found.looks)}
    arrays |= {f"T{number}-heat-change": one.difference for number, one in enumerate(found.changes, start=1) if one}
    return [write_map(array, Geometry.pixels(), out / name) for name, array in arrays.items()]


def write_map(array: np.ndarray, geometry: Geometry, stem: Path) -> str:
    """One array: `stem`.nii.gz in patient coordinates, `stem`.npy otherwise."""
    from medcore.exports.nifti_images import write_nifti
    from medcore.volume import Scale

    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        if geometry.scale is Scale.PATIENT and array.shape[0] > 1:
            return str(write_nifti(Volume(array, Unit.GREY, "", geometry), stem.with_name(stem.name + ".nii.gz")))
        path = stem.with_name(stem.name + ".npy")
        np.save(path, array, allow_pickle=False)
    except OSError as error:
        raise unwritable(stem, error) from error
    return str(path)


def residual_object(trust: Trust, baseline: Volume) -> dict[str, Plain]:
    """How far places end from home, and the residuals at landmarks; nothing is called mm that is none."""
    from medcore.workbench.alignment_words import length_unit, residual

    length, unit = residual(trust, baseline)
    step = length_unit(baseline)
    in_mm = trust.landmarks if step == "mm" else ()
    return {
        "residual_mm": length if unit == "mm" else None,
        "residual": length,
        "residual_unit": unit,
        "landmarks": list(trust.landmarks),
        "landmark_unit": step,
        "landmarks_mm": list(in_mm),
        "landmark_mean_mm": float(np.mean(in_mm)) if in_mm else None,
        "landmark_max_mm": max(in_mm) if in_mm else None,
    }


def warn_missing_field(found: RadiographSeries) -> None:
    """Say where the lung field was not found."""
    if found.placed and not all(found.fitted):
        bare: Mapping[int, bool] = dict(enumerate(found.fitted))
        names = ", ".join(f"T{number}" for number, fitted in bare.items() if not fitted)
        note(t("The lung field was not found in {studies}; it was laid onto the whole picture there.", studies=names))
