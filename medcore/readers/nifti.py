"""NIfTI-1 and NIfTI-2, plain or gzipped, 3-D or 4-D: header checked first, then the voxels as they are stored."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np

from medcore.errors import N_, MedcoreError, Message, UnsupportedFormatError
from medcore.readers import Limits, Reader, Scan, Slice
from medcore.readers._grid import RAS_TO_LPS, check_grid, damaged, grid_scans, gunzip, gunzip_head, truncated
from medcore.records import Issue, Severity
from medcore.volume import Affine

MAGICS = {344: (b"n+1\0", b"ni1\0"), 4: (b"n+2\0", b"ni2\0")}
MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
CONFLICT_MM = 1.0  # corners of the volume that sform and qform may lay this far apart


class Nifti(Reader):
    """NIfTI volumes."""

    title = N_("NIfTI (.nii, .nii.gz)")
    order = 30

    def recognises(self, head: bytes, name: str) -> bool:
        if head[:2] == b"\x1f\x8b":
            head = gunzip_head(memoryview(head), 348)
        return any(head[at : at + 4] in magics for at, magics in MAGICS.items())

    def read(self, name: str, data: memoryview, limits: Limits) -> Iterable[Scan | Slice]:
        packed = bytes(data[:2]) == b"\x1f\x8b"
        head = gunzip_head(data, 1024) if packed else bytes(data[:1024])
        header = _header(name, head)
        shape = [int(n) for n in header["dim"][1 : 1 + int(header["dim"][0])]]
        dtype = _dtype(name, header)
        check_grid(name, shape, dtype.itemsize, limits)
        plain = gunzip(name, data, limits) if packed else data
        if not np.isfinite(float(header["vox_offset"])):
            raise damaged(name, "NIfTI")
        offset = int(header["vox_offset"])
        count = int(np.prod(shape))
        if offset < len(head[:348]) or offset + count * dtype.itemsize > len(plain):
            raise truncated(name)
        array = (
            np.frombuffer(plain, dtype, count, offset)
            .reshape(shape, order="F")
            .astype(dtype.newbyteorder("="), copy=False)
        )
        slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
        if not np.isfinite([slope, intercept]).all() or slope == 0:
            slope, intercept = 1.0, 0.0  # the standard's way to say "not scaled"
        affine, issues = _affine(header, shape)
        return grid_scans(name, array, affine, slope=slope, intercept=intercept, issues=issues)


def _header(name: str, head: bytes) -> Any:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    kind = Nifti2Header if head[4:8] in MAGICS[4] else Nifti1Header
    try:
        header = kind.from_fileobj(BytesIO(head), check=False)
        if not 1 <= int(header["dim"][0]) <= 7:
            raise damaged(name, "NIfTI")
        return header
    except MedcoreError:
        raise
    except Exception as error:
        raise damaged(name, "NIfTI") from error


def _dtype(name: str, header: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = np.dtype(header.get_data_dtype())
    except Exception as error:
        raise damaged(name, "NIfTI") from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8 or dtype.fields:
        raise UnsupportedFormatError(
            N_("“{name}” holds {kind} values, which MedCore does not read."),
            hint=N_("Save it with whole or real numbers."),
            name=name,
            kind=str(dtype),
        )
    return dtype


def _affine(header: Any, shape: list[int]) -> tuple[Affine | None, list[Issue]]:
    """The LPS affine: sform if it is set, else qform; a note when they disagree or neither is set."""
    scale = np.diag([*[MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)] * 3, 1.0])
    sform = _form(header, "sform")
    qform = _form(header, "qform")
    issues: list[Issue] = []
    if sform is not None and qform is not None:
        corner = np.array([*(n - 1 for n in [*shape, 1, 1][:3]), 1.0])
        apart = float(np.abs((sform - qform) @ corner).max())
        if apart > CONFLICT_MM:
            issues.append(_conflict(apart))
    chosen = sform if sform is not None else qform
    if chosen is None:
        issues.append(
            Issue(
                "no_orientation",
                Severity.WARN,
                Message(N_("The file does not say how the patient lies; left and right are not known.")),
                Message(N_("Do not rely on sides.")),
            )
        )
        steps = [float(v) for v in header["pixdim"][1:4]]
        chosen = np.diag([*steps, 1.0]) if min(steps) > 0 else None
    return (None if chosen is None else RAS_TO_LPS @ scale @ chosen), issues


def _form(header: Any, kind: str) -> Affine | None:
    """The sform or qform affine if its code is set and it is usable."""
    try:
        affine, code = getattr(header, f"get_{kind}")(coded=True)
    except Exception:  # noqa: BLE001  (nibabel raises of many kinds on impossible quaternions)
        return None
    usable = affine is not None and code and np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 1e-9
    return np.asarray(affine, dtype=np.float64) if usable else None


def _conflict(apart: float) -> Issue:
    return Issue(
        "form_conflict",
        Severity.WARN,
        Message(N_("The file's two positions (sform, qform) differ by up to {apart} mm; the sform is used."),
                {"apart": round(apart, 1)}),
        Message(N_("Check the sides and the position against the original series.")),
        measured=apart,
        limit=CONFLICT_MM,
    )  # fmt: skip


READER = Nifti()
