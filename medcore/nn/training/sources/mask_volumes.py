"""Volumes with drawn masks (NIfTI, NRRD): every slice is a picture, and all slices of a folder are one patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medcore.errors import N_, DataSetError
from medcore.nn.training.recipe import FIRST_LABEL, Source
from medcore.nn.training.sources import Case, SourceFormat
from medcore.nn.training.sources._tables import missing
from medcore.nn.training.volume_slices import mask_slices

PATTERN = "**/*.nii*"


class MaskVolumes(SourceFormat):
    """`file` is a pattern of the scans' names; `table` says how a mask is called: "Scan=Mask" puts Mask for Scan.

    `positive` names by FIRST_LABEL or by its own id the one label of slices with a mask; the card's last label is
    "nothing found". `split` is the split of all of them. A folder named in `exclude` ("patient", NAME) is left out.
    """

    title = N_("Volumes with masks (NIfTI, NRRD)")

    def cases(self, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
        """One case a slice; the folder of a scan is its patient."""
        if not folder.is_dir():
            raise missing(folder)
        old, _, new = source.table.partition("=")
        scans = sorted(p for p in folder.glob(source.file if "*" in source.file else PATTERN) if old in p.name)
        out = {value for column, value in source.exclude if column == "patient"}
        found = []
        for path in (p for p in scans if p.parent.name not in out):
            mask = path.with_name(path.name.replace(old, new))
            if not old or not mask.is_file():
                raise DataSetError(
                    N_("{name} has no mask."),
                    hint=N_('Say how masks are called: table = "Scan=Mask".'),
                    name=path.relative_to(folder).as_posix(),
                )
            found += _slices(path, mask, source, folder, labels)
        if not found:
            raise DataSetError(N_("{path} holds no volume."), path=str(folder))
        return found


def _slices(path: Path, mask: Path, source: Source, folder: Path, labels: Sequence[str]) -> list[Case]:
    drawn = next((label for label in labels if label in source.positive), labels[0])
    if FIRST_LABEL in source.positive:
        drawn = labels[0]
    name = path.relative_to(folder).as_posix()
    return [
        Case(
            name=f"{name}#{number}",
            path=path,
            truth=tuple(label == (drawn if plane.any() else labels[-1]) for label in labels),
            patient=path.parent.name,
            index=number,
            split=source.split,
            columns={"patient": path.parent.name},
            mask=mask,
        )
        for number, plane in enumerate(mask_slices(mask))
    ]


SOURCE = MaskVolumes()
