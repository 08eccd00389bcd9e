"""Labelled pictures: read, prepared by the task as when serving, split by patient, drawn in balance."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy import float32, int64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, EmptyFileError, NotFoundError
from medcore.nn.training.recipe import Source
from medcore.tasks import Task
from medcore.volume import Array, Geometry, Unit, Volume

TWIN_CORRELATION = 0.97  # of 32×32 thumbnails: above it two pictures count as the same
THUMBNAIL = 32
SPLITS = ("train", "validation", "test")
SHARES = (0.70, 0.15, 0.15)


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Labelled pictures as the network sees them.

    Args:
        seen: (N, side, side) float16 in 0..1.
        truth: (N,) bool.
        source: (N,) index into the recipe's sources.
        group: (N,) id of the cluster of one patient and of near-duplicates.
        split: (N,) index into SPLITS; a group is never divided.
    """

    seen: Array
    truth: Array
    source: Array
    group: NDArray[int64]
    split: Array

    def only(self, rows: Array) -> Pictures:
        """The pictures of a boolean choice (N,)."""
        return Pictures(self.seen[rows], self.truth[rows], self.source[rows], self.group[rows], self.split[rows])

    def part(self, name: str) -> Array:
        """Row numbers of one split."""
        return np.flatnonzero(self.split == SPLITS.index(name))


def load_pictures(sources: Sequence[Source], folder: Path, *, task: Task, card: ModelCard, seed: int) -> Pictures:
    """Read and prepare all pictures of all sources.

    Raises:
        NotFoundError: A source folder has no index.csv.
        EmptyFileError: A picture cannot be read.
    """
    seen, truth, origin, patients = [], [], [], []
    for number, source in enumerate(sources):
        for row in _rows(folder / source.folder / "index.csv"):
            scan = read_picture(folder / source.folder / row["file"])
            seen.append(task.prepare(scan, card).seen.astype(np.float16))
            truth.append(source.positive == ("*",) or row[source.column] in source.positive)
            origin.append(number)
            patients.append(f"{source.name}/{row[source.group]}")
    stack, labels, sources_of = np.stack(seen), np.array(truth), np.array(origin)
    group = cluster(stack, patients)
    return Pictures(stack, labels, sources_of, group, split_groups(group, 2 * sources_of + labels, seed))


def read_picture(path: Path) -> Volume:
    """One picture of a training set as a grey scan.

    Raises:
        EmptyFileError: The file is no picture.
    """
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise EmptyFileError(N_("{name} cannot be read as a picture."), name=path.name)
    return Volume(voxels=grey[None], unit=Unit.GREY, modality="", geometry=Geometry.pixels(), name=path.stem)


def cluster(seen: Array, patients: Sequence[str]) -> NDArray[int64]:
    """One id per cluster: pictures of one patient, and near-duplicates, belong together (union-find)."""
    parent = np.arange(len(patients))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    first: dict[str, int] = {}
    for i, patient in enumerate(patients):
        parent[root(i)] = root(first.setdefault(patient, i))
    for i, j in twins(seen):
        parent[root(i)] = root(j)
    return np.array([root(i) for i in range(len(patients))], dtype=int64)


def twins(seen: Array) -> Iterator[tuple[int, int]]:
    """Pairs of pictures whose 32×32 thumbnails, less the mean picture, correlate above TWIN_CORRELATION."""
    small = np.stack(
        [cv2.resize(s.astype(float32), (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA) for s in seen]
    )
    flat = small.reshape(len(small), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-9
    for i in range(len(flat)):
        for j in np.flatnonzero(flat[i + 1 :] @ flat[i] > TWIN_CORRELATION):
            yield i, i + 1 + int(j)


def split_groups(group: NDArray[int64], cell: Array, seed: int) -> Array:
    """Assign whole groups to train, validation and test by a seeded hash, cell by cell to keep the shares."""
    split = np.zeros(len(group), dtype=int)
    cell_of_group = {int(g): int(cell[np.flatnonzero(group == g)[0]]) for g in np.unique(group)}
    for kind in sorted(set(cell_of_group.values())):
        members = [g for g, c in cell_of_group.items() if c == kind]
        members.sort(key=lambda g: hashlib.sha256(f"{seed}:{g}".encode()).digest())
        bounds = np.cumsum(SHARES)[:-1] * len(members)
        for rank, g in enumerate(members):
            split[group == g] = int(np.searchsorted(bounds, rank, side="right"))
    return split


def draw(pictures: Pictures, sources: Sequence[Source], count: int, random: np.random.Generator) -> Array:
    """Row numbers of one epoch: every source by its weight, and in each source as many positive as negative."""
    rows = pictures.part("train")
    total = sum(s.weight for s in sources)
    drawn = []
    for number, source in enumerate(sources):
        for truth in (False, True):
            cell = rows[(pictures.source[rows] == number) & (pictures.truth[rows] == truth)]
            share = round(count * source.weight / total / 2)
            whole, rest = divmod(share, len(cell))
            drawn += [cell] * whole + [random.choice(cell, rest, replace=False)]
    return np.asarray(random.permutation(np.concatenate(drawn)))


def augment(picture: Array, random: np.random.Generator, *, side: int) -> NDArray[float32]:
    """A plausible other exposure of the same patient: moved, turned, scaled, mirrored, regraded, blurred, noisy."""
    full = picture.shape[0]
    angle, scale = random.uniform(-12, 12), random.uniform(0.85, 1.2)
    stretch = np.exp(random.uniform(-0.18, 0.18))
    matrix = cv2.getRotationMatrix2D((full / 2, full / 2), angle, 1.0)
    linear = matrix[:, :2] @ np.diag([scale * stretch * random.choice([-1, 1]), scale / stretch])
    centre = np.full(2, full / 2)
    shift = centre - linear @ centre + random.uniform(-0.07, 0.07, 2) * full
    ratio = side / full
    image = cv2.warpAffine(
        picture.astype(float32),
        np.c_[linear, shift] * ratio,
        (side, side),
        flags=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR,
    )
    image = np.clip(image, 0, 1) ** np.exp(random.uniform(-0.45, 0.45))
    image = image * random.uniform(0.75, 1.15) + random.uniform(-0.1, 0.1)
    if random.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 1.2))
    if random.random() < 0.25:
        image = image + random.normal(0, random.uniform(0.01, 0.04), image.shape)
    if random.random() < 0.5:
        _blot(image, random)
    return np.asarray(np.clip(image, 0, 1), dtype=float32)


def _blot(image: Array, random: np.random.Generator) -> None:
    """Grey out a rectangle, so that no single marker or corner decides."""
    side = image.shape[0]
    height, width = random.integers(side // 12, side // 4, 2)
    top, left = random.integers(0, side - height), random.integers(0, side - width)
    image[top : top + height, left : left + width] = random.uniform(0, 1)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise NotFoundError(
            N_("{path} is not there."),
            hint=N_("Give the folder that holds the data sets of the recipe."),
            path=str(path),
        ) from error
