"""Who is trained, validated and tested on: whole patients and whole clusters of near-duplicates, saved and hashed."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy import float32, int64
from numpy.typing import NDArray

from medcore.errors import N_, DataSetError
from medcore.volume import Array

TWIN_CORRELATION = 0.97  # of 32×32 thumbnails: above it two pictures count as the same
THUMBNAIL = 32
SPLITS = ("train", "validation", "test")
SHARES = (0.70, 0.15, 0.15)
BLOCK = 512  # rows of the correlation at a time


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
    """Pairs of pictures whose 32×32 thumbnails, each less its mean, correlate above TWIN_CORRELATION."""
    flat = thumbnails(seen, THUMBNAIL).reshape(len(seen), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-9
    for start in range(0, len(flat), BLOCK):
        alike = flat[start : start + BLOCK] @ flat[start:].T > TWIN_CORRELATION
        for i, j in zip(*np.nonzero(np.triu(alike, k=1)), strict=True):
            yield start + int(i), start + int(j)


def thumbnails(seen: Array | Sequence[Array], side: int) -> NDArray[float32]:
    """Pictures (N, S, S), bytes or 0..1, as averages (N, side, side)."""
    small = [cv2.resize(np.asarray(s, dtype=float32), (side, side), interpolation=cv2.INTER_AREA) for s in seen]
    return np.stack(small) if small else np.zeros((0, side, side), dtype=float32)


def split_groups(group: NDArray[int64], cell: Array, seed: int) -> Array:
    """Assign whole groups to train, validation and test by a seeded hash, cell by cell to keep the shares."""
    split = np.zeros(len(group), dtype=int)
    _, first = np.unique(group, return_index=True)
    for kind in np.unique(cell[first]):
        members = [int(group[i]) for i in first if cell[i] == kind]
        members.sort(key=lambda g: hashlib.sha256(f"{seed}:{g}".encode()).digest())
        bounds = np.cumsum(SHARES)[:-1] * len(members)
        place = {g: int(np.searchsorted(bounds, rank, side="right")) for rank, g in enumerate(members)}
        rows = np.isin(group, members)
        split[rows] = [place[int(g)] for g in group[rows]]
    return split


def given_splits(names: Sequence[str], source: str) -> Array:
    """The splits that a table names, as numbers.

    Raises:
        DataSetError: A name is none of train, validation and test.
    """
    for name in names:
        if name not in SPLITS:
            raise DataSetError(
                N_("The source {source} names the split “{name}”; it may be train, validation or test."),
                source=source,
                name=name,
            )
    return np.array([SPLITS.index(name) for name in names], dtype=int)


def refuse_leaks(group: NDArray[int64], split: Array, names: Sequence[str]) -> None:
    """Raise when a patient or a near-duplicate is in two splits.

    Raises:
        DataSetError: With the first such pair.
    """
    order = np.argsort(group, kind="stable")
    same, moved = np.diff(group[order]) == 0, np.diff(split[order]) != 0
    leaks = np.flatnonzero(same & moved)
    if len(leaks):
        one, other = int(order[leaks[0]]), int(order[leaks[0] + 1])
        raise DataSetError(
            N_("{first} ({split}) and {second} ({other}) are of one patient or nearly the same picture."),
            hint=N_("{count} such pairs lie in two splits; leave the split column out to split here."),
            first=names[one],
            split=SPLITS[int(split[one])],
            second=names[other],
            other=SPLITS[int(split[other])],
            count=len(leaks),
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of a split table: which split a picture is in, and its cluster."""

    split: str
    group: int
    digest: str


def split_table(
    names: Sequence[str], sources: Sequence[str], split: Array, *, group: NDArray[int64], seen: Array
) -> str:
    """split.csv: source, file, split, cluster, and a digest of the prepared picture by which it is known again."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("source", "file", "split", "group", "digest"))
    for name, source, part, own, picture in zip(names, sources, split, group, seen, strict=True):
        writer.writerow((source, name, SPLITS[int(part)], int(own), picture_digest(picture)))
    return text.getvalue()


def read_split_table(text: str) -> dict[tuple[str, str], Kept]:
    """What is kept of each (source, file)."""
    rows = csv.DictReader(io.StringIO(text))
    return {(r["source"], r["file"]): Kept(r["split"], int(r["group"]), r["digest"]) for r in rows}


def picture_digest(seen: Array) -> str:
    """16 hexadecimal digits of a prepared picture (uint8)."""
    return hashlib.sha256(np.ascontiguousarray(seen).tobytes()).hexdigest()[:16]
