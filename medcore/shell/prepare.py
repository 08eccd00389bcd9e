"""The verb `prepare`: put the scan in a file through a recipe, or find a region in it, and write what comes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from medcore.errors import N_, Message, RecipeError, UnfitInputError
from medcore.intake import Found
from medcore.recipes import Recipe, as_toml, parsed
from medcore.records import Severity
from medcore.settings import Settings
from medcore.shell.output import (
    AsJson,
    Plain,
    note,
    plain,
    print_issues,
    print_json,
    print_table,
    progress_line,
    say,
    t,
)
from medcore.shell.read import issue_objects, read_paths, unwritable
from medcore.volume import Mask, Scale, Unit, Volume

if TYPE_CHECKING:
    from medcore.imaging.preparing import Prepared  # brings the image libraries, which take a second
    from medcore.imaging.regions import RegionMask


class Form(StrEnum):
    """How volumes are written."""

    AUTO = "auto"  # NIfTI, and .npy for a picture, which has no place in a patient
    NIFTI = "nifti"
    NRRD = "nrrd"
    NPY = "npy"


def prepare(
    path: Annotated[Path, typer.Argument(metavar="PATH", help=t("A file, a folder or a zip with one scan."))],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help=t("Folder to write to."))],
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="R.toml", help=t("The recipe, as the page Prepare writes it."))
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", help=t("Find a region in the result: body, bone, brain or lungs."))
    ] = None,
    form: Annotated[Form, typer.Option("--format", help=t("auto, nifti, nrrd or npy."))] = Form.AUTO,
    scan: Annotated[
        int, typer.Option("--scan", min=0, help=t("Which scan of several, from 1; the verb read lists them."))
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Prepare a scan."""
    from medcore.imaging.preparing import apply_recipe, validated
    from medcore.imaging.regions import segment

    chosen = validated(_recipe(recipe)) if recipe is not None else Recipe()
    found = _one(read_paths([path], Settings.from_environment()).found, scan, path)
    _refuse_blocked(found)
    done = apply_recipe(chosen, found.volume, progress=_told())
    regions = [segment(name, done.volume, progress=_told()) for name in region or ()]
    written = _write(done, regions, out, form)
    if as_json:
        print_json(_answer(done, found, regions, written))
    else:
        _print(done, regions, written)


def _recipe(path: Path) -> Recipe:
    try:
        return parsed(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            N_("The recipe {path} cannot be read."), hint=N_("Name a TOML or JSON file."), path=str(path)
        ) from error


def _one(found: tuple[Found, ...], number: int, path: Path) -> Found:
    if not found:
        raise UnfitInputError(
            N_("{path} holds no scan that can be read."), hint=N_("The verb read says why."), path=str(path)
        )
    if number > len(found) or (number == 0 and len(found) > 1):
        raise UnfitInputError(
            N_("{path} holds {count} scans; name one of them."),
            hint=N_("Add --scan with its number; the verb read lists them."),
            path=str(path),
            count=len(found),
        )
    return found[max(number, 1) - 1]


def _refuse_blocked(found: Found) -> None:
    for issue in found.issues:
        if issue.severity is Severity.BLOCK:
            raise UnfitInputError(issue.message.template, hint=issue.hint.template, **issue.message.values)


def _told() -> Callable[[float, Message], None]:
    show = progress_line()
    return lambda share, stage: show(share, say(stage))


def _write(done: Prepared, regions: list[RegionMask], out: Path, form: Form) -> dict[str, Path]:
    """Write volume, masks, recipe and provenance; returns the paths by what they hold.

    Raises:
        StoreError: A file cannot be written.
        UnfitInputError: The form cannot hold the volume.
    """
    if form is Form.AUTO:
        fits = done.volume.geometry.scale is Scale.PATIENT and done.volume.unit is not Unit.RGB
        form = Form.NIFTI if fits else Form.NPY
    paths = {"volume": _write_volume(done.volume, out / "volume", form)}
    for found in regions:
        labels = _labels(found.mask, done.volume)
        paths[found.region] = _write_volume(labels, out / f"mask-{found.region}", form)
    texts = {
        "recipe": (out / "recipe.toml", as_toml(done.provenance.recipe)),
        "provenance": (out / "provenance.json", json.dumps(_provenance(done), ensure_ascii=False, indent=2) + "\n"),
    }
    for name, (path, text) in texts.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise unwritable(path, error) from error
        paths[name] = path
    return paths


def _write_volume(volume: Volume, path: Path, form: Form) -> Path:
    from medcore.exports.nifti_images import write_nifti
    from medcore.exports.nrrd_images import write_nrrd

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if form is Form.NIFTI:
            return write_nifti(volume, path.with_suffix(".nii.gz"))
        if form is Form.NRRD:
            return write_nrrd(volume, path.with_suffix(".nrrd"))
        np.save(path.with_suffix(".npy"), volume.voxels, allow_pickle=False)
    except OSError as error:
        raise unwritable(path, error) from error
    return path.with_suffix(".npy")


def _labels(mask: Mask, like: Volume) -> Volume:
    return Volume(mask.labels, Unit.GREY, like.modality, mask.geometry, name=like.name, synthetic=like.synthetic)


def _provenance(done: Prepared) -> dict[str, Plain]:
    from medcore.imaging.preparing import STAMP

    made = done.provenance
    return {
        "stamp": STAMP,
        "recipe": {**json.loads(made.recipe.canonical), "title": made.recipe.title},
        "recipe_sha256": made.recipe.sha256,
        "source_sha256": made.source_sha256,
        "result_sha256": made.result_sha256,
        "affine": [[float(x) for x in row] for row in done.volume.geometry.affine],
        "scale": done.volume.geometry.scale.value,
        "notes": issue_objects(done.notes),
        "software": dict(made.software),
        "seconds": round(made.seconds, 3),
        "made_at": made.made_at.isoformat(),
    }


def _answer(done: Prepared, found: Found, regions: list[RegionMask], written: dict[str, Path]) -> dict[str, Plain]:
    volume = done.volume
    return {
        "volume": {
            "name": volume.name,
            "path": str(written["volume"]),
            "modality": volume.modality,
            "shape": list(volume.shape),
            "unit": volume.unit.value,
            "spacing_mm": plain(volume.spacing_mm),
            "orientation": volume.geometry.orientation,
            "value_range": list(volume.value_range),
            "sha256": volume.sha256,
        },
        "source": {"name": found.volume.name, "sha256": found.volume.sha256, "issues": issue_objects(found.issues)},
        "notes": issue_objects(done.notes),
        "recipe": {
            "path": str(written["recipe"]),
            "title": done.provenance.recipe.title,
            "sha256": done.provenance.recipe.sha256,
        },
        "provenance": str(written["provenance"]),
        "regions": [_region(one, written[one.region]) for one in regions],
    }


def _region(found: RegionMask, path: Path) -> dict[str, Plain]:
    return {
        "region": found.region,
        "mask": str(path),
        "volumes_ml": {t(name): round(ml, 3) for name, ml in found.volumes_ml.items()},
        "quality": round(found.quality, 4),
        "reasons": [{"message": say(reason.message), "score": round(reason.score, 4)} for reason in found.reasons],
    }


def _print(done: Prepared, regions: list[RegionMask], written: dict[str, Path]) -> None:
    rows = [(name, str(path)) for name, path in written.items()]
    print_table(t("Written"), (t("what"), t("path")), rows)
    print_issues(done.volume.name, done.notes)
    for found in regions:
        sizes = [(t(name), f"{ml:.1f}", f"{found.quality:.2f}") for name, ml in found.volumes_ml.items()]
        print_table(found.region, (t("region"), t("volume in ml"), t("quality")), sizes)
    note(t("Research and teaching; not a medical device."))
