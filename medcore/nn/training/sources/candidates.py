"""Patches around candidates, listed scan by scan: a table whose rows carry the number of the candidate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import Source
from medcore.nn.training.sources import Case, SourceFormat
from medcore.nn.training.sources._tables import kept, read_table, truths

TABLE = "index.csv"
NUMBER = "candidate_row"  # the column read where the source names none as its group
BLOCK, GAP = 8000, 700  # candidates that are split together (about 13 scans), and those left out before the next block


class Candidates(SourceFormat):
    """index.csv with a column of running numbers, scan by scan; nobody says where one scan ends and the next begins.

    So long blocks of numbers are split as if each were a patient, and what lies between two blocks, which is more than
    the candidates of a usual scan, is left out: no scan is in two splits.
    """

    title = N_("Table of candidate patches, scan by scan")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a row outside the gaps."""
        column = source.group or NUMBER
        rows = [
            r
            for r in read_table(folder / (source.table or TABLE), (source.file, source.column, column))
            if kept(source, r)
        ]
        answers = truths(source, [row[source.column] for row in rows], labels)
        found = []
        for row, truth in zip(rows, answers, strict=True):
            if not row[column].isdigit():
                raise DataSetError(
                    N_("The column {column} of {source} must hold whole numbers, not “{value}”."),
                    column=column,
                    source=source.name,
                    value=row[column],
                )
            block, place = divmod(int(row[column]), BLOCK)
            if place < BLOCK - GAP:
                columns = {c: row[c] for c in source.columns}
                found.append(
                    Case(row[source.file], folder / row[source.file], truth, f"block {block}", columns=columns)
                )
        return found


SOURCE = Candidates()
