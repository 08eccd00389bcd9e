"""Label images and DICOM SEG or RTSTRUCT attached to a stored scan as masks of it."""

from __future__ import annotations

from pathlib import PurePosixPath

from medcore.deidentify.titles import safe_title
from medcore.errors import N_, UnfitInputError
from medcore.intake import Source
from medcore.volume import MaskFacts, MaskOrigin
from medcore.workbench.compare import mask_of
from medcore.workbench.studies import Studies

NAME = "Mask"  # a name is data, so it has one language


def attach_label_image(studies: Studies, scan_id: str, source: Source) -> MaskFacts:
    """Read a file whose values are labels, lay it onto a scan's grid, and keep it as a mask of that scan.

    Args:
        studies: The store's door.
        scan_id: The scan it is a mask of; the file has its grid, or lies in its space.
        source: The file.

    Raises:
        ReadError: The file cannot be read.
        UnfitInputError: It holds no labels, more than one volume, or lies outside the scan.
        NotFoundError: There is no such scan.
    """
    scan = studies.volume(scan_id)
    reading = studies.read([source], sandbox=studies.sandbox, settings=studies.settings)
    if reading.refused:
        raise reading.refused[0].error
    if len(reading.found) != 1:
        raise UnfitInputError(
            N_("“{name}” holds {count} volumes; a mask is one."),
            hint=N_("Send one label image of the scan."),
            name=source.name,
            count=len(reading.found),
        )
    mask = mask_of(reading.found[0].volume, scan)
    stem = PurePosixPath(source.name.replace("\\", "/")).name.split(".")[0]
    return studies.save_mask(scan_id, mask, name=safe_title(stem, "", fallback=NAME), origin=MaskOrigin.FILE)


def attach_dicom(studies: Studies, scan_id: str, source: Source) -> MaskFacts:
    """Lay a DICOM SEG or RTSTRUCT onto the stored scan that it was drawn on, which must be this one.

    Raises:
        ReadError: The file cannot be read.
        UnfitInputError: It is a scan and no mask, or the mask of another scan, where it is kept.
        StoreError: It could not be stored.
    """
    report = studies.add([source])
    if report.refused:
        raise report.refused[0].error
    here = [one for one in report.masks if one.scan == scan_id]
    if here:
        return here[0]
    if report.masks:
        raise UnfitInputError(
            N_("“{name}” was drawn on another scan of yours; it is now a mask of that one."),
            hint=N_("Choose that scan to compare, or send the mask of this one."),
            name=source.name,
        )
    raise UnfitInputError(
        N_("“{name}” is a scan and no mask; it is now among the studies."),
        hint=N_("Send a DICOM SEG or RTSTRUCT that was drawn on this scan."),
        name=source.name,
    )
