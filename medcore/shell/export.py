"""The verbs `studies`, `export` and `deidentify`: what is stored, and how it or a file leaves without identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from medcore.errors import N_, ExportError, NotFoundError
from medcore.records import DatePolicy
from medcore.settings import Settings
from medcore.shell import reports
from medcore.shell.output import (
    AsJson,
    Plain,
    error_object,
    note,
    plain,
    print_json,
    print_line,
    print_table,
    progress_line,
    say,
    t,
)

if TYPE_CHECKING:  # all of it brings the store with it, which takes a second
    from medcore.deidentify.pixels import Rectangle
    from medcore.exports.study_files import ExportFormat
    from medcore.records import Study
    from medcore.workbench.release import Covers, Held
    from medcore.workbench.workbench import Workbench

OutFolder: TypeAlias = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help=t("A new or empty folder for the files."))
]
Dates: TypeAlias = Annotated[
    DatePolicy, typer.Option("--dates", help=t("keep, shift (by days of each patient's own) or drop."))
]
Who: TypeAlias = Annotated[
    str, typer.Option("--confirmed-by", metavar="NAME", help=t("Who has looked at the pictures and lets them go."))
]
Why: TypeAlias = Annotated[
    str, typer.Option("--because", metavar="REASON", help=t("Why the text in the pictures names no patient."))
]
COVER_HELP = N_("Blacken a rectangle, in pixels: {form}. May be given several times.")


def studies(as_json: AsJson = False) -> None:
    """List the stored studies."""
    with _workbench() as bench:
        found = bench.studies.list()
    if as_json:
        facts = [
            {"id": one.id, "title": one.title, "patient": one.patient, "acquired_on": one.acquired_on,
             "modalities": one.modalities, "scans": len(one.scans)}
            for one in found
        ]  # fmt: skip
        print_json({"studies": [plain(one) for one in facts]})
        return
    rows = [(one.id, one.title, one.patient, str(one.acquired_on or "–"), " ".join(one.modalities)) for one in found]
    print_table(t("Studies"), (t("id"), t("title"), t("patient"), t("date"), t("modality")), rows)


def export(
    target: Annotated[str, typer.Argument(metavar="STUDY|RESULT", help=t("Id of a study, result or reading."))],
    *,
    form: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="F", help="dicom, nifti, nrrd, png, csv, json, dicom_seg, report"),
    ] = None,
    out: OutFolder = None,
    dates: Dates = DatePolicy.SHIFT,
    cover: Annotated[
        list[str] | None, typer.Option("--cover", help=t(COVER_HELP, form="SCAN:TOP,LEFT,BOTTOM,RIGHT"))
    ] = None,
    confirmed_by: Who = "",
    because: Why = "",
    check: Annotated[bool, typer.Option("--check", help=t("Only say what holds the export back."))] = False,
    as_json: AsJson = False,
) -> None:
    """Write a stored study or result as files without identity."""
    from medcore.workbench.export import Choice

    with _workbench() as bench:
        if reports.only_report(form or ()):
            reports.export_reading(bench, target, _folder(out), dates, as_json=as_json)
            return
        study, run = bench.export.resolve(target)
        covers = _scan_covers(cover or (), study)
        if check:
            _print_held(study, bench.export.check(study, covers, run=run), as_json=as_json)
            return
        out = _folder(out)
        choice = Choice(_formats(form or ()), dates, covers, run)
        if confirmed_by or because:
            held = [one.scan.id for one in bench.export.check(study, covers, run=run) if one.blocked]
            bench.export.confirm(study, held, who=confirmed_by, why=because, covers=covers)
        show = progress_line()
        written = bench.export.write(
            study, choice, out, who=confirmed_by or "local", progress=lambda done, stage: show(done, say(stage))
        )
    left_out: list[Plain] = [
        {"what": one.what, "format": one.form.value, **error_object(one.error)} for one in written.left_out
    ]
    if as_json:
        print_json(
            {
                "study": study.id,
                "result": run or None,
                "dates": dates.value,
                "files": [str(path) for path in written.files],
                "left_out": left_out,
                "removed": list(written.removed),
            }
        )
        return
    print_line(t("{count} files in {path}", count=len(written.files), path=str(out)))
    for one in written.left_out:
        note(f"{one.what} ({one.form.value}): {say(one.error.message)}")


def deidentify(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=t("DICOM files, folders or zips."))],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help=t("Folder for the new files."))],
    dates: Dates = DatePolicy.SHIFT,
    cover: Annotated[
        list[str] | None, typer.Option("--cover", help=t(COVER_HELP, form="TOP,LEFT,BOTTOM,RIGHT"))
    ] = None,
    confirmed_by: Who = "",
    because: Why = "",
    as_json: AsJson = False,
) -> None:
    """Write DICOM files again without identity (DICOM PS3.15, Basic Profile)."""
    from medcore.workbench.originals import Order
    from medcore.workbench.release import rectangle

    for path in paths:
        if not path.exists():
            raise NotFoundError(
                N_("There is no file or folder {name}."),
                hint=N_("Check the spelling; a name with spaces needs quotes."),
                name=str(path),
            )
    order = Order(dates, tuple(map(rectangle, cover or ())), confirmed_by, because)
    with _workbench() as bench:
        report = bench.originals.clean(paths, out, order, progress=progress_line())
    if as_json:
        print_json(
            {
                "written": [str(path) for path in report.written],
                "held": [
                    {"name": held.name, "reasons": [say(one.message) for one in held.suspicions]}
                    for held in report.held
                ],
                "refused": [{"name": one.name, **error_object(one.error)} for one in report.refused],
                "removed": dict(sorted(report.removed.items())),
                "private": report.private,
            }
        )
        return
    print_line(t("{count} files in {path}", count=len(report.written), path=str(out)))
    for held in report.held:
        print_line(t("Held back: {name}: {reason}", name=held.name, reason=say(held.suspicions[0].message)))
    for one in report.refused:
        print_line(t("Refused: {reason} {hint}", reason=say(one.error.message), hint=say(one.error.hint)))
    if report.held:
        note(t("Look at the pictures that were held back; --cover, or --confirmed-by with --because, lets them go."))


def _folder(out: Path | None) -> Path:
    if out is None:
        raise ExportError(N_("Where to? Name a folder."), hint=N_("--out DIR"))
    return out


@contextmanager
def _workbench() -> Iterator[Workbench]:
    from medcore.workbench.workbench import Workbench

    opened = Workbench.open(Settings.from_environment())
    try:
        yield opened
    finally:
        opened.close()


def _formats(names: Sequence[str]) -> tuple[ExportFormat, ...]:
    from medcore.exports.study_files import ExportFormat

    known = [form.value for form in ExportFormat]
    for name in names:
        if name not in known:
            raise ExportError(
                N_("There is no export format {name}."),
                hint=N_("It is one of: {choices}."),
                name=name,
                choices=", ".join(known),
            )
    return tuple(map(ExportFormat, names))


def _scan_covers(texts: Sequence[str], study: Study) -> Covers:
    from medcore.workbench.release import rectangle

    covers: dict[str, tuple[Rectangle, ...]] = {}
    for text in texts:
        number, _, box = text.partition(":")
        if not number.isdigit() or not 1 <= int(number) <= len(study.scans):
            raise ExportError(
                N_("“{text}” is no rectangle of a scan."),
                hint=N_("Write it in pixels, as {form}."),
                text=text,
                form="SCAN:TOP,LEFT,BOTTOM,RIGHT",
            )
        scan = study.scans[int(number) - 1].id
        covers[scan] = (*covers.get(scan, ()), rectangle(box))
    return covers


def _print_held(study: Study, held: Sequence[Held], *, as_json: bool) -> None:
    numbers = {scan.id: number for number, scan in enumerate(study.scans, start=1)}
    if as_json:
        print_json({"study": study.id, "held": [_held_object(one, numbers[one.scan.id]) for one in held]})
        return
    rows = [
        (
            str(numbers[one.scan.id]),
            t("held back") if one.blocked else t("may leave"),
            " ".join(say(found.message) for found in one.suspicions),
        )
        for one in held
    ]
    print_table(t("Before export"), (t("scan"), t("state"), t("why")), rows)


def _held_object(one: Held, number: int) -> Plain:
    confirmed = one.confirmation
    return {
        "scan": number,
        "blocked": one.blocked,
        "looked_by": one.look.by,
        "reasons": [{"ground": found.ground.value, "message": say(found.message)} for found in one.suspicions],
        "boxes": [[box.top, box.left, box.bottom, box.right] for box in one.look.boxes],
        "confirmed": plain(confirmed) if confirmed else None,
    }
