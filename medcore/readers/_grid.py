"""Volumes of research formats: RAS or LPS affines and (x, y, z) arrays turned into our (slice, row, column) and LPS."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from isal import isal_zlib

from medcore.errors import N_, CorruptFileError, GeometryError, Message, TooLargeError, TruncatedFileError
from medcore.readers import Limits, Scan
from medcore.readers._archive import InflateError
from medcore.readers._dicom_values import rescaled
from medcore.records import Issue, Severity
from medcore.volume import Affine, Array, Geometry, Scale, Unit, Volume

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
MAX_SPACING_MM = 1000.0
INFLATE_STEP = 1 << 22
FLAT_RATIO = 4  # a volume whose sides differ more was hardly scanned with equal spacing


def check_grid(name: str, shape: Iterable[int], bytes_a_value: int, limits: Limits) -> None:
    """Refuse dimensions that are impossible or over the limit, before anything is unpacked.

    Raises:
        CorruptFileError: A dimension is below one.
        TooLargeError: Over the limit.
    """
    shape = [int(n) for n in shape]
    if not shape or min(shape) < 1 or len(shape) > 7:
        raise CorruptFileError(
            N_("“{name}” says its size is {shape}, which is impossible."),
            hint=N_("Export it again from its source."),
            name=name,
            shape=" × ".join(map(str, shape)),
        )
    count = 1
    for size in shape:
        count *= size
    if count > limits.max_pixels or count * max(bytes_a_value, 4) > limits.max_bytes:
        raise TooLargeError(
            N_("“{name}” claims {shape} voxels, more than the limit of {limit} million."),
            hint=N_("The header may be damaged. If it is really that large, raise MEDCORE_MAX_IMAGE_MEGAPIXELS."),
            name=name,
            shape=" × ".join(map(str, shape)),
            limit=limits.max_pixels // 1_000_000,
        )


def gunzip(name: str, data: memoryview, limits: Limits) -> bytes:
    """Unpack gzip, never more than the limit.

    Raises:
        TooLargeError: It unpacks to more.
        TruncatedFileError: It ends too early.
        CorruptFileError: It is damaged.
    """
    inflater = isal_zlib.decompressobj(wbits=31)
    limit = limits.max_bytes + (1 << 20)
    try:
        plain = inflater.decompress(data, limit)
    except InflateError as error:
        raise damaged(name, "gzip") from error
    if inflater.eof:
        return plain
    if len(plain) >= limit:
        raise TooLargeError(
            N_("“{name}” unpacks to more than {limit} MB."),
            hint=N_("The file may be built to harm. If the image is really that large, raise the limits."),
            name=name,
            limit=limits.max_bytes >> 20,
        )
    raise truncated(name)


def gunzip_head(data: memoryview, count: int) -> bytes:
    """The first bytes of a gzip, or b"" if it is none."""
    try:
        return isal_zlib.decompressobj(wbits=31).decompress(data[:65536], count)
    except InflateError:
        return b""


def grid_scans(
    name: str,
    array: Array,
    affine_lps: Affine | None,
    *,
    slope: float = 1.0,
    intercept: float = 0.0,
    issues: Iterable[Issue] = (),
) -> list[Scan]:
    """Scans of an (x, y, z[, t]) array whose affine maps (x, y, z) to LPS mm; one scan for each t.

    Args:
        name: The file.
        array: Stored values, x fastest.
        affine_lps: None when the file has no usable geometry.
        slope: Value = stored × slope + intercept.
        intercept: See `slope`.
        issues: What is doubtful so far.
    """
    while array.ndim > 4 and array.shape[-1] == 1:
        array = array[..., 0]
    array = array.reshape(array.shape + (1,) * (3 - array.ndim)) if array.ndim < 3 else array
    if array.ndim > 4:
        array = array.reshape(*array.shape[:3], -1)
    steps = array[..., None] if array.ndim == 3 else array
    found, notes = [], list(issues)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        steps, note = _mended(steps, name)
        notes.append(note)
    geometry, more = _geometry(affine_lps)
    notes += more
    notes += _doubted(geometry, steps.shape[:3])
    count = steps.shape[3]
    for index in range(count):
        stored = np.ascontiguousarray(steps[..., index].transpose(2, 1, 0))
        volume = Volume(
            voxels=rescaled(stored, slope, intercept, name),
            unit=Unit.GREY,
            modality="",
            geometry=geometry,
            name=stem(name) + (f", time {index + 1}/{count}" if count > 1 else ""),
        )
        found.append(Scan(volume, issues=tuple(notes)))
    return found


def stem(name: str) -> str:
    """The file name without folders and endings."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    for ending in (".gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".npy"):
        last = last[: -len(ending)] if last.lower().endswith(ending) else last
    return last[:80] or "volume"


def damaged(name: str, kind: str) -> CorruptFileError:
    """The refusal of a file that its reader cannot make sense of."""
    return CorruptFileError(
        N_("The {kind} file “{name}” is damaged or contradicts itself."),
        hint=N_("Export it again from its source."),
        name=name,
        kind=kind,
    )


def truncated(name: str) -> TruncatedFileError:
    """The refusal of a file that ends too early."""
    return TruncatedFileError(
        N_("“{name}” ends before all the voxels its header promises."),
        hint=N_("The copy or the download was cut short; fetch the file again."),
        name=name,
    )


def _geometry(affine_xyz: Affine | None) -> tuple[Geometry, list[Issue]]:
    """Axes (x, y, z) as (slice, row, column); a picture's geometry with a note where the affine is unusable."""
    if affine_xyz is not None and np.isfinite(affine_xyz).all():
        affine = affine_xyz[:, [2, 1, 0, 3]]
        steps = np.linalg.norm(affine[:3, :3], axis=0)
        try:
            if steps.min() > 0 and steps.max() < MAX_SPACING_MM:
                return Geometry(affine), []
        except GeometryError:
            pass
    note = Issue(
        "no_geometry",
        Severity.WARN,
        Message(N_("The file has no usable spacing or position, so nothing can be measured in millimetres.")),
        Message(N_("Use the original DICOM series.")),
    )
    return Geometry.from_spacing((1.0, 1.0, 1.0), scale=Scale.NONE), [note]


def _doubted(geometry: Geometry, shape: tuple[int, ...]) -> list[Issue]:
    """Exactly 1 × 1 × 1 mm for a flat stack of slices is what programs write that have lost the true spacing."""
    lost = geometry.scale is Scale.PATIENT and np.allclose(geometry.steps, 1.0, atol=1e-6)
    if not lost or not 1 < min(shape) * FLAT_RATIO <= max(shape) or min(shape) < 2:
        return []
    return [
        Issue(
            "unit_spacing",
            Severity.WARN,
            Message(
                N_("The file says 1 × 1 × 1 mm for {shape} voxels, as files do that have lost their true spacing."),
                {"shape": " × ".join(map(str, shape))},
            ),
            Message(N_("Compare it with the original series before you measure.")),
        )
    ]


def _mended(array: Array, name: str) -> tuple[Array, Issue]:
    """Voxels that are no numbers become the smallest number, if they are few."""
    good = np.isfinite(array)
    share = 1.0 - float(good.mean())
    if share > 0.5:
        raise CorruptFileError(
            N_("More than half of the voxels of “{name}” are not numbers (NaN or infinite)."),
            hint=N_("Export it again from its source."),
            name=name,
        )
    note = Issue(
        "not_finite",
        Severity.WARN,
        Message(N_("{percent} % of the voxels were not numbers (NaN or infinite) and were set to the smallest value."),
                {"percent": round(share * 100, 3)}),
        measured=share * 100,
        limit=0.0,
    )  # fmt: skip
    return np.where(good, array, array[good].min()), note
