"""What a model that a training starts from was trained, chosen and tested on: no picture may change sides with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import load_recipe
from medcore.nn.training.splits import SPLITS, picture_digest, read_split_table
from medcore.volume import Array

UNKNOWN = len(SPLITS)  # of a picture that no earlier training has seen


@dataclass(frozen=True, slots=True)
class Inherited:
    """Splits of the pictures of earlier trainings, as numbers; the first of a picture that had several.

    Args:
        named: By source and file.
        drawn: By the digest of the prepared picture, which another source may hold under another name.
        model: The model that the training starts from.
    """

    named: Mapping[tuple[str, str], int] = field(default_factory=dict)
    drawn: Mapping[str, int] = field(default_factory=dict)
    model: str = ""

    def of(self, names: Sequence[tuple[str, str]], seen: Array) -> NDArray[int64]:
        """The split of each picture (source, file) with its prepared bytes (N, S, S); UNKNOWN where it is new."""
        if not self.named:
            return np.full(len(names), UNKNOWN, dtype=int64)
        digests = [picture_digest(picture) for picture in seen]
        return np.array(
            [
                min(self.named.get(name, UNKNOWN), self.drawn.get(digest, UNKNOWN))
                for name, digest in zip(names, digests, strict=True)
            ],
            dtype=int64,
        )


def inherited_from(models: Path, model: str) -> Inherited:
    """What a model and all that it started from were trained on; nothing where that is not kept.

    Args:
        models: The folder with the folders of all models.
        model: Name of the model that a training starts from; "" or one that is not there, for none.

    Raises:
        CardError: A recipe that is kept with a model cannot be read.
    """
    named: dict[tuple[str, str], int] = {}
    drawn: dict[str, int] = {}
    met: set[str] = set()
    one = model
    while one and one not in met:
        met.add(one)
        table, recipe = models / one / "split.csv", models / one / "recipe.toml"
        if table.is_file():
            for name, kept in read_split_table(table.read_text(encoding="utf-8")).items():
                split = SPLITS.index(kept.split)
                named[name] = min(split, named.get(name, UNKNOWN))
                drawn[kept.digest] = min(split, drawn.get(kept.digest, UNKNOWN))
        one = load_recipe(recipe).options.start_from if recipe.is_file() else ""
    return Inherited(named, drawn, model)


def keep_sides(split: Array, group: NDArray[int64], before: NDArray[int64]) -> Array:
    """The splits, with every group on the side it had: in training if one of its pictures was, else in validation.

    Args:
        split: (N,) as it would be without an earlier training.
        before: (N,) as `Inherited.of` gives it.
    """
    _, member = np.unique(group, return_inverse=True)
    first = np.full(member.max(initial=-1) + 1, UNKNOWN)
    np.minimum.at(first, member, before)
    return np.where(first[member] < UNKNOWN, first[member], split)


def refuse_crossing(split: Array, before: NDArray[int64], names: Sequence[str], model: str) -> None:
    """Raise when a picture is judged on that an earlier training has learnt from, as a table may want it.

    Raises:
        DataSetError: With the first such picture.
    """
    crossing = np.flatnonzero(before < split)
    if len(crossing):
        raise DataSetError(
            N_("{name} is to be in “{split}”, but the model {model} that this starts from had it in “{before}”."),
            hint=N_("{count} such pictures: leave the split column out, or start from another model."),
            name=names[int(crossing[0])],
            split=SPLITS[int(split[crossing[0]])],
            before=SPLITS[int(before[crossing[0]])],
            model=model,
            count=len(crossing),
        )
