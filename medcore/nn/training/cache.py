"""Pictures decoded and prepared once, kept as bytes in a file that training maps into memory."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy import float64, uint8
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, DataSetError, MedcoreError, TrainingError
from medcore.intake import decode_bytes
from medcore.nn.training.sources import Case
from medcore.nn.training.sources._tables import PICTURES
from medcore.nn.training.volume_slices import is_volume, slice_first
from medcore.settings import Settings
from medcore.tasks import Task
from medcore.volume import Array, Geometry, Unit, Volume

UNREADABLE_SHARE = 0.05  # more unreadable pictures than this, and something is wrong with the whole set
TODO, READ, UNREADABLE = 0, 1, 2
WAIT_S = 0.2  # between two looks whether another training still fills the cache

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Cache:
    """Prepared pictures.

    Args:
        seen: (N, side, side) uint8, memory-mapped; 255 stands for 1.
        to_scan: (N, 3, 3) float64, from the network's grid to the picture's, as `Prepared.to_scan`.
        shape: (N, 2) rows and columns of each picture.
        readable: (N,) False for a picture that could not be decoded.
    """

    seen: NDArray[uint8]
    to_scan: NDArray[float64]
    shape: NDArray[float64]
    readable: Array


def read_case(case: Case) -> Volume:
    """The picture of a case as a scan.

    Raises:
        DataSetError: The file is no picture.
        ReadError: The DICOM file cannot be decoded.
    """
    if case.index >= 0 and is_volume(case.path):
        return slice_first(case.path, case.index)
    if case.index >= 0:
        return _grey(_archive_picture(case.path, case.index), case)
    if case.path.suffix.lower() in PICTURES:
        grey = cv2.imread(str(case.path), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            raise DataSetError(N_("{name} cannot be read as a picture."), name=case.name)
        return _grey(grey, case)
    try:
        data = case.path.read_bytes()
    except OSError as error:
        raise DataSetError(N_("{name} cannot be read as a picture."), name=case.name) from error
    return decode_bytes(case.path.name, data, Settings.from_environment())[0].volume


def open_cache(
    folder: Path,
    cases: Sequence[Case],
    *,
    task: Task,
    card: ModelCard,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Cache:
    """Decode what is not yet decoded and map the cache into memory; it goes on where a killed training stopped.

    Args:
        folder: Where caches are kept; one file a set of pictures and preprocessing.
        tell: Called with the number of pictures done and of all.

    Raises:
        TrainingError: The disk is full.
        DataSetError: Too many pictures cannot be read.
    """
    key = cache_key(cases, task, card)
    with only_filler(folder, key, lambda: tell(0, len(cases))):
        kept = _filled(folder / key, cases, task=task, card=card, tell=tell)
    _refuse_ruins(cases, kept.readable)
    return kept


@contextmanager
def only_filler(folder: Path, key: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold one cache while it is filled, after whoever fills it now: trainings of the same pictures share it.

    Args:
        waiting: Called while another training holds it.

    Raises:
        TrainingError: The disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / f"{key}.lock").open("a+")
    except OSError as error:
        raise full_disk(folder, error) from error
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                time.sleep(WAIT_S)
            else:
                break
        yield


def _filled(
    path: Path, cases: Sequence[Case], *, task: Task, card: ModelCard, tell: Callable[[int, int], None]
) -> Cache:
    side = card.contract.size
    try:
        seen = mapped(path.with_suffix(".seen"), (len(cases), side, side), np.dtype(uint8))
        facts = mapped(path.with_suffix(".facts"), (len(cases), 11), np.dtype(float64))
        state = mapped(path.with_suffix(".state"), (len(cases),), np.dtype(uint8))
    except OSError as error:
        raise full_disk(path.parent, error) from error
    todo = np.flatnonzero(state == TODO)

    def prepare(i: int) -> None:
        try:
            scan = read_case(cases[i])
            prepared = task.prepare(scan, card)
        except MedcoreError as error:
            log.warning("left out: %s (%s)", cases[i].name, error)
            state[i] = UNREADABLE
            return
        seen[i] = np.rint(prepared.seen * 255)
        facts[i] = [*prepared.to_scan.ravel(), *scan.shape[1:]]
        state[i] = READ

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for done, _ in enumerate(pool.map(prepare, todo), start=1):
            if done % 64 == 0 or done == len(todo):
                tell(done, len(todo))
    return Cache(seen, facts[:, :9].reshape(-1, 3, 3), facts[:, 9:], np.asarray(state == READ))


def cache_key(cases: Sequence[Case], task: Task, card: ModelCard) -> str:
    """Digest of the files and of the preprocessing: another one when either changes."""
    digest = hashlib.sha256(json.dumps([task.id, task.version, asdict(card.contract)]).encode())
    for case in cases:
        try:
            facts = case.path.stat()
            digest.update(f"{case.path}:{case.index}:{facts.st_size}:{facts.st_mtime_ns}".encode())
        except OSError:
            digest.update(f"{case.path}:{case.index}:absent".encode())
    return digest.hexdigest()[:24]


def full_disk(path: Path, error: OSError) -> TrainingError:
    """The error for a file that cannot be written."""
    return TrainingError(
        N_("{path} cannot be written ({reason})."),
        hint=N_("Make room on the disk, then start again with --resume; what was done is kept."),
        path=str(path),
        reason=error.strerror or str(error),
    )


def mapped(path: Path, shape: tuple[int, ...], kind: np.dtype[np.generic]) -> Array:
    """A file mapped into memory, its whole room reserved first: a full disk is an error here, not a crash later."""
    size = max(1, int(np.prod(shape)) * kind.itemsize)
    if not path.exists() or path.stat().st_size != size:
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
    if not np.prod(shape):
        return np.zeros(shape, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r+", shape=shape)


def _refuse_ruins(cases: Sequence[Case], readable: Array) -> None:
    bad = np.flatnonzero(~readable)
    if len(bad) > max(1.0, UNREADABLE_SHARE * len(cases)) or (len(bad) and len(bad) == len(cases)):
        raise DataSetError(
            N_("{count} of {total} pictures cannot be read, the first is {name}."),
            hint=N_("The log names each of them; mend or remove them."),
            count=len(bad),
            total=len(cases),
            name=cases[int(bad[0])].name,
        )


def _grey(plane: Array, case: Case) -> Volume:
    unit = Unit.RGB if plane.ndim == 3 else Unit.GREY
    return Volume(voxels=plane[None], unit=unit, modality="", geometry=Geometry.pixels(), name=case.path.stem)


def _archive_picture(path: Path, index: int) -> NDArray[uint8]:
    """One picture of a MedMNIST file, counted through its three splits."""
    images = _archive(path, path.stat().st_mtime_ns)
    for part in images:
        if index < len(part):
            return np.ascontiguousarray(part[index])
        index -= len(part)
    raise IndexError(index)


_archives: dict[tuple[Path, int], tuple[NDArray[uint8], ...]] = {}


def _archive(path: Path, changed: int) -> tuple[NDArray[uint8], ...]:
    """The three arrays of a MedMNIST file; the last one that was asked for stays in memory."""
    found = _archives.get((path, changed))
    if found is None:
        with np.load(path, allow_pickle=False) as archive:
            found = tuple(archive[f"{part}_images"] for part in ("train", "val", "test"))
        _archives.clear()
        _archives[(path, changed)] = found
    return found
