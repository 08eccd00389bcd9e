"""Numbered pictures as one volume: natural order, missing numbers named, the spacing as the user states it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from medcore.errors import N_, Message
from medcore.records import Issue, Severity
from medcore.volume import Array, Geometry, Triple, Unit, Volume

NUMBER = re.compile(r"\d+")
ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
SHOWN = 8  # missing numbers that are named one by one


@dataclass(frozen=True, slots=True, eq=False)
class Pile:
    """Pictures that make one volume, or one picture that makes none.

    Args:
        volume: Their volume, with millimetres; a single picture stays as it is.
        members: Where they stand among the pictures given.
        issues: What is doubtful about the volume.
    """

    volume: Volume
    members: tuple[int, ...]
    issues: tuple[Issue, ...] = ()


def piles(pictures: Sequence[tuple[str, Volume]], spacing_mm: Triple) -> list[Pile]:
    """Put pictures of equal size whose names differ in their last number into volumes.

    Args:
        pictures: File name, with folders, and picture; a picture of several pages is a volume by itself.
        spacing_mm: From slice to slice, between rows, between columns, as the user states it.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, (name, volume) in enumerate(pictures):
        alone = (index,) if volume.shape[0] > 1 else ()
        groups.setdefault((_pattern(name), volume.shape[1:], *alone), []).append(index)
    return [_pile(pictures, members, spacing_mm) for members in groups.values()]


def numbered(names: Sequence[str]) -> int:
    """How many of the names are pictures of the largest numbered set (img001.png, img002.png ...); 0 for none."""
    groups = Counter(_pattern(name) for name in names if name.lower().endswith(ENDINGS) and NUMBER.search(name))
    most = max(groups.values(), default=0)
    return most if most > 1 else 0


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts img2 before img10."""
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", name.lower()))


def missing_numbers(numbers: Sequence[int]) -> list[int]:
    """The numbers that a sorted sequence leaves out, its smallest step being the rule."""
    steps = [after - before for before, after in itertools.pairwise(numbers) if after > before]
    if not steps:
        return []
    step = min(steps)
    present = set(numbers)
    count = (numbers[-1] - numbers[0]) // step + 1
    if count > 100 * len(numbers):  # not numbered one after the other at all
        return []
    return [number for number in range(numbers[0], numbers[-1], step) if number not in present]


def _pattern(name: str) -> str:
    """The name without its last number, which is that of the slice."""
    found = list(NUMBER.finditer(name))
    return name if not found else name[: found[-1].start()] + "#" + name[found[-1].end() :]


def _pile(pictures: Sequence[tuple[str, Volume]], members: list[int], spacing_mm: Triple) -> Pile:
    members = sorted(members, key=lambda index: natural(pictures[index][0]))
    volumes = [pictures[index][1] for index in members]
    first = volumes[0]
    if len(members) == 1 and first.shape[0] == 1:
        return Pile(first, tuple(members))
    numbers = [_number(pictures[index][0]) for index in members]
    lost = missing_numbers([number for number in numbers if number is not None])
    voxels = first.voxels if len(volumes) == 1 else np.concatenate(_alike(volumes))
    stacked = replace(
        first,
        voxels=voxels,
        unit=Unit.RGB if voxels.ndim == 4 else Unit.GREY,
        geometry=Geometry.from_spacing(spacing_mm),
        name=first.name if len(volumes) == 1 else _title(pictures[members[0]][0], len(members)),
        sha256=first.sha256 if len(volumes) == 1 else sha256("".join(v.sha256 for v in volumes).encode()).hexdigest(),
    )
    return Pile(stacked, tuple(members), (_stated(spacing_mm), *([_lost(lost)] if lost else [])))


def _number(name: str) -> int | None:
    found = NUMBER.findall(name.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    return int(found[-1]) if found else None


def _title(name: str, count: int) -> str:
    stem = name.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return f"{NUMBER.sub('', stem).strip(' _-.') or 'pictures'}, {count} slices"[:80]


def _alike(volumes: Sequence[Volume]) -> list[Array]:
    """Their voxels in one form: colour if one has colour (a black page of a colour stack was read as grey)."""
    arrays = [volume.voxels for volume in volumes]
    if any(array.ndim == 4 for array in arrays):
        return [array if array.ndim == 4 else np.repeat(_eight(array)[..., None], 3, axis=3) for array in arrays]
    return arrays


def _eight(array: Array) -> Array:
    return array if array.dtype == np.uint8 else (array.astype(np.uint32) >> 8).astype(np.uint8)


def _stated(spacing_mm: Triple) -> Issue:
    values: Mapping[str, float] = dict(zip(("slice", "row", "column"), spacing_mm, strict=True))
    return Issue(
        "spacing_stated",
        Severity.WARN,
        Message(
            N_("The pictures were stacked with the spacing that was stated: {slice} × {row} × {column} mm."), values
        ),
        Message(N_("Sides and direction are not known; every measure is only as true as the stated spacing.")),
    )


def _lost(numbers: Sequence[int]) -> Issue:
    named = ", ".join(map(str, numbers[:SHOWN])) + (" …" if len(numbers) > SHOWN else "")
    return Issue(
        "missing_slice",
        Severity.BLOCK,
        Message(
            N_("{count} pictures are missing by their numbers: {numbers}."), {"count": len(numbers), "numbers": named}
        ),
        Message(N_("Add the missing pictures; do not measure on this volume.")),
        measured=float(len(numbers)),
        limit=0.0,
    )
