"""Runs, predictions, explanations and annotations as rows, and back as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from medcore.errors import N_, NotFoundError, StoreError
from medcore.predictions import Classification, Detection, Explanation, Prediction, Segmentation
from medcore.store.blobs import Blobs
from medcore.store.cropping import cropped, whole
from medcore.store.json_values import (
    Json,
    as_number,
    as_table,
    from_boxes,
    from_lesions,
    from_number,
    from_run,
    from_scores,
    from_suggestions,
    to_boxes,
    to_lesions,
    to_numbers,
    to_run,
    to_scores,
    to_suggestions,
    to_texts,
)
from medcore.store.studies import scan_row, study_row, to_geometry
from medcore.store.tables import AnnotationsRow, BlobUseRow, ExplanationRow, RunRow, ScanRow
from medcore.volume import Array, Mask


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a reader drew and measured on a study. Version 0 with no content: nothing yet."""

    version: int
    content: Json


@dataclass(frozen=True, slots=True, eq=False)
class StoredArray:
    """An array and the name under which the blobs hold it."""

    array: Array
    digest: str


def arrays_of(prediction: Prediction, seen: NDArray[np.float32] | None = None) -> dict[str, Array]:
    """What of a prediction is kept as arrays, by name; masks and maps without the empty space around them.

    Args:
        seen: (H, W) float32 in 0..1, what the network saw.
    """
    arrays: dict[str, Array] = {} if seen is None else {"seen": seen}
    if isinstance(prediction, Segmentation):
        arrays["mask"] = cropped(prediction.mask.labels)[0]
        if prediction.uncertainty is not None:
            arrays["uncertainty"] = cropped(prediction.uncertainty)[0]
    if isinstance(prediction, Detection) and prediction.mask is not None:
        arrays["mask"] = cropped(prediction.mask.labels)[0]
    return arrays


def insert_prediction(
    session: Session, blobs: Blobs, prediction: Prediction, arrays: Mapping[str, StoredArray]
) -> None:
    """Write a run and its prediction in the caller's transaction.

    Args:
        arrays: Those of `arrays_of`, with the names under which `blobs` holds them.

    Raises:
        NotFoundError: The study or the scan was deleted meanwhile.
        StoreError: A run of this id is already there.
    """
    run = prediction.run
    study_row(session, run.study)
    scan_row(session, run.scan)
    if session.scalars(select(RunRow.id).where(RunRow.id == run.id)).first() is not None:
        raise StoreError(N_("This run is already stored."))
    kind, payload = _encode(prediction)
    session.add(
        RunRow(
            id=run.id,
            study_id=run.study,
            scan_id=run.scan,
            task=run.task,
            model=run.model,
            started_at=run.started_at,
            run=from_run(run),
            kind=kind,
            prediction=payload,
            **{name: _use(session, blobs, array, f"{name}:{run.id}", run.study) for name, array in arrays.items()},
        )
    )
    session.flush()


def insert_explanation(session: Session, blobs: Blobs, explanation: Explanation, heat: StoredArray) -> None:
    """Write a heat map in the caller's transaction; one of the same run, method and target gives way to it.

    Raises:
        NotFoundError: The run's study was deleted meanwhile.
    """
    run = run_row(session, explanation.run.id)
    owner = f"heat:{run.id}:{explanation.method}:{explanation.target}"
    session.execute(
        delete(ExplanationRow).where(
            ExplanationRow.run_id == run.id,
            ExplanationRow.method == explanation.method,
            ExplanationRow.target == explanation.target,
        )
    )
    session.execute(delete(BlobUseRow).where(BlobUseRow.owner == owner))
    _use(session, blobs, heat, owner, run.study_id)
    session.add(
        ExplanationRow(
            run_id=run.id,
            method=explanation.method,
            target=explanation.target,
            layer=explanation.layer,
            heat=heat.digest,
            peak=explanation.peak,
            seconds=explanation.seconds,
            checks={name: from_number(value) for name, value in explanation.checks.items()},
        )
    )
    session.flush()


def run_row(session: Session, run_id: str) -> RunRow:
    """The row of one run.

    Raises:
        NotFoundError: There is none.
    """
    row = session.scalars(select(RunRow).where(RunRow.id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError(
            N_("This result is not in the store."), hint=N_("Its study may have been deleted; run the model again.")
        )
    return row


def run_rows(session: Session, study_id: str) -> Sequence[RunRow]:
    """The runs of a study, the newest first."""
    query = select(RunRow).where(RunRow.study_id == study_id).order_by(RunRow.started_at.desc(), RunRow.number.desc())
    return session.scalars(query).all()


def explanation_rows(session: Session, run_id: str) -> Sequence[ExplanationRow]:
    """The heat maps of a run, the newest first."""
    query = select(ExplanationRow).where(ExplanationRow.run_id == run_id).order_by(ExplanationRow.number.desc())
    return session.scalars(query).all()


def tasks_run(session: Session) -> dict[str, tuple[str, ...]]:
    """The tasks that were run on each study, by study id."""
    tasks: dict[str, tuple[str, ...]] = {}
    for study, task in session.execute(select(RunRow.study_id, RunRow.task).distinct().order_by(RunRow.task)):
        tasks[study] = (*tasks.get(study, ()), task)
    return tasks


def to_prediction(session: Session, blobs: Blobs, row: RunRow) -> Prediction:
    """The record of one prediction."""
    run, table = to_run(row.run), as_table(row.prediction)
    match row.kind:
        case "classification":
            return Classification(run, to_scores(table["scores"]))
        case "segmentation" if row.mask is not None:
            return _to_segmentation(session, blobs, row)
        case "detection":
            found = Detection(run, to_boxes(table["boxes"]), suggestions=to_suggestions(table.get("suggestions", [])))
            return found if row.mask is None else replace(found, mask=_to_mask(session, blobs, row))
    raise StoreError(
        N_("A stored result has a form that this version does not know ({kind})."),
        hint=N_("Run the model again."),
        kind=row.kind,
    )


def _to_mask(session: Session, blobs: Blobs, row: RunRow) -> Mask:
    assert row.mask is not None, "called for a result with a mask"
    table, scan = as_table(row.prediction), scan_row(session, row.scan_id)
    names = {int(label): name for label, name in to_texts(table["names"]).items()}
    return Mask(_whole(blobs.open(row.mask), table.get("corner"), scan), names, to_geometry(scan))


def _to_segmentation(session: Session, blobs: Blobs, row: RunRow) -> Segmentation:
    table, scan = as_table(row.prediction), scan_row(session, row.scan_id)
    return Segmentation(
        run=to_run(row.run),
        mask=_to_mask(session, blobs, row),
        lesions=to_lesions(table["lesions"]),
        scores=to_scores(table.get("scores", [])),  # from here on: not in results of version 1
        presence=to_numbers(table.get("presence", [])),
        uncertainty=None
        if row.uncertainty is None
        else _whole(blobs.open(row.uncertainty), table["doubt_corner"], scan),
    )


def _whole(box: Array, corner: Json, scan: ScanRow) -> Array:
    """An array on the scan's grid; without a corner it was stored whole."""
    if corner is None:
        return box
    return whole(box, [int(start) for start in to_numbers(corner)], [int(side) for side in to_numbers(scan.shape)])


def to_explanation(blobs: Blobs, row: ExplanationRow, run: RunRow) -> Explanation:
    """The record of one heat map."""
    return Explanation(
        run=to_run(run.run),
        method=row.method,
        target=row.target,
        layer=row.layer,
        heat=blobs.open(row.heat).astype(np.float32),
        peak=row.peak,
        seconds=row.seconds,
        checks={name: as_number(value) for name, value in as_table(row.checks).items()},
    )


def read_annotations(session: Session, study_id: str) -> Annotations:
    """The newest annotations of a study."""
    row = session.get(AnnotationsRow, study_id)
    return Annotations(0, None) if row is None else Annotations(row.version, row.content)


def write_annotations(session: Session, study_id: str, content: Json, *, version: int, saved_at: datetime) -> int:
    """Replace the annotations that have `version`; returns the new version.

    Raises:
        NotFoundError: There is no such study.
        StoreError: Someone saved since `version` was read.
    """
    study_row(session, study_id)
    row = session.get(AnnotationsRow, study_id)
    if version != (0 if row is None else row.version):
        raise StoreError(
            N_("Someone else changed the measurements of this study meanwhile; yours were not saved."),
            hint=N_("Reload the study to see the other measurements, then add yours."),
        )
    if row is None:
        row = AnnotationsRow(study_id=study_id, version=0, content=None, saved_at=saved_at)
        session.add(row)
    row.version, row.content, row.saved_at = version + 1, content, saved_at
    session.flush()
    return row.version


def _encode(prediction: Prediction) -> tuple[str, Json]:
    match prediction:
        case Classification():
            return "classification", {"scores": from_scores(prediction.scores)}
        case Segmentation():
            doubt = prediction.uncertainty
            return "segmentation", {
                "lesions": from_lesions(prediction.lesions),
                "names": {str(label): name for label, name in prediction.mask.names.items()},
                "corner": list(cropped(prediction.mask.labels)[1]),
                "doubt_corner": None if doubt is None else list(cropped(doubt)[1]),
                "scores": from_scores(prediction.scores),
                "presence": [from_number(float(one)) for one in prediction.presence],
            }
        case Detection():
            mask = prediction.mask
            names = {} if mask is None else {str(label): name for label, name in mask.names.items()}
            return "detection", {
                "boxes": from_boxes(prediction.boxes),
                "suggestions": from_suggestions(prediction.suggestions),
                "names": cast(Json, names),
                "corner": None if mask is None else list(cropped(mask.labels)[1]),
            }


def _use(session: Session, blobs: Blobs, stored: StoredArray, owner: str, study: str) -> str:
    blobs.keep(stored.digest, stored.array)
    session.add(BlobUseRow(owner=owner, digest=stored.digest, study_id=study))
    return stored.digest
