"""One question to one model about several studies: a row for each, an error in one never stops the others."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medcore.errors import N_, CancelledError, MedcoreError, Message
from medcore.predictions import Classification
from medcore.records import ScanFacts, Study
from medcore.tasks import Progress
from medcore.workbench.analyse import Analyse, Analysis

COLUMNS = (
    "study", "patient", "acquired_on", "scan", "task", "model", "model_version", "label", "probability",
    "operating_point", "above", "warnings", "error", "run", "weights_sha256", "use",
)  # fmt: skip
USE = N_("research and teaching only, not a medical device")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute a cell that begins so


@dataclass(frozen=True, slots=True, eq=False)
class BatchRow:
    """What became of one study: an analysis, or the reason that stood against it."""

    study: Study
    analysis: Analysis | None = None
    reason: Message | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BatchReport:
    """All rows, in the order asked; `stopped` when the user cancelled before the last."""

    task: str
    model: str
    rows: tuple[BatchRow, ...]
    stopped: bool = False


def analyse_all(
    analyse: Analyse,
    studies: Sequence[Study],
    *,
    task: str,
    model: str,
    device: str = "auto",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> BatchReport:
    """Ask one model about the first fitting scan of each study and keep every result.

    A cancelled batch keeps what it has: the rows so far come back with `stopped`.
    """
    rows: list[BatchRow] = []
    for number, study in enumerate(studies):
        if progress is not None:
            stage = Message(N_("Study {number} of {count}"), {"number": number + 1, "count": len(studies)})
            progress(number / len(studies), stage)
        try:
            if cancelled is not None and cancelled():
                raise CancelledError(N_("Stopped."))
            scan = _fitting(analyse, study, task, model)
            if isinstance(scan, Message):
                rows.append(BatchRow(study, reason=scan))
                continue
            done = analyse.run(study.id, scan.id, task=task, model=model, device=device, cancelled=cancelled)
            rows.append(BatchRow(study, analysis=done))
        except CancelledError:
            return BatchReport(task, model, tuple(rows), stopped=True)
        except MedcoreError as error:
            rows.append(BatchRow(study, reason=error.message))
    return BatchReport(task, model, tuple(rows))


def as_csv(report: BatchReport, translate: Callable[[str], str] = str) -> bytes:
    """The report as a table for a spreadsheet, UTF-8 with a byte order mark; every line says what it may be used for.

    One line for each label of each study; a study with an error has one line with the error.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval="")
    table.writeheader()
    for row in report.rows:
        for cells in _cells(row, report, translate):
            table.writerow({name: _harmless(cell) for name, cell in cells.items()})
    return text.getvalue().encode("utf-8-sig")


def _fitting(analyse: Analyse, study: Study, task: str, model: str) -> ScanFacts | Message:
    """The first scan of the study that the model takes, or why it takes none."""
    reason = Message(N_("This study has no scan."))
    for number, scan in enumerate(study.scans):
        choice = next((choice for choice in analyse.choices(scan, task) if choice.card.id == model), None)
        if choice is None or choice.reason is None:
            return scan  # an unknown model is named by the run itself
        reason = choice.reason if number == 0 else reason
    return reason


def _cells(row: BatchRow, report: BatchReport, translate: Callable[[str], str]) -> list[dict[str, str]]:
    base = {
        "study": row.study.title,
        "patient": row.study.patient,
        "acquired_on": row.study.acquired_on.isoformat() if row.study.acquired_on else "",
        "task": report.task,
        "model": report.model,
        "use": translate(USE),
    }
    if row.analysis is None:
        return [{**base, "error": row.reason.text(translate) if row.reason else ""}]
    prediction = row.analysis.prediction
    run = prediction.run
    base |= {
        "scan": run.scan,
        "model_version": run.model_version,
        "warnings": " ".join(issue.message.text(translate) for issue in run.warnings),
        "run": run.id,
        "weights_sha256": run.weights_sha256,
    }
    if not isinstance(prediction, Classification):
        return [base]
    return [
        {
            **base,
            "label": score.label,
            "probability": f"{score.probability:.4f}",
            "operating_point": f"{score.threshold:.4f}",
            "above": str(int(score.positive)),
        }
        for score in prediction.scores
    ]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
