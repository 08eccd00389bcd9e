"""NRRD volumes with their data in the same file."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np

from medcore.errors import N_, MedcoreError, UnsupportedFormatError
from medcore.readers import Limits, Reader, Scan, Slice
from medcore.readers._grid import RAS_TO_LPS, check_grid, damaged, grid_scans, gunzip, truncated
from medcore.volume import Affine

# Signs that bring the file's space to LPS; other spaces have no known sides.
SPACES = {
    "left-posterior-superior": np.eye(4),
    "lps": np.eye(4),
    "right-anterior-superior": RAS_TO_LPS,
    "ras": RAS_TO_LPS,
    "left-anterior-superior": np.diag([1.0, -1.0, 1.0, 1.0]),
    "las": np.diag([1.0, -1.0, 1.0, 1.0]),
}


class Nrrd(Reader):
    """NRRD volumes."""

    title = N_("NRRD (.nrrd)")
    order = 30

    def recognises(self, head: bytes, name: str) -> bool:
        return head.startswith(b"NRRD000")

    def read(self, name: str, data: memoryview, limits: Limits) -> Iterable[Scan | Slice]:
        import nrrd

        stream = BytesIO(data)
        try:
            header = nrrd.read_header(stream)
            shape = [int(n) for n in header["sizes"]]
            dtype = np.dtype(nrrd.reader._determine_datatype(header))
        except Exception as error:
            raise damaged(name, "NRRD") from error
        if "data file" in header or "datafile" in header:
            raise UnsupportedFormatError(
                N_("“{name}” keeps its voxels in another file."), hint=N_("Save it as one .nrrd file."), name=name
            )
        if dtype.kind not in "iuf":
            raise damaged(name, "NRRD")
        check_grid(name, shape, dtype.itemsize, limits)
        array = _voxels(name, data[stream.tell() :], header, dtype, limits)
        kinds = [str(kind) for kind in header.get("kinds") or []]
        array = array.reshape(shape, order="F")
        if kinds and kinds[0] not in ("domain", "space") and array.ndim == 4:
            array = np.moveaxis(array, 0, -1)  # vectors first in the file, time steps last here
        return grid_scans(name, array.astype(dtype.newbyteorder("="), copy=False), _affine(header))


def _voxels(name: str, data: memoryview, header: Any, dtype: np.dtype[Any], limits: Limits) -> Any:
    encoding = str(header.get("encoding", "")).lower()
    if encoding in ("gzip", "gz"):
        plain: bytes | memoryview = gunzip(name, data, limits)
    elif encoding == "raw":
        plain = data
    else:
        raise UnsupportedFormatError(
            N_("“{name}” is packed as {kind}, which MedCore does not unpack."),
            hint=N_("Save it with gzip or raw encoding."),
            name=name,
            kind=encoding[:20] or "?",
        )
    count = int(np.prod([int(n) for n in header["sizes"]]))
    if len(plain) < count * dtype.itemsize:
        raise truncated(name)
    return np.frombuffer(plain, dtype, count)


def _affine(header: Any) -> Affine | None:
    """The LPS affine of (x, y, z), None when the space or the directions are unknown."""
    space = SPACES.get(str(header.get("space", "")).lower())
    try:
        directions = np.array([row for row in np.atleast_2d(header["space directions"]) if np.isfinite(row).all()])
        origin = np.asarray(header.get("space origin", np.zeros(3)), dtype=np.float64)
        if space is None or directions.shape != (3, 3) or origin.shape != (3,):
            return None
    except (KeyError, TypeError, ValueError, MedcoreError):
        return None
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions.T, origin
    return np.asarray(space @ affine)


READER = Nrrd()
