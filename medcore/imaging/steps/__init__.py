"""Preprocessing steps: a file in this folder is a step that a recipe may name; the work is done by image libraries."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, TypeAlias

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import N_, Message
from medcore.imaging.itk import to_geometry, to_image, to_voxels
from medcore.recipes import Parameter, Setting
from medcore.records import Issue
from medcore.registry import load_entries, load_entry
from medcore.volume import Array, Mask, Scale, Unit, Volume

Settings: TypeAlias = Mapping[str, Setting]
Watch: TypeAlias = Callable[[float], None]  # told the share done; raises CancelledError to stop the work


class Group(StrEnum):
    """What a step changes."""

    GREY = "grey"
    NOISE = "noise"
    SPACE = "space"


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What goes through a recipe: the scan, masks that travel with it, and what was said on the way."""

    volume: Volume
    masks: tuple[Mask, ...] = ()
    notes: tuple[Issue, ...] = ()


class Step(ABC):
    """One kind of preprocessing. A subclass is one file; its last line is `STEP = ...`.

    `parameters` says what can be set, with unit, range and default. `modalities` are the DICOM modalities it is made
    for, empty for any. `speed` is a rough number of voxels a second, from which a preview guesses how much it may
    take. `version` is raised when the same settings give another result than before.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    group: ClassVar[Group]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    modalities: ClassVar[tuple[str, ...]] = ()
    takes_colour: ClassVar[bool] = False
    gives_grey: ClassVar[bool] = False
    needs_scale: ClassVar[bool] = False
    speed: ClassVar[float] = 3e7
    version: ClassVar[int] = 1

    def refusal(self, scan: Volume) -> Message | None:
        """Why this scan cannot be put through the step; None when it can."""
        unknown = not scan.modality and scan.geometry.scale is Scale.PATIENT  # NIfTI and NRRD do not say
        if self.modalities and scan.modality not in self.modalities and not unknown:
            return Message(
                N_("“{step!t}” is made for {modalities}, not for {modality!t}."),
                {
                    "step": self.title,
                    "modalities": ", ".join(self.modalities),
                    "modality": scan.modality or N_("a picture of unknown kind"),
                },
            )
        if scan.unit is Unit.RGB and not self.takes_colour:
            return Message(N_("“{step!t}” works on grey values; add the step “Colour to grey” before."), _name(self))
        if self.needs_scale and scan.geometry.scale is Scale.NONE:
            return Message(N_("“{step!t}” works in millimetres, and this picture carries no scale."), _name(self))
        return None

    def on_part(self, settings: Settings, *, coarser: float, few_slices: bool) -> Settings:
        """Settings for a preview on a part of the scan, so that it looks like the same part of the whole.

        Args:
            coarser: Pixels of the part are that many times larger.
            few_slices: The part has only some of the slices.
        """
        part = dict(settings)
        for parameter in self.parameters:
            value = settings[parameter.id]
            if few_slices and parameter.id in ("slices_start", "slices_end"):
                part[parameter.id] = 0
            elif parameter.unit == "px" and not isinstance(value, str):
                part[parameter.id] = type(value)(max(parameter.low, round(value / coarser, 2)))
        return part

    @abstractmethod
    def apply(self, work: Work, settings: Settings, watch: Watch) -> Work:
        """The scan and its masks after the step.

        Args:
            settings: One value for each parameter, checked.

        Raises:
            RecipeError: The settings leave nothing of this scan.
        """


class GreyStep(Step):
    """A step that changes values and leaves every voxel where it is."""

    @abstractmethod
    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        """The scan with new values, and what to know about them."""

    def apply(self, work: Work, settings: Settings, watch: Watch) -> Work:
        volume, notes = self.change(work.volume, settings, watch)
        return replace(work, volume=volume, notes=(*work.notes, *notes))


class SpatialStep(Step):
    """A step that moves voxels: the scan and its masks go the same way, masks without mixing labels."""

    takes_colour = True

    @abstractmethod
    def move(self, image: sitk.Image, settings: Settings, *, fill: float, labels: bool) -> sitk.Image:
        """The image on its new grid.

        Args:
            image: Three axes (column, row, slice), one value a voxel.
            fill: Value of places that the image does not cover.
            labels: The values are labels: none may arise that was not there.
        """

    def fill(self, scan: Volume, settings: Settings) -> float:
        """What to put where the scan has nothing: its lowest value, which is air or black."""
        return float(scan.voxels.min())

    def apply(self, work: Work, settings: Settings, watch: Watch) -> Work:
        volume = work.volume
        fill = self.fill(volume, settings)
        channels = np.moveaxis(volume.voxels, 3, 0) if volume.unit is Unit.RGB else volume.voxels[np.newaxis]
        moved = []
        for number, channel in enumerate(channels):
            image = self.move(_precise(channel, volume), settings, fill=fill, labels=False)
            moved.append(rounded(to_voxels(image), volume.voxels.dtype))
            watch((number + 1) / (len(channels) + len(work.masks)))
        voxels = np.stack(moved, axis=-1) if volume.unit is Unit.RGB else moved[0]
        geometry = to_geometry(image, volume.geometry)
        masks = []
        for mask in work.masks:
            labels = self.move(to_image(mask.labels, mask.geometry), settings, fill=0, labels=True)
            masks.append(Mask(to_voxels(labels), mask.names, geometry))
        return replace(work, volume=replace(volume, voxels=voxels, geometry=geometry), masks=tuple(masks))


def load_steps() -> Mapping[str, Step]:
    """All steps by id."""
    return load_entries(sys.modules[__name__], "STEP", Step)


def load_step(name: str) -> Step:
    """One step.

    Raises:
        UnknownNameError: There is none of this name.
    """
    return load_entry(sys.modules[__name__], name, "STEP", Step)


def rounded(values: Array, kind: np.dtype[Any]) -> Array:
    """Values in another type: to the nearest whole number for an integer, held within its limits."""
    if values.dtype == kind or kind.kind not in "iu":
        return values.astype(kind, copy=False)
    limits = np.iinfo(kind)
    return np.clip(np.rint(values), limits.min, limits.max).astype(kind)


def _precise(channel: Array, volume: Volume) -> sitk.Image:
    """Interpolation in floating point: in integers SimpleITK would cut the fraction off."""
    exact = channel.dtype.kind in "iu" and channel.dtype.itemsize <= 2
    return to_image(channel.astype(np.float32 if exact else np.float64), volume.geometry)


def _name(step: Step) -> dict[str, str | int | float]:
    return {"step": step.title}
