"""Reports of comparisons as files: of what the verb `compare` found, and of readings that were signed off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from medcore.errors import N_, ExportError
from medcore.records import DatePolicy
from medcore.shell.output import LANGUAGE, Plain, print_json, print_line, t
from medcore.shell.read import unwritable

if TYPE_CHECKING:
    from medcore.comparison.compare import Compared, Moment
    from medcore.workbench.comparison_findings import More
    from medcore.workbench.comparison_readings import Paper, Tables
    from medcore.workbench.workbench import Workbench


def written_report(
    found: Compared, moments: Sequence[Moment], chosen: Mapping[str, str], options: Mapping[str, str],
    *, accepted: bool, reader_sd_mm: float, told: More, out: Path,
) -> list[Plain]:  # fmt: skip
    """A comparison of files as report.html, report.pdf and tables.

    Args:
        chosen: criterion, motion and organ.
        told: What is told beside the response.
    """
    from medcore.workbench.comparison_readings import told_of_files

    papers = told_of_files(found, moments, chosen, options, accepted=accepted, reader_sd_mm=reader_sd_mm, told=told)
    return _write(papers.document, papers.tables, out)


def export_reading(bench: Workbench, target: str, out: Path, dates: DatePolicy, *, as_json: bool) -> None:
    """The verb `export RESULT --format report`: a signed reading without identity.

    Raises:
        NotFoundError: Nothing was signed off for it.
        ExportError: The folder is not empty.
    """
    from medcore.workbench.export import check_empty

    check_empty(out)
    frozen = bench.readings.resolve(target)
    study = frozen.signed.study
    files = _write(frozen.document, frozen.tables, out, bench.readings.moved(study, dates))
    bench.readings.exported(study, f"report v{frozen.signed.version} dates={dates.value} files={len(files)}")
    if as_json:
        facts: dict[str, Plain] = {
            "reading": frozen.signed.id,
            "version": frozen.signed.version,
            "sha256": frozen.signed.sha256,
        }
        print_json({"study": study, "result": None, "dates": dates.value, "files": files, **facts})
        return
    print_line(t("{count} files in {path}", count=len(files), path=str(out)))


def only_report(forms: Sequence[str]) -> bool:
    """Whether a signed reading is asked for.

    Raises:
        ExportError: Together with formats of scans.
    """
    if "report" in forms and len(set(forms)) > 1:
        raise ExportError(
            N_("A report leaves by itself."), hint=N_("Export the report and the scans into two folders.")
        )
    return "report" in forms


def _write(document: Paper, tables: Tables, out: Path, moved: timedelta | None = timedelta(0)) -> list[Plain]:
    from medcore.workbench.comparison_readings import files_of

    files: list[Plain] = []
    try:
        for name, data in files_of(document, tables, LANGUAGE, moved).items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            files.append(str(path))
    except OSError as error:
        raise unwritable(out, error) from error
    return files
