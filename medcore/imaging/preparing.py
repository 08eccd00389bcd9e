"""Applies a recipe to a scan: checked first, step by step, with what was lost and everything needed to repeat it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata

import cv2
import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

import medcore
from medcore.errors import N_, CancelledError, Message, RecipeError, UnfitInputError
from medcore.imaging.losses import losses
from medcore.imaging.steps import Step, Work, load_step, load_steps
from medcore.recipes import Recipe, RecipeStep
from medcore.records import Issue
from medcore.volume import Affine, Array, Geometry, Mask, Unit, Volume

STAMP = "Research and teaching only; not a medical device"
PREVIEW_SECONDS = 1.0  # what a preview may take, by the steps' rough speeds
LIBRARIES = ("numpy", "SimpleITK", "scikit-image", "opencv-python-headless")

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything needed to repeat a preparation.

    Args:
        recipe: As it was applied, every setting written out.
        source_sha256: Of the scan it was applied to.
        result_sha256: Of the voxels and positions that came out; equal numbers are bit-identical results.
        software: Versions of MedCore and of the libraries that did the work.
    """

    recipe: Recipe
    source_sha256: str
    result_sha256: str
    software: dict[str, str]
    seconds: float
    made_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What came out of a recipe.

    Args:
        volume: The result.
        masks: The masks that went along, on the result's grid.
        notes: What was lost or should be known, step by step.
    """

    volume: Volume
    masks: tuple[Mask, ...]
    notes: tuple[Issue, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The part of a scan that a preview is computed on.

    Args:
        volume: With as much of the scan as can be done in time.
        recipe: With settings that suit the part.
        first: Its first slice in the scan.
        coarser: How many times larger its pixels are.
        whole: It is the scan itself.
    """

    volume: Volume
    recipe: Recipe
    first: int
    coarser: float
    whole: bool


def validated(recipe: Recipe) -> Recipe:
    """The recipe with every setting written out and in its type, and the version of each step.

    Raises:
        RecipeError: A step or setting is unknown, a value is out of range, or a step has changed since.
    """
    return replace(recipe, steps=tuple(_validated(use) for use in recipe.steps))


def check_fit(recipe: Recipe, scan: Volume) -> None:
    """Find out before any work whether each step takes the scan.

    Raises:
        UnfitInputError: One does not; the message names it and says why.
    """
    corner = (slice(0, 1),) * 3
    stand_in = replace(scan, voxels=scan.voxels[corner])
    for use in recipe.steps:
        step = load_step(use.step)
        reason = step.refusal(stand_in)
        if reason is not None:
            raise UnfitInputError(reason.template, hint=N_("Take the step out of the recipe."), **reason.values)
        if step.gives_grey and stand_in.unit is Unit.RGB:
            stand_in = replace(stand_in, voxels=stand_in.voxels[..., 0], unit=Unit.GREY)


def apply_recipe(
    recipe: Recipe,
    scan: Volume,
    *,
    masks: Sequence[Mask] = (),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prepared:
    """Put a scan, and masks of it, through a recipe.

    The same recipe on the same scan gives the same bits, in the app and on the command line.

    Raises:
        RecipeError: The recipe is not in order, or leaves nothing of this scan.
        UnfitInputError: A step does not take this scan.
        CancelledError: `cancelled` became true.
    """
    recipe = validated(recipe)
    check_fit(recipe, scan)
    started = time.monotonic()
    work = Work(scan, tuple(masks))
    for number, use in enumerate(recipe.steps):
        step = load_step(use.step)
        watch = _watch(progress, cancelled, step, number, len(recipe.steps))
        watch(0.0)
        work = step.apply(work, use.settings, watch)
        watch(1.0)
    notes = (*work.notes, *losses(scan, work.volume))
    result = replace(work.volume, sha256=content_sha256(work.volume), transfer_syntax="")
    provenance = Provenance(
        recipe=recipe,
        source_sha256=scan.sha256,
        result_sha256=result.sha256,
        software=_software(),
        seconds=time.monotonic() - started,
        made_at=datetime.now(UTC),
    )
    return Prepared(result, work.masks, notes, provenance)


def part_for_preview(recipe: Recipe, scan: Volume, *, at: int | None = None) -> Part:
    """As much of the scan as the recipe can be tried on in about a second: whole slices around one, or coarser pixels.

    Args:
        recipe: Validated.
        at: The slice wanted; the middle one when left out.
    """
    voxels = float(np.prod(scan.shape))
    needed = sum(voxels / load_step(use.step).speed for use in recipe.steps)
    if needed <= PREVIEW_SECONDS:
        return Part(scan, recipe, 0, 1.0, whole=True)
    count = int(scan.shape[0] * PREVIEW_SECONDS / needed)
    few = min(max(count, 1), scan.shape[0])
    first = int(np.clip((scan.shape[0] // 2 if at is None else at) - few // 2, 0, scan.shape[0] - few))
    part = _slices(scan, first, few)
    coarser = 1.0 if count else float(np.sqrt(needed / scan.shape[0] / PREVIEW_SECONDS))
    if coarser > 1.0:
        part = _coarser(part, coarser)
    return Part(part, _for_part(recipe, coarser, few < scan.shape[0]), first, coarser, whole=False)


def content_sha256(volume: Volume) -> str:
    """Of what a volume is: type, shape, position and values of its voxels."""
    digest = hashlib.sha256(f"{volume.voxels.dtype.str}{volume.voxels.shape}{volume.unit}".encode())
    digest.update(np.ascontiguousarray(volume.geometry.affine).tobytes())
    digest.update(np.ascontiguousarray(volume.voxels).data)
    return digest.hexdigest()


def _validated(use: RecipeStep) -> RecipeStep:
    known = load_steps()
    if use.step not in known:
        raise RecipeError(
            N_("There is no step “{name}”."),
            hint=N_("Known steps: {known}."),
            name=use.step[:40],
            known=", ".join(known),
        )
    step = known[use.step]
    if use.version not in (0, step.version):
        raise RecipeError(
            N_("The step {name} was version {old} when this recipe was written and is version {new} now."),
            hint=N_("The result may differ. Take the step's line “version” out of the recipe to use it as it is now."),
            name=use.step,
            old=use.version,
            new=step.version,
        )
    parameters = {parameter.id: parameter for parameter in step.parameters}
    for name in use.settings:
        if name not in parameters:
            raise RecipeError(
                N_("The step {step} has no setting “{name}”."),
                hint=N_("Its settings: {known}."),
                step=use.step,
                name=name[:40],
                known=", ".join(parameters) or "–",
            )
    given = use.settings
    settings = {name: p.checked(given.get(name, p.default), step=use.step) for name, p in parameters.items()}
    return RecipeStep(use.step, settings, step.version)


def _watch(
    progress: Progress | None, cancelled: Callable[[], bool] | None, step: Step, number: int, count: int
) -> Callable[[float], None]:
    stage = Message("{number}/{count} {step!t}", {"number": number + 1, "count": count, "step": step.title})

    def watch(share: float) -> None:
        if cancelled is not None and cancelled():
            raise CancelledError(N_("Stopped."))
        if progress is not None:
            progress((number + share) / count, stage)

    return watch


def _slices(scan: Volume, first: int, count: int) -> Volume:
    affine = scan.geometry.affine.copy()
    affine[:3, 3] = scan.geometry.to_lps(np.array([first, 0, 0]))
    return replace(scan, voxels=scan.voxels[first : first + count], geometry=_placed(scan.geometry, affine))


def _coarser(scan: Volume, factor: float) -> Volume:
    """Larger pixels, the same field."""
    _, rows, columns = scan.shape
    small = max(1, round(rows / factor)), max(1, round(columns / factor))
    affine = scan.geometry.affine.copy()
    for axis, (old, new) in enumerate(zip((rows, columns), small, strict=True), start=1):
        affine[:3, axis] *= old / new
        affine[:3, 3] += scan.geometry.affine[:3, axis] * (old / new - 1) / 2
    planes = [_shrunk(plane, small) for plane in scan.voxels]
    return replace(scan, voxels=np.stack(planes), geometry=_placed(scan.geometry, affine))


def _shrunk(plane: Array, size: tuple[int, int]) -> Array:
    kind = plane.dtype if plane.dtype in (np.uint8, np.uint16, np.int16, np.float32) else np.dtype(np.float32)
    return np.asarray(cv2.resize(np.ascontiguousarray(plane, dtype=kind), size[::-1], interpolation=cv2.INTER_AREA))


def _placed(like: Geometry, affine: Affine) -> Geometry:
    return Geometry(affine, scale=like.scale, frame_of_reference=like.frame_of_reference)


def _for_part(recipe: Recipe, coarser: float, few_slices: bool) -> Recipe:
    steps = []
    for use in recipe.steps:
        settings = load_step(use.step).on_part(use.settings, coarser=coarser, few_slices=few_slices)
        steps.append(replace(use, settings=settings))
    return replace(recipe, steps=tuple(steps))


def _software() -> dict[str, str]:
    return {"MedCore": medcore.__version__, "ITK": sitk.Version.ITKVersionString()} | {
        name: metadata.version(name) for name in LIBRARIES
    }
