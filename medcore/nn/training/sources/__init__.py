"""Forms in which labelled pictures come: each file turns one form into cases."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medcore.nn.training.recipe import Source
from medcore.registry import load_entries, load_entry

Rectangle = tuple[float, float, float, float]  # top, left, bottom, right as shares of the picture


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled picture, not yet read.

    Args:
        name: What errors and tables call it: its path within the source.
        path: The file.
        index: Number of the picture in the file; -1 when the file is one picture.
        truth: One answer per label of the card.
        patient: Whose picture it is, within the source.
        split: "train", "validation", "test", or "" when the source does not say.
        columns: Further facts to report by.
        boxes: Drawn boxes; None when nobody drew any.
        mask: File of the drawn mask, or None.
    """

    name: str
    path: Path
    truth: tuple[bool, ...]
    patient: str
    index: int = -1
    split: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    boxes: tuple[Rectangle, ...] | None = None
    mask: Path | None = None


class SourceFormat(ABC):
    """One form. A subclass is one file; its last line is `SOURCE = ...`."""

    title: str  # marked with N_

    @property
    def id(self) -> str:
        """The file's name."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """All cases of a source.

        Args:
            folder: The source's own folder.
            labels: Ids of the card's labels.

        Raises:
            NotFoundError: The folder or its table is not there.
            DataSetError: The table lacks a column, or a label is misspelled.
        """


def load_format(name: str) -> SourceFormat:
    """The adapter of this id.

    Raises:
        UnknownNameError: There is none.
    """
    return load_entry(sys.modules[__name__], name, "SOURCE", SourceFormat)


def load_formats() -> Mapping[str, SourceFormat]:
    """All adapters by id."""
    return load_entries(sys.modules[__name__], "SOURCE", SourceFormat)
