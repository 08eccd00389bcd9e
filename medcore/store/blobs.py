"""Arrays on disk, named by their content: `objects/ab/<sha256>` is an .npy file whose SHA-256 is its name."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from medcore.errors import N_, StoreError
from medcore.store.faults import Damage, disk_faults
from medcore.volume import Array

DRAFTS = "drafts"
LAST_FOLDER = "ff"
DIGEST_DIGITS = 64


class Blobs:
    """The array files of one data folder. Whoever holds the database's write lock may remove; anyone may add."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        """Make the folder when it is missing.

        Raises:
            StoreError: It cannot be made.
        """
        self._folder = folder
        self._now = now
        with disk_faults(folder):
            (folder / DRAFTS).mkdir(parents=True, exist_ok=True)
            if not (folder / LAST_FOLDER).exists():  # made at once, so that no later array waits for a folder's flush
                for number in range(256):
                    (folder / f"{number:02x}").mkdir(exist_ok=True)
                _sync_folder(folder)

    def path(self, digest: str) -> Path:
        """Where the array of this name is, or would be."""
        return self._folder / digest[:2] / digest

    def put(self, array: Array) -> str:
        """Store an array and return its name; an array that is already there is not written again.

        The bytes are on the disk, not merely in its cache, when this returns.

        Raises:
            StoreError: The disk is full or read-only.
            ValueError: An array without elements or of Python objects.
        """
        header, body = _encode(array)
        digest = hashlib.sha256(header)
        digest.update(body)
        name = digest.hexdigest()
        path = self.path(name)
        with disk_faults(self._folder):
            if path.exists() and path.stat().st_size == len(header) + body.nbytes:
                os.utime(path, (self._now(), self._now()))  # in use: the sweep's grace starts anew
            else:
                self._write(path, header, body)
        return name

    def keep(self, digest: str, array: Array) -> None:
        """Within the database's write lock: write an array again that was swept since it was put."""
        if not self.path(digest).exists():
            self.put(array)

    def open(self, digest: str) -> Array:
        """The array of this name, memory-mapped and read-only.

        Raises:
            StoreError: The file is missing or damaged.
        """
        path = self.path(digest)
        try:
            # np.asarray drops the memmap class and keeps the mapping
            return np.asarray(np.lib.format.open_memmap(path, mode="r"))
        except FileNotFoundError as error:
            raise StoreError(
                N_("The pixels of this study are missing from the data folder (file {digest}…)."),
                hint=N_("Put back the last backup of the data folder, or delete the study and add its files again."),
                digest=digest[:12],
            ) from error
        except ValueError as error:
            raise self._damaged(digest) from error
        except OSError as error:
            with disk_faults(path):
                raise error

    def verify(self, digest: str) -> None:
        """Read an array file in full and compare it with its name.

        Raises:
            StoreError: The file is missing or damaged.
        """
        self.open(digest)
        with disk_faults(self._folder), self.path(digest).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise self._damaged(digest)

    def damaged(self, uses: Iterable[tuple[str, str]]) -> tuple[Damage, ...]:
        """Verify the arrays of (name, study) and report those that are missing or changed."""
        found = []
        for digest, study in uses:
            try:
                self.verify(digest)
            except StoreError as error:
                found.append(Damage(study, digest, error))
        return tuple(found)

    def remove(self, digests: Iterable[str]) -> None:
        """Delete array files; one that is already gone is fine. Only within the database's write lock.

        Raises:
            StoreError: The disk is read-only.
        """
        with disk_faults(self._folder):
            for digest in digests:
                self.path(digest).unlink(missing_ok=True)

    def older_than(self, seconds: float) -> frozenset[str]:
        """Names of the arrays that nobody has put for this long; also drops drafts that a crash left behind."""
        limit = self._now() - seconds
        with disk_faults(self._folder):
            for draft in (self._folder / DRAFTS).iterdir():
                if _last_put(draft) < limit:
                    draft.unlink(missing_ok=True)
            return frozenset(
                path.name
                for path in self._folder.glob("??/*")
                if len(path.name) == DIGEST_DIGITS and _last_put(path) < limit
            )

    def total_bytes(self) -> int:
        """Room that all arrays take on the disk."""
        with disk_faults(self._folder):
            return sum(path.stat().st_size for path in self._folder.glob("??/*"))

    def _write(self, path: Path, header: bytes, body: memoryview) -> None:
        draft = self._folder / DRAFTS / secrets.token_hex(8)
        try:
            with draft.open("wb") as file:
                file.write(header)
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            path.parent.mkdir(exist_ok=True)  # a restored backup may lack empty folders
            draft.replace(path)
            _sync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)

    def _damaged(self, digest: str) -> StoreError:
        return StoreError(
            N_("The pixels of this study are damaged on the disk (file {digest}…)."),
            hint=N_("Put back the last backup of the data folder, or delete the study and add its files again."),
            digest=digest[:12],
        )


def _encode(array: Array) -> tuple[bytes, memoryview]:
    """The .npy header and the bytes of an array, in C order."""
    array = np.ascontiguousarray(array)
    if array.size == 0 or array.dtype.hasobject:
        raise ValueError(f"an array of {array.size} elements of {array.dtype} cannot be stored")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return header.getvalue(), array.reshape(-1).view(np.uint8).data


def _last_put(path: Path) -> float:
    """When a file was last put; now or never does not matter for one that is just being removed elsewhere."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
