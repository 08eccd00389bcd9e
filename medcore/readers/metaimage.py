"""MetaImage volumes with their data in the same file (.mha)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from isal import isal_zlib

from medcore.errors import N_, UnsupportedFormatError
from medcore.readers import HEAD_BYTES, Limits, Reader, Scan, Slice
from medcore.readers._archive import InflateError
from medcore.readers._grid import check_grid, damaged, grid_scans, truncated
from medcore.volume import Affine, Array

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
LAST_KEY = "ElementDataFile"


class MetaImage(Reader):
    """MetaImage volumes."""

    title = N_("MetaImage (.mha)")
    order = 40

    def recognises(self, head: bytes, name: str) -> bool:
        return b"NDims" in head[:512] and (head.startswith(b"ObjectType") or head.lstrip().startswith(b"NDims"))

    def read(self, name: str, data: memoryview, limits: Limits) -> Iterable[Scan | Slice]:
        header, start = _header(name, bytes(data[: HEAD_BYTES * 4]))
        try:
            shape = [int(n) for n in header["DimSize"].split()]
            dtype = np.dtype(
                ("<", ">")[_true(header, "BinaryDataByteOrderMSB", "ElementByteOrderMSB")]
                + TYPES[header["ElementType"]]
            )
            channels = int(header.get("ElementNumberOfChannels", "1"))
        except (KeyError, ValueError) as error:
            raise damaged(name, "MetaImage") from error
        if header[LAST_KEY].upper() != "LOCAL" or channels != 1:
            raise UnsupportedFormatError(
                N_("“{name}” keeps its voxels in another file or holds several values a voxel."),
                hint=N_("Save it as one .mha file of numbers."),
                name=name,
            )
        check_grid(name, shape, dtype.itemsize, limits)
        array = _voxels(name, data[start:], int(np.prod(shape)), dtype, packed=_true(header, "CompressedData"))
        array = array.reshape(shape, order="F").astype(dtype.newbyteorder("="), copy=False)
        return grid_scans(name, array, _affine(header))


def _header(name: str, text: bytes) -> tuple[dict[str, str], int]:
    header: dict[str, str] = {}
    at = 0
    while (end := text.find(b"\n", at)) >= 0:
        key, sign, value = text[at:end].decode("latin-1").partition("=")
        at = end + 1
        if not sign:
            break
        header[key.strip()] = value.strip()
        if key.strip() == LAST_KEY:
            return header, at
    raise damaged(name, "MetaImage")


def _voxels(name: str, data: memoryview, count: int, dtype: np.dtype[np.generic], *, packed: bool) -> Array:
    size = count * dtype.itemsize
    plain: bytes | memoryview = data
    if packed:
        try:
            plain = isal_zlib.decompressobj(wbits=47).decompress(data, size)
        except InflateError as error:
            raise damaged(name, "MetaImage") from error
    if len(plain) < size:
        raise truncated(name)
    return np.frombuffer(plain, dtype, count)


def _affine(header: Mapping[str, str]) -> Affine | None:
    """The affine of (x, y, z); MetaImage positions are LPS already."""
    try:
        spacing = [float(v) for v in header.get("ElementSpacing", header.get("ElementSize", "")).split()[:3]]
        origin = [
            float(v)
            for v in (header.get("Offset") or header.get("Position") or header.get("Origin", "0 0 0")).split()[:3]
        ]
        words = (
            header.get("TransformMatrix") or header.get("Rotation") or header.get("Orientation") or "1 0 0 0 1 0 0 0 1"
        )
        directions = np.array([float(v) for v in words.split()])
        if len(spacing) != 3 or len(origin) != 3 or directions.size != 9:
            return None
    except ValueError:
        return None
    affine = np.eye(4)
    affine[:3, :3] = directions.reshape(3, 3).T * np.array(spacing)
    affine[:3, 3] = origin
    return affine


def _true(header: Mapping[str, str], *keys: str) -> bool:
    return any(header.get(key, "").lower() == "true" for key in keys)


READER = MetaImage()
