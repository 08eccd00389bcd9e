"""Boxes as YOLO writes them: images/ and labels/ with one text file a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import EVERY, FIRST_LABEL, Source
from medcore.nn.training.sources import Case, Rectangle, SourceFormat
from medcore.nn.training.sources._tables import centred, pictures_in


class Yolo(SourceFormat):
    """Each line of labels/<picture>.txt: class, centre x, centre y, width, height; `positive` names class numbers."""

    title = N_("Boxes as YOLO (labels/*.txt)")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a picture; no text file means no box."""
        wanted = source.positive.get(labels[0]) or source.positive.get(FIRST_LABEL) or (EVERY,)
        found = []
        for picture in pictures_in(folder / "images"):
            name = picture.relative_to(folder / "images")
            boxes = _boxes((folder / "labels" / name).with_suffix(".txt"), wanted)
            truth = (bool(boxes),) + (False,) * (len(labels) - 1)
            found.append(Case(f"images/{name.as_posix()}", picture, truth, name.as_posix(), boxes=boxes))
        return found


def _boxes(path: Path, wanted: tuple[str, ...]) -> tuple[Rectangle, ...]:
    if not path.is_file():
        return ()
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words:
            continue
        try:
            kind, (cx, cy, w, h) = words[0], (float(v) for v in words[1:5])
        except ValueError as error:
            raise DataSetError(
                N_("{path} has a line that is no box: {line}"), path=path.name, line=line[:80]
            ) from error
        if EVERY in wanted or kind in wanted:
            found.append(centred(cx, cy, w, h))
    return tuple(found)


SOURCE = Yolo()
