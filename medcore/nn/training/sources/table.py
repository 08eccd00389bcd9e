"""A folder with a table: one row a picture, and boxes in a second table where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medcore.errors import N_
from medcore.nn.training.recipe import Source
from medcore.nn.training.sources import Case, SourceFormat
from medcore.nn.training.sources._tables import boxes_by_file, kept, read_table, truths

TABLE, BOXES = "index.csv", "boxes.csv"
MASK = "mask"  # column with the file of a mask


class Table(SourceFormat):
    """index.csv with a column for the file, the label, the patient; boxes.csv with file,cx,cy,w,h."""

    title = N_("Folder with a table (index.csv)")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a row."""
        needed = (source.file, source.column, source.group, source.split, *source.columns)
        rows = [r for r in read_table(folder / (source.table or TABLE), needed) if kept(source, r)]
        boxes = boxes_by_file(folder / BOXES)
        answers = truths(source, [row[source.column] for row in rows], labels)
        return [
            Case(
                name=row[source.file],
                path=folder / row[source.file],
                truth=truth,
                patient=row[source.group] if source.group else row[source.file],
                split=row[source.split] if source.split else "",
                columns={c: row[c] for c in source.columns},
                boxes=None if boxes is None else boxes.get(row[source.file], ()),
                mask=folder / row[MASK] if row.get(MASK) else None,
            )
            for row, truth in zip(rows, answers, strict=True)
        ]


SOURCE = Table()
