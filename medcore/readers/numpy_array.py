"""NumPy .npy arrays of numbers, never of Python objects: no millimetres, (slice, row, column) as they are."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

import numpy as np

from medcore.errors import N_, UnsupportedFormatError
from medcore.readers import Limits, Reader, Scan, Slice
from medcore.readers._grid import check_grid, damaged, grid_scans, truncated


class NumpyArray(Reader):
    """NumPy arrays."""

    title = N_("NumPy array (.npy)")
    order = 30

    def recognises(self, head: bytes, name: str) -> bool:
        return head.startswith(b"\x93NUMPY")

    def read(self, name: str, data: memoryview, limits: Limits) -> Iterable[Scan | Slice]:
        stream = BytesIO(data)
        try:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(stream)
        except Exception as error:
            raise damaged(name, "NumPy") from error
        if dtype.kind not in "iufb" or dtype.itemsize > 8 or not 2 <= len(shape) <= 4:
            raise UnsupportedFormatError(
                N_("“{name}” holds an array of {kind} with {axes} axes; MedCore reads images of numbers."),
                hint=N_("Save a (slice, row, column) array of numbers."),
                name=name,
                kind=str(dtype),
                axes=len(shape),
            )
        check_grid(name, shape, dtype.itemsize, limits)
        if len(data) - stream.tell() < int(np.prod(shape)) * dtype.itemsize:
            raise truncated(name)
        stream.seek(0)
        array = np.load(stream, allow_pickle=False)
        array = array.astype(np.uint8) if array.dtype.kind == "b" else array.astype(array.dtype.newbyteorder("="))
        array = array[None] if array.ndim == 2 else array
        return grid_scans(name, array.transpose(*range(array.ndim - 1, -1, -1)), None)


READER = NumpyArray()
