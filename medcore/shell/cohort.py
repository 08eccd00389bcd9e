"""The verb `cohort`: the studies of many patients from one table, each compared with the patient's first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medcore.errors import N_, MedcoreError, UnfitInputError
from medcore.settings import Settings
from medcore.shell import compare_parts
from medcore.shell.assess import option_values
from medcore.shell.compare import moment_of
from medcore.shell.output import AsJson, Plain, print_json, print_table, progress_line, say, t
from medcore.shell.read import unwritable

if TYPE_CHECKING:
    from medcore.workbench.analyse import Analysis
    from medcore.workbench.cohort_scans import CohortPatient

TABLE = "cohort.csv"
SHOWN = ("patient", "visit", "day", "volume_change_percent", "category", "relative_category", "opacity_score")


def cohort(
    table: Annotated[Path, typer.Argument(metavar="TABLE.csv", help=t("One row a study: patient, scan, mask, day."))],
    *,
    task: Annotated[str, typer.Option("--task", help=t("Ask a model about each study without a mask."))] = "",
    model: Annotated[str, typer.Option("--model", help=t("The model; the task's first when left out."))] = "",
    target: Annotated[str, typer.Option("--target", help=t("The label to explain; the most probable by itself."))] = "",
    criterion: Annotated[str, typer.Option("--criterion", help=t("See the verb criteria."))] = "",
    option: Annotated[list[str] | None, typer.Option("--option", help=t("An option of it: name=value."))] = None,
    motion: Annotated[str, typer.Option("--motion", help=t("rigid, affine or deformable."))] = "rigid",
    organ: Annotated[str, typer.Option("--organ", help=t("Organ of the lesions; RECIST counts two of each."))] = "",
    accept: Annotated[bool, typer.Option("--accept-doubtful", help=t("Take an alignment that is in doubt."))] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help=t("Folder for the table."))] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the studies of many patients."""
    from medcore.workbench.cohort_scans import cohort_csv, failed_rows, read_cohort

    try:
        patients = read_cohort(table.read_bytes(), table.parent)
    except OSError as error:
        raise UnfitInputError(N_("{path} cannot be read."), path=str(table)) from error
    asked = _Asked(
        task=task, model=model, target=target, criterion=criterion, options=option_values(option or []), motion=motion,
        organ=organ, accept=accept, settings=Settings.from_environment(),
    )  # fmt: skip
    line, rows = progress_line(), []
    for number, patient in enumerate(patients):
        line(number / len(patients), patient.name)
        try:
            rows += asked.rows(patient)
        except MedcoreError as error:
            rows += failed_rows(patient, say(error.message))
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            (out / TABLE).write_bytes(cohort_csv(rows))
        except OSError as error:
            raise unwritable(out, error) from error
    if as_json:
        listed: list[Plain] = [{name: value or None for name, value in row.items()} for row in rows]
        print_json({"patients": len(patients), "rows": listed, "file": str(out / TABLE) if out is not None else None})
        return
    print_table(t("Cohort"), [t(name) for name in SHOWN], [tuple(row[name] for name in SHOWN) for row in rows])


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked of every patient."""

    task: str
    model: str
    target: str
    criterion: str
    options: Mapping[str, str]
    motion: str
    organ: str
    accept: bool
    settings: Settings

    def rows(self, patient: CohortPatient) -> list[dict[str, str]]:
        """The rows of one patient.

        Raises:
            MedcoreError: A file cannot be read, or the studies cannot be compared.
        """
        from medcore.workbench.cohort_scans import cohort_rows, lone_rows
        from medcore.workbench.compare import compare_once

        moments = [
            moment_of(study.scan, study.mask, number, self.settings) for number, study in enumerate(patient.studies)
        ]
        if all(study.day is not None for study in patient.studies):  # the table's order counts, not the files' dates
            moments = [replace(one, scan=replace(one.scan, acquired_on=None)) for one in moments]
        answers: tuple[Analysis, ...] = ()
        if self.task and not any(study.mask for study in patient.studies):
            with_masks, answers = compare_parts.asked(moments, self.task, self.model, self.target, self.settings)
            moments = list(with_masks)
        if len(moments) == 1:
            alone = compare_parts.series(moments, (), answers, accepted=False)
            return lone_rows(patient, alone)
        found = compare_once(
            moments, criterion=self.criterion, options=self.options, motion=self.motion, organ=self.organ,
            accept_doubtful=self.accept,
        )  # fmt: skip
        series = compare_parts.series(moments, found.alignments, answers, accepted=self.accept)
        return cohort_rows(patient, found, series)
