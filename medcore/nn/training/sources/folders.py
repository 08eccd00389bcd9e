"""A folder per class: the name of a picture's folder is its label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import Source
from medcore.nn.training.sources import Case, SourceFormat
from medcore.nn.training.sources._tables import pictures_in, truths

SPLIT_NAMES = {"train": "train", "training": "train", "val": "validation", "validation": "validation", "test": "test"}


class Folders(SourceFormat):
    """<class>/picture, or <split>/<class>/picture with train, val and test."""

    title = N_("Folder per class")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a picture; the class is the innermost folder."""
        pictures = pictures_in(folder)
        loose = [p for p in pictures if p.parent == folder]
        if loose:
            raise DataSetError(
                N_("{name} lies in no class folder."),
                hint=N_("Put each picture into a folder named like its class."),
                name=loose[0].name,
            )
        answers = truths(source, [p.parent.name for p in pictures], labels)
        return [
            Case(
                name=p.relative_to(folder).as_posix(),
                path=p,
                truth=truth,
                patient=p.relative_to(folder).as_posix(),
                split=SPLIT_NAMES.get(p.relative_to(folder).parts[0].lower(), "") if p.parent.parent != folder else "",
                columns={"class": p.parent.name},
            )
            for p, truth in zip(pictures, answers, strict=True)
        ]


SOURCE = Folders()
