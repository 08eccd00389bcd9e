"""The prepare page's door: steps and presets, live previews, results kept with their recipe, regions found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medcore.errors import N_, CancelledError, Message, NotFoundError
from medcore.imaging.losses import losses, outside
from medcore.imaging.preparing import (
    STAMP,
    Part,
    Prepared,
    apply_recipe,
    check_fit,
    part_for_preview,
    validated,
)
from medcore.imaging.presets import presets_for
from medcore.imaging.regions import RegionMask, load_regions, segment
from medcore.imaging.steps import load_steps
from medcore.imaging.thumbnail import thumbnail
from medcore.recipes import FORMAT, Parameter, Recipe, parsed
from medcore.records import Issue, ScanFacts
from medcore.store.store import Store
from medcore.store.studies import NewScan, NewStudy, clean_title
from medcore.volume import Array, Mask, MaskFacts, MaskOrigin, Volume

BINS = 96
SAMPLE_VOXELS = 1_000_000
TAIL_PERCENT = 0.05  # of the values at each end that a histogram leaves out
SAVING_SHARE = 0.9
RECIPE, TITLE, SOURCE = "recipe", "recipe_title", "derived_from"  # names of a derived scan's facts

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class StepInfo:
    """A step as a page offers it.

    Args:
        group: "grey", "noise" or "space".
        parameters: With ranges that suit the scan.
        reason: Why this scan cannot take it; None when it can.
    """

    id: str
    title: str
    summary: str
    group: str
    parameters: tuple[Parameter, ...]
    reason: Message | None


@dataclass(frozen=True, slots=True)
class RegionInfo:
    """A region as a page offers it; `reason` says why it cannot be found in this scan, None when it can."""

    id: str
    title: str
    summary: str
    reason: Message | None


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How often values occur.

    Args:
        values: (BINS,) middles of the bins.
        percent: (BINS,) of the voxels.
    """

    values: NDArray[np.float64]
    percent: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A recipe tried on as much of a scan as can be done in about a second.

    Args:
        before: The part of the scan.
        after: What the recipe makes of it.
        lost: On the grid of `before`, what the result does not cover; None where it covers all.
        notes: What was lost or should be known.
        shown: Which part it is.
        whole: The part is the scan, so the result will be the very same.
    """

    before: Volume
    after: Volume
    lost: Mask | None
    notes: tuple[Issue, ...]
    histograms: tuple[Histogram, Histogram]
    shown: Message
    whole: bool
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """A scan that a recipe has made, as it is stored now.

    Args:
        study: Id of its study.
        scan: The new scan.
        masks: Those of the original that went along.
        known: The same result was there already.
    """

    study: str
    scan: ScanFacts
    masks: tuple[MaskFacts, ...]
    notes: tuple[Issue, ...]
    known: bool


@dataclass(frozen=True, slots=True, eq=False)
class FoundRegion:
    """A region that was found in a stored scan; it is kept when the user says so."""

    study: str
    scan: str
    title: str
    found: RegionMask


@dataclass(frozen=True, slots=True)
class Prepare:
    """Preprocessing of stored scans."""

    store: Store

    def steps(self, scan: Volume) -> tuple[StepInfo, ...]:
        """All steps, each with whether this scan can take it."""
        return tuple(
            StepInfo(
                id=name,
                title=step.title,
                summary=step.summary,
                group=step.group.value,
                parameters=tuple(_suited(parameter, scan) for parameter in step.parameters),
                reason=step.refusal(scan),
            )
            for name, step in load_steps().items()
        )

    def presets(self, modality: str) -> tuple[Recipe, ...]:
        """Recipes to begin with; the ones made for the modality first."""
        return tuple(validated(preset.recipe) for preset in presets_for(modality))

    def read_recipe(self, text: str) -> Recipe:
        """The recipe of a TOML or JSON text, every setting checked.

        Raises:
            RecipeError: It is no recipe, or names what does not exist or is out of range.
        """
        return validated(parsed(text))

    def preview(self, scan: Volume, recipe: Recipe, *, at: int | None = None) -> Preview:
        """Try a recipe on the whole scan where that is fast, else on slices around `at` or on coarser pixels.

        Raises:
            RecipeError: The recipe is not in order, or leaves nothing of this scan.
            UnfitInputError: A step does not take this scan.
        """
        started = time.monotonic()
        recipe = validated(recipe)
        check_fit(recipe, scan)
        part = part_for_preview(recipe, scan, at=at)
        done = apply_recipe(part.recipe, part.volume)
        lost = None
        if any(note.code == "field_cut" for note in losses(part.volume, done.volume)):
            gone = outside(part.volume, done.volume).astype(np.uint8)
            lost = Mask(gone, {1: N_("Cut off")}, part.volume.geometry)
        return Preview(
            before=part.volume,
            after=done.volume,
            lost=lost,
            notes=done.notes,
            histograms=(histogram(part.volume.voxels), histogram(done.volume.voxels)),
            shown=_shown(part, scan),
            whole=part.whole,
            seconds=time.monotonic() - started,
        )

    def save(
        self,
        study_id: str,
        scan_id: str,
        recipe: Recipe,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Derived:
        """Apply a recipe to a whole stored scan and keep the result beside it, with the recipe and the scan's masks.

        The original stays as it is. The same recipe on the same scan is kept once.

        Raises:
            NotFoundError: The scan was deleted meanwhile.
            RecipeError: The recipe is not in order, or leaves nothing of this scan.
            UnfitInputError: A step does not take this scan.
            CancelledError: `cancelled` became true; nothing was kept.
        """
        tell = progress or (lambda fraction, stage: None)
        facts = _facts(self.store, study_id, scan_id)
        scan = self.store.volume(scan_id)
        kept = self.store.masks(scan_id)
        done = apply_recipe(
            recipe,
            scan,
            masks=[self.store.mask(mask.id) for mask in kept],
            progress=lambda share, stage: tell(share * SAVING_SHARE, stage),
            cancelled=cancelled,
        )
        tell(SAVING_SHARE, Message(N_("Saving the result")))
        if cancelled is not None and cancelled():
            raise CancelledError(N_("Stopped."))
        volume = _named(done, scan_id)
        new = NewScan(volume, (*facts.issues, *done.notes), thumbnail=thumbnail(volume))
        (added,) = self.store.add_studies([NewStudy("", (new,), joins=study_id)])
        derived = next(one for one in added.study.scans if one.sha256 == volume.sha256)
        masks: list[MaskFacts] = []
        if added.new_scans:
            pairs = zip(done.masks, kept, strict=True)
            masks = [self.store.save_mask(derived.id, mask, name=of.name, origin=of.origin) for mask, of in pairs]
        return Derived(study_id, derived, tuple(masks), done.notes, known=not added.new_scans)

    def recipe_of(self, scan: Volume) -> Recipe | None:
        """The recipe that made a derived scan; None for an original."""
        if RECIPE not in scan.facts:
            return None
        stored = {**json.loads(scan.facts[RECIPE]), "format": FORMAT, "title": scan.facts.get(TITLE, "")}
        return parsed(json.dumps(stored))

    def regions(self, scan: Volume) -> tuple[RegionInfo, ...]:
        """All regions, each with whether it can be looked for in this scan."""
        return tuple(
            RegionInfo(name, region.title, region.summary, region.refusal(scan))
            for name, region in load_regions().items()
        )

    def find_region(
        self,
        study_id: str,
        scan_id: str,
        region: str,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> FoundRegion:
        """Find a region in a stored scan; nothing is kept yet.

        Raises:
            UnknownNameError: There is no such region.
            UnfitInputError: The scan is not what the method is made for.
            CancelledError: `cancelled` became true.
        """
        found = segment(region, self.store.volume(scan_id), progress=progress, cancelled=cancelled)
        return FoundRegion(study_id, scan_id, load_regions()[region].title, found)

    def keep_region(self, region: FoundRegion, *, name: str, labels: dict[int, str]) -> MaskFacts:
        """Keep a found region as a mask of its scan.

        Args:
            name: What to call it.
            labels: Label value to name, in the reader's language.

        Raises:
            NotFoundError: The scan was deleted meanwhile.
        """
        mask = Mask(region.found.mask.labels, labels, region.found.mask.geometry)
        return self.store.save_mask(region.scan, mask, name=name, origin=MaskOrigin.REGION)


def histogram(voxels: Array) -> Histogram:
    """How often values occur, between the extreme tails."""
    flat = voxels.reshape(-1)
    flat = flat[:: max(1, flat.size // SAMPLE_VOXELS)].astype(np.float64)
    low, high = np.percentile(flat, (TAIL_PERCENT, 100 - TAIL_PERCENT))
    if high <= low:
        low, high = low - 0.5, low + 0.5
    counts, edges = np.histogram(flat, bins=BINS, range=(float(low), float(high)))
    return Histogram((edges[:-1] + edges[1:]) / 2, 100.0 * counts / flat.size)


def _suited(parameter: Parameter, scan: Volume) -> Parameter:
    """The parameter of a window with the range of the scan's own values, so that a slider can be held."""
    if parameter.id not in ("centre", "width"):
        return parameter
    low, high = scan.value_range
    spread = max(high - low, 1.0)
    notch = max(1.0, round(spread / 500)) if spread > 10 else spread / 200
    ends = (low, high) if parameter.id == "centre" else (notch, 2 * spread)
    low, high = max(parameter.low, np.floor(ends[0])), min(parameter.high, np.ceil(ends[1]))
    return replace(
        parameter, unit=scan.unit.value if scan.unit.value in ("HU", "SUV") else "", low=low, high=high, step=notch
    )


def _shown(part: Part, scan: Volume) -> Message:
    if part.whole:
        return Message(N_("The preview shows the whole scan, as it will be."))
    if part.coarser > 1:
        return Message(
            N_("The preview is computed with {factor} times coarser pixels, because a step is slow."),
            {"factor": f"{part.coarser:.1f}"},
        )
    return Message(
        N_("The preview shows slices {first} to {last} of {count}, because a step is slow."),
        {"first": part.first + 1, "last": part.first + part.volume.shape[0], "count": scan.shape[0]},
    )


def _facts(store: Store, study_id: str, scan_id: str) -> ScanFacts:
    for scan in store.study(study_id).scans:
        if scan.id == scan_id:
            return scan
    raise NotFoundError(N_("This scan is not in the store."), hint=N_("It may have been deleted; choose another one."))


def _named(done: Prepared, scan_id: str) -> Volume:
    """The result with a name of its own and all that is needed to repeat it."""
    made = done.provenance
    title = clean_title(made.recipe.title) or ", ".join(use.step for use in made.recipe.steps) or "–"
    facts = {
        **done.volume.facts,
        RECIPE: made.recipe.canonical,
        TITLE: made.recipe.title,
        "recipe_sha256": made.recipe.sha256,
        SOURCE: scan_id,
        "source_sha256": made.source_sha256,
        "software": ", ".join(f"{name} {version}" for name, version in made.software.items()),
        "stamp": STAMP,
    }
    return replace(done.volume, name=clean_title(f"{done.volume.name} · {title}"), facts=facts)
