"""Pictures with drawn masks: images/ and masks/ with the same names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import Source
from medcore.nn.training.sources import Case, Rectangle, SourceFormat
from medcore.nn.training.sources._tables import pictures_in


class MaskPairs(SourceFormat):
    """A mask is a picture whose values above zero are the finding; present means that there is one."""

    title = N_("Pictures with masks (images/, masks/)")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a picture, with a box around each connected part of its mask."""
        masks = {p.relative_to(folder / "masks").with_suffix(""): p for p in pictures_in(folder / "masks")}
        found = []
        for picture in pictures_in(folder / "images"):
            name = picture.relative_to(folder / "images")
            mask = masks.get(name.with_suffix(""))
            if mask is None:
                raise DataSetError(
                    N_("{name} has no mask."),
                    hint=N_("Give every picture a mask of the same name, an empty one where nothing is found."),
                    name=name.as_posix(),
                )
            boxes = _boxes(mask)
            truth = (bool(boxes),) + (False,) * (len(labels) - 1)
            found.append(Case(f"images/{name.as_posix()}", picture, truth, name.as_posix(), boxes=boxes, mask=mask))
        return found


def _boxes(path: Path) -> tuple[Rectangle, ...]:
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise DataSetError(N_("{name} cannot be read as a picture."), name=path.name)
    count, _, facts, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
    height, width = mask.shape
    return tuple(
        (y / height, x / width, (y + h) / height, (x + w) / width)
        for x, y, w, h, _ in (map(int, facts[i]) for i in range(1, count))
    )


SOURCE = MaskPairs()
