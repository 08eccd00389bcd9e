"""A MedMNIST file (.npz): pictures, labels and splits in one archive (Yang et al. 2023, arXiv:2110.14795)."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import Source
from medcore.nn.training.sources import Case, SourceFormat
from medcore.nn.training.sources._tables import missing, truths

PARTS = {"train": "train", "val": "validation", "test": "test"}


class MedMnist(SourceFormat):
    """Arrays train_images, train_labels and so on; the label is its number as text."""

    title = N_("MedMNIST file (.npz)")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a picture of the three splits; `Case.index` counts through them in their order."""
        path = folder / source.table if source.table else next(iter(sorted(folder.glob("*.npz"))), folder / "*.npz")
        try:
            with np.load(path, allow_pickle=False) as archive:
                parts = {part: np.asarray(archive[f"{part}_labels"]).reshape(-1) for part in PARTS}
        except OSError as error:
            raise missing(path) from error
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise DataSetError(N_("{path} is no MedMNIST file."), path=path.name) from error
        values = [str(int(v)) for part in PARTS for v in parts[part]]
        names = [f"{part}/{i}" for part in PARTS for i in range(len(parts[part]))]
        splits = [PARTS[name.split("/")[0]] for name in names]
        answers = truths(source, values, labels)
        return [
            Case(name=name, path=path, truth=truth, patient=name, index=i, split=split, columns={"class": value})
            for i, (name, truth, split, value) in enumerate(zip(names, answers, splits, values, strict=True))
        ]


SOURCE = MedMnist()
