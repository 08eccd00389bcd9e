"""A folder of DICOM files with a table that labels them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import Source
from medcore.nn.training.sources import Case, SourceFormat
from medcore.nn.training.sources._tables import kept, read_table, truths

TABLE = "index.csv"


class DicomFolder(SourceFormat):
    """The table's file column names a DICOM file, or a folder all of whose files share the row's label."""

    title = N_("DICOM files with a table")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a file; without a patient column the files of one row belong together."""
        needed = (source.file, source.column, source.group, source.split, *source.columns)
        rows = [r for r in read_table(folder / (source.table or TABLE), needed) if kept(source, r)]
        answers = truths(source, [row[source.column] for row in rows], labels)
        found = []
        for row, truth in zip(rows, answers, strict=True):
            for path in _files(folder / row[source.file]):
                found.append(
                    Case(
                        name=path.relative_to(folder).as_posix(),
                        path=path,
                        truth=truth,
                        patient=row[source.group] if source.group else row[source.file],
                        split=row[source.split] if source.split else "",
                        columns={c: row[c] for c in source.columns},
                    )
                )
        return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name != "DICOMDIR")
    if not inside:
        raise DataSetError(N_("{path} holds no picture."), path=str(path))
    return inside


SOURCE = DicomFolder()
