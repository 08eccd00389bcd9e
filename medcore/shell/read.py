"""The verb `read`: what the files hold, what is wrong with them, and on request the voxels as .npy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import typer

from medcore.errors import N_, MedcoreError, MissingScanError, NotFoundError, StoreError, UnfitInputError
from medcore.imaging.markup import Layer
from medcore.intake import Found, Reading, Refusal, Source, read_sources
from medcore.records import Issue
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.shell.output import (
    AsJson,
    Plain,
    error_object,
    plain,
    print_issues,
    print_json,
    print_line,
    print_table,
    progress_line,
    say,
    t,
)
from medcore.volume import Array, Triple, Volume

Paths: TypeAlias = Annotated[list[Path], typer.Argument(metavar="PATH...", help=t("Files, folders or zips."))]
NpyFolder: TypeAlias = Annotated[
    Path | None, typer.Option("--npy", metavar="DIR", help=t("Also write each volume as .npy into this folder."))
]


Stack: TypeAlias = Annotated[
    str, typer.Option("--stack", metavar="MM,MM,MM", help=t("Numbered pictures are one volume: slice, row, column mm."))
]


@dataclass(frozen=True, slots=True, eq=False)
class LaidMask:
    """Regions of an upload as a mask: the layer, what it was drawn as, and the place of its scan in the reading."""

    layer: Layer
    kind: str
    scan: int


LabelImage: TypeAlias = Annotated[
    Path | None, typer.Option("--mask", metavar="PATH", help=t("A label image that is a mask of the first scan."))
]


def read(
    paths: Paths, npy: NpyFolder = None, stack: Stack = "", mask: LabelImage = None, *, as_json: AsJson = False
) -> None:
    """Read scans without storing them."""
    from medcore.workbench.quality import with_quality  # brings the store with it, which takes a second

    settings = Settings.from_environment()
    reading, masks = read_all(paths, settings, stack_mm=spacing_of(stack))
    if mask is not None:
        masks.append(_label_image(mask, reading, settings))
    reading = replace(reading, found=tuple(map(with_quality, reading.found)))
    written = [_write_volume(npy, found.volume, number) for number, found in enumerate(reading.found, start=1)]
    if as_json:
        volumes: list[Plain] = [_volume(found, path) for found, path in zip(reading.found, written, strict=True)]
        shown = [_mask(mask, reading, npy, number) for number, mask in enumerate(masks, start=1)]
        print_json({"volumes": volumes, "masks": shown, "refused": [_refused(r) for r in reading.refused]})
    else:
        _print(reading, masks)


def read_paths(paths: Sequence[Path], settings: Settings) -> Reading:
    """Read files, folders and zips in the sandbox.

    Raises:
        NotFoundError: A path does not exist.
    """
    return read_all(paths, settings)[0]


def read_all(
    paths: Sequence[Path], settings: Settings, *, stack_mm: Triple | None = None
) -> tuple[Reading, list[LaidMask]]:
    """Read files, folders and zips in the sandbox, and lay regions onto their scans; contours without one are refused.

    Args:
        stack_mm: Make numbered pictures one volume with this (slice, row, column) spacing.

    Raises:
        NotFoundError: A path does not exist.
    """
    for path in paths:
        if not path.exists():
            raise NotFoundError(
                N_("There is no file or folder {name}."),
                hint=N_("Check the spelling; a name with spaces needs quotes."),
                name=str(path),
            )
    from medcore.workbench.workbench import open_sandbox  # brings the store with it, which takes a second

    sources = [Source(name=path.name, path=path, data=None) for path in paths]
    with open_sandbox(settings) as sandbox:
        reading = read_sources(sources, sandbox=sandbox, settings=settings, progress=progress_line(), stack_mm=stack_mm)
        return _laid(reading, sandbox)


def spacing_of(text: str) -> Triple | None:
    """Three lengths in mm from "2.0,0.5,0.5"; None for "".

    Raises:
        UsageError: They are not three positive numbers.
    """
    if not text:
        return None
    try:
        slice_mm, row_mm, column_mm = (float(part) for part in text.split(","))
    except ValueError:
        slice_mm = row_mm = column_mm = math.nan
    if not all(0.001 <= mm <= 1000 for mm in (slice_mm, row_mm, column_mm)):
        raise typer.BadParameter(t("Give three lengths in mm: slice, row and column spacing, such as 2.0,0.5,0.5."))
    return slice_mm, row_mm, column_mm


def _laid(reading: Reading, sandbox: Sandbox) -> tuple[Reading, list[LaidMask]]:
    """Regions on their scans; a segmentation without its scan is shown as an image, contours without it are refused."""
    from medcore.workbench.markups import alone, lay, scans_found

    masks: list[LaidMask] = []
    found, refused, scans = list(reading.found), list(reading.refused), scans_found(reading.found)
    for regions in reading.markups:
        try:
            scan, layers = lay(regions, scans, sandbox)
            masks += [LaidMask(layer, regions.markup.kind, int(scan.id)) for layer in layers]
        except MedcoreError as error:
            picture = alone(regions) if isinstance(error, MissingScanError) else None
            if picture is None:
                refused.append(Refusal(regions.name, error))
            else:
                found.append(picture)
    return replace(reading, found=tuple(found), refused=tuple(refused)), masks


def _label_image(path: Path, reading: Reading, settings: Settings) -> LaidMask:
    """A label image laid onto the first scan."""
    from medcore.workbench.compare import mask_of

    labels = read_paths([path], settings)
    if not reading.found or len(labels.found) != 1:
        raise UnfitInputError(
            N_("A mask needs one scan and one label image; “{name}” holds {count} volumes."),
            hint=N_("Give the scan first and its label image with --mask."),
            name=path.name,
            count=len(labels.found),
        )
    mask = mask_of(labels.found[0].volume, reading.found[0].volume)
    return LaidMask(Layer(mask, labels.found[0].volume.name), "FILE", 0)


def write_npy(path: Path, array: Array) -> Path:
    """Write one array as .npy and say where.

    Raises:
        StoreError: The folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, array, allow_pickle=False)
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def unwritable(path: Path, error: OSError) -> StoreError:
    """The error of a file that could not be written."""
    return StoreError(
        N_("{path} cannot be written ({reason})."),
        hint=N_("Choose a folder that you may write to and that has space."),
        path=str(path),
        reason=error.strerror or type(error).__name__,
    )


def issue_objects(issues: Sequence[Issue]) -> list[Plain]:
    """Issues as JSON: code, severity, message, hint, and the figures behind them."""
    return [plain(issue) for issue in issues]


def _write_volume(folder: Path | None, volume: Volume, number: int) -> Path | None:
    # The name holds nothing of the file's own name, which may be a path or a patient.
    return write_npy(folder / f"volume-{number:03d}-{volume.sha256[:12]}.npy", volume.voxels) if folder else None


def _volume(found: Found, npy: Path | None) -> dict[str, Plain]:
    volume = found.volume
    facts: dict[str, object] = {
        "name": volume.name,
        "modality": volume.modality,
        "shape": volume.shape,
        "unit": volume.unit,
        "scale": volume.geometry.scale,
        "spacing_mm": volume.spacing_mm,
        "orientation": volume.geometry.orientation,
        "acquired_on": volume.acquired_on,
        "sha256": volume.sha256,
        "transfer_syntax": volume.transfer_syntax,
        "value_range": volume.value_range,
        "body_part": volume.body_part,
        "view": volume.view,
        "synthetic": volume.synthetic,
        "facts": volume.facts,
        "npy": npy,
    }
    return {**{name: plain(fact) for name, fact in facts.items()}, "issues": issue_objects(found.issues)}


def _mask(laid: LaidMask, reading: Reading, folder: Path | None, number: int) -> Plain:
    mask, scan = laid.layer.mask, reading.found[laid.scan].volume
    npy = write_npy(folder / f"mask-{number:03d}-{scan.sha256[:12]}.npy", mask.labels) if folder else None
    labels: list[Plain] = [
        {
            "value": value,
            "name": name,
            "voxels": int(np.count_nonzero(mask.labels == value)),
            "volume_ml": mask.volume_ml(value),
        }
        for value, name in mask.names.items()
    ]
    return {
        "name": laid.layer.name,
        "kind": laid.kind,
        "volume": laid.scan,
        "scan_sha256": scan.sha256,
        "shape": plain(mask.labels.shape),
        "labels": labels,
        "issues": issue_objects(laid.layer.issues),
        "npy": plain(npy),
    }


def _refused(refusal: Refusal) -> dict[str, Plain]:
    return {"name": refusal.name, **error_object(refusal.error)}


def _print(reading: Reading, masks: Sequence[LaidMask]) -> None:
    rows = [
        (
            found.volume.name,
            found.volume.modality or t("Picture"),
            " × ".join(map(str, found.volume.shape)),
            " × ".join(f"{mm:.3g}" for mm in found.volume.spacing_mm or ()) or "–",
            found.volume.unit,
            str(found.volume.acquired_on or "–"),
        )
        for found in reading.found
    ]
    columns = (t("name"), t("modality"), t("slices × rows × columns"), t("spacing in mm"), t("unit"), t("date"))
    print_table(t("Read"), columns, rows)
    for found in reading.found:
        print_issues(found.volume.name, found.issues)
    for mask in masks:
        scan = reading.found[mask.scan].volume.name
        print_line(t("Mask of {scan} ({kind}): {name}", scan=scan, kind=mask.kind, name=mask.layer.name))
        print_issues(mask.layer.name, mask.layer.issues)
    for refusal in reading.refused:
        reason, hint = say(refusal.error.message), say(refusal.error.hint)
        print_line(t("Refused: {reason} {hint}", reason=reason, hint=hint))
