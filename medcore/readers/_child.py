"""What the decoding child does with an upload: find each file's format, read it, stack the slices of each series."""

from __future__ import annotations

import hashlib
import mmap
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib

from medcore.errors import N_, CorruptFileError, MedcoreError, ReadError, TooLargeError
from medcore.readers import HEAD_BYTES, Limits, Markup, Scan, Slice, reader_for
from medcore.readers._answer import pack, pack_markup
from medcore.readers._archive import list_members, looks_like_zip, unpack_member
from medcore.readers._dicom_fast import forget
from medcore.readers._stack import Stack, finish, with_hash
from medcore.wire import describe, map_file

RELEASE_BYTES = 8 << 20  # of a mapped zip, after which what was read is let go
SILENT_SECONDS = 0.1  # so long a run of slices may go without an answer


def warm() -> None:
    """Import what decoding needs, once."""
    import cv2  # noqa: F401
    import PIL.Image  # noqa: F401
    import pydicom.pixels  # noqa: F401

    from medcore.readers import readers

    readers()


def list_zip(name: str, source: Path | memoryview, limits: Mapping[str, int]) -> list[dict[str, Any]]:
    """The members of a zip (see `_archive.list_members`)."""
    return list_members(name, _bytes(source), limits)


def preview(name: str, source: Path | memoryview, limits: Mapping[str, int]) -> dict[str, object] | None:
    """A first look at a zip of slices or a large radiograph (see `_preview`); None where there is no short cut."""
    from medcore.readers._preview import middle_slice, reduced

    data, sizes = _bytes(source), _sizes(limits)
    if looks_like_zip(bytes(data[:4])):
        item = middle_slice(name, data, list_members(name, data, limits), limits, sizes)
    else:
        item = reduced(name, data, sizes)
    if isinstance(item, Slice):
        stack = Stack(item)
        stack.add(item, 0, b"")
        scan, voxels = next(finish(stack, 1))
        return pack(scan, voxels)
    return None if item is None else pack(item)


def read_parts(
    blob: memoryview | None, parts: Sequence[Mapping[str, Any]], limits: Mapping[str, int], every: bool = True
) -> Iterator[dict[str, object]]:
    """Read files and stack slices.

    Args:
        blob: The uploaded bytes of all parts that are not on disk, one after the other.
        parts: Name and place of each file: `path` or `at` (offset, size in `blob`), and `member` inside a zip.
        limits: The limits of the settings, by name.
        every: Answer every part, so that the one that kills this process is known; else a run of slices may be
            answered by the last of them, which costs both sides less.

    Yields:
        One dict a part, in order: its index and `scans` with `markups`, `error`, `zip` (bytes of a nested zip) or
        nothing for a slice; then one dict a stack, with its `scan` and the `parts` it was made of.
    """
    desk = _Desk(blob, limits)
    answered = time.monotonic()
    for index, part in enumerate(parts):
        outcome = desk.take(index, part)
        if outcome or every or time.monotonic() - answered > SILENT_SECONDS:
            yield {"part": index, **outcome}
            answered = time.monotonic()
    forget()
    yield from desk.stacks()


class _Desk:
    """The stacks that grow while parts are read."""

    def __init__(self, blob: memoryview | None, limits: Mapping[str, int]) -> None:
        self.blob, self.limits = blob, limits
        self.open: list[Stack] = []
        self.room = limits["zip_max_total_mb"] << 20
        self.maps: dict[str, memoryview] = {}
        self.released = 0  # bytes of the mapped file whose pages were given back
        self.crc: int | None = None  # of the part at hand, where unpacking has already computed it

    def take(self, index: int, part: Mapping[str, Any]) -> dict[str, object]:
        """Read one part; an error that the user may meet is an answer, not the end."""
        name = str(part["name"])
        try:
            data = self._data(part)
            if looks_like_zip(bytes(data[:4])):
                return {"zip": data}
            return self._read(index, name, memoryview(data))
        except MedcoreError as error:
            return {"error": describe(error)}
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  (strange bytes raise strange things; the next file is innocent)
            return {"error": describe(_strange(name, error))}

    def stacks(self) -> Iterator[dict[str, object]]:
        """All series, each as one scan; their voxels leave the child one after the other."""
        split: dict[tuple[str, ...], int] = {}
        for stack in self.open:
            key = stack.first.place.series
            split[key] = split.get(key, 0) + 1
        while self.open:
            stack = self.open.pop(0)
            parts = list(stack.parts)
            sha256 = hashlib.sha256(b"".join(sorted(stack.digests))).hexdigest()
            try:
                for scan, voxels in finish(stack, split[stack.first.place.series]):
                    yield {"scan": pack(with_hash(scan, sha256), voxels), "parts": parts}
            except MedcoreError as error:
                yield {"stack": describe(error), "parts": parts}

    def _read(self, index: int, name: str, data: memoryview) -> dict[str, object]:
        scans, markups = [], []
        for item in reader_for(name, data).read(name, data, _sizes(self.limits)):
            if isinstance(item, Slice):
                self._place(item, index, fingerprint(data, self.crc), name)
            elif isinstance(item, Markup):
                markups.append(pack_markup(replace(item, sha256=hashlib.sha256(data).hexdigest())))
            else:
                scans.append(pack(with_hash(item, hashlib.sha256(data).hexdigest())))
        return {"scans": scans, "markups": markups} if scans or markups else {}

    def _place(self, item: Slice, index: int, digest: bytes, name: str) -> None:
        self.room -= item.voxels.nbytes
        if self.room < 0:
            raise TooLargeError(
                N_("“{name}” was left out: the upload unpacks to more than {limit} MB."),
                hint=N_("Send fewer series at a time."),
                name=name,
                limit=self.limits["zip_max_total_mb"],
            )
        stack = next((stack for stack in reversed(self.open) if stack.accepts(item)), None)
        if stack is None:
            stack = Stack(item)
            self.open.append(stack)
        stack.add(item, index, digest)

    def _data(self, part: Mapping[str, Any]) -> bytes | memoryview:
        if "path" in part:
            key = str(part["path"])
            if key not in self.maps:
                self.maps = {key: _bytes(part["path"])}  # one at a time: a folder may hold thousands
                self.released = 0
            whole = self.maps[key]
        else:
            offset, size = part["at"]
            whole = (self.blob or memoryview(b""))[offset : offset + size]
        self.crc = int(part["member"]["crc"]) if "member" in part else None
        if "member" in part:
            if "path" in part:
                self._release(whole, int(part["member"]["offset"]))
            return unpack_member(str(part["name"]), whole, part["member"], self.limits)
        return whole

    def _release(self, whole: memoryview, reached: int) -> None:
        """Let go of the pages of a mapped zip that were unpacked: it would stand in memory beside its content."""
        if reached - self.released > RELEASE_BYTES and isinstance(whole.obj, mmap.mmap):
            whole.obj.madvise(mmap.MADV_DONTNEED, 0, reached // mmap.PAGESIZE * mmap.PAGESIZE)
            self.released = reached


def _sizes(limits: Mapping[str, int]) -> Limits:
    pixels = limits["max_image_megapixels"] * 1_000_000
    return Limits(max_pixels=pixels, max_bytes=pixels * 4)


def _strange(name: str, error: Exception) -> MedcoreError:
    """The refusal of a file that no check foresaw; the exception's own text stays here, it may quote the file."""
    return CorruptFileError(
        N_("“{name}” is damaged in a way that its reader did not expect ({reason})."),
        hint=N_("Export it again from its source."),
        name=name,
        reason=type(error).__name__,
    )


def fingerprint(data: memoryview, crc: int | None = None) -> bytes:
    """Tells the files of a series apart: length, checksum, and a SHA-256 over the header with its unique identifiers.

    A SHA-256 over every pixel would cost a sixth of unpacking the series; the store hashes the voxels anyway.
    """
    crc = isal_zlib.crc32(data) if crc is None else crc
    return hashlib.sha256(bytes(data[:HEAD_BYTES]) + struct.pack("<QI", len(data), crc)).digest()


def decode_bytes(name: str, data: bytes | memoryview, limits: Mapping[str, int]) -> tuple[Scan, ...]:
    """One trusted file decoded right here, without a child: for benchmarks and tests of the readers.

    Raises:
        ReadError: It cannot be read.
    """
    desk = _Desk(None, limits)
    sha256 = hashlib.sha256(data).hexdigest()
    scans = []
    for item in reader_for(name, memoryview(data)).read(name, memoryview(data), _sizes(limits)):
        if isinstance(item, Scan):
            scans.append(with_hash(item, sha256))
        elif isinstance(item, Slice):
            desk._place(item, 0, b"", name)
    for stack in desk.open:
        for scan, voxels in finish(stack, 1):
            whole = np.frombuffer(voxels.memory.read(voxels.nbytes, voxels.offset), voxels.dtype).reshape(voxels.shape)
            scans.append(replace(scan, volume=replace(scan.volume, voxels=whole, sha256=sha256)))
    return tuple(scans)


def _bytes(source: Path | memoryview) -> memoryview:
    if not isinstance(source, Path):
        return memoryview(source)
    try:
        return map_file(source)
    except OSError as error:
        raise ReadError(
            N_("“{name}” cannot be opened ({reason})."),
            hint=N_("Check that the file exists and may be read."),
            name=source.name,
            reason=type(error).__name__,
        ) from error
