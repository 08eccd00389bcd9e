"""Boxes in a COCO file (JSON): pictures, categories and annotations."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import EVERY, FIRST_LABEL, Source
from medcore.nn.training.sources import Case, Rectangle, SourceFormat
from medcore.nn.training.sources._tables import missing

TABLE, FOLDER = "annotations.json", "images"


class Coco(SourceFormat):
    """annotations.json beside the pictures or their folder images/; `positive` names categories of the first label."""

    title = N_("Boxes as COCO (JSON)")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a picture; present means at least one box of a positive category."""
        path = folder / (source.table or TABLE)
        try:
            book = json.loads(path.read_text(encoding="utf-8"))
            names = {int(c["id"]): str(c["name"]) for c in book["categories"]}
            wanted = source.positive.get(labels[0]) or source.positive.get(FIRST_LABEL) or (EVERY,)
            boxes = _boxes(book, {i for i, name in names.items() if EVERY in wanted or name in wanted})
            pictures = [(int(p["id"]), str(p["file_name"])) for p in book["images"]]
        except OSError as error:
            raise missing(path) from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataSetError(N_("{path} is no COCO file ({reason})."), path=path.name, reason=str(error)) from error
        unknown = set(wanted) - set(names.values()) - {EVERY}
        if unknown:
            raise DataSetError(
                N_("The label “{word}” does not occur in the source {name}."),
                hint=N_("Its labels: {known}."),
                word=sorted(unknown)[0],
                name=source.name,
                known=", ".join(sorted(names.values())),
            )
        inner = folder / FOLDER if (folder / FOLDER).is_dir() else folder
        return [
            Case(
                name=name,
                path=inner / name,
                truth=(bool(boxes[number]),) + (False,) * (len(labels) - 1),
                patient=name,
                boxes=tuple(boxes[number]),
            )
            for number, name in pictures
        ]


def _boxes(book: dict[str, Any], wanted: set[int]) -> defaultdict[int, list[Rectangle]]:
    sizes = {int(p["id"]): (float(p["height"]), float(p["width"])) for p in book["images"]}
    found: defaultdict[int, list[Rectangle]] = defaultdict(list)
    for entry in book["annotations"]:
        if int(entry["category_id"]) in wanted:
            height, width = sizes[int(entry["image_id"])]
            x, y, w, h = (float(v) for v in entry["bbox"])
            found[int(entry["image_id"])].append((y / height, x / width, (y + h) / height, (x + w) / width))
    return found


SOURCE = Coco()
