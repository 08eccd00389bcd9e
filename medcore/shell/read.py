"""The verb `read`: what the files hold, what is wrong with them, and on request the voxels as .npy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import typer

from medcore.errors import N_, NotFoundError, StoreError
from medcore.intake import Found, Reading, Refusal, Source, read_sources
from medcore.records import Issue
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
from medcore.volume import Array, Volume

Paths: TypeAlias = Annotated[list[Path], typer.Argument(metavar="PATH...", help=t("Files, folders or zips."))]
NpyFolder: TypeAlias = Annotated[
    Path | None, typer.Option("--npy", metavar="DIR", help=t("Also write each volume as .npy into this folder."))
]


def read(paths: Paths, npy: NpyFolder = None, as_json: AsJson = False) -> None:
    """Read scans without storing them."""
    reading = read_paths(paths, Settings.from_environment())
    written = [_write_volume(npy, found.volume, number) for number, found in enumerate(reading.found, start=1)]
    if as_json:
        volumes: list[Plain] = [_volume(found, path) for found, path in zip(reading.found, written, strict=True)]
        print_json({"volumes": volumes, "refused": [_refused(refusal) for refusal in reading.refused]})
    else:
        _print(reading)


def read_paths(paths: Sequence[Path], settings: Settings) -> Reading:
    """Read files, folders and zips in the sandbox.

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
        return read_sources(sources, sandbox=sandbox, settings=settings, progress=progress_line())


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


def _refused(refusal: Refusal) -> dict[str, Plain]:
    return {"name": refusal.name, **error_object(refusal.error)}


def _print(reading: Reading) -> None:
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
    for refusal in reading.refused:
        reason, hint = say(refusal.error.message), say(refusal.error.hint)
        print_line(t("Refused: {reason} {hint}", reason=reason, hint=hint))
