"""From stored DICOM pixels to values that mean something: rescale, look-up tables, polarity, colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from medcore.errors import N_, CorruptFileError, Message
from medcore.readers._dicom_header import Header, text
from medcore.records import Issue, Severity
from medcore.volume import Array, Unit, Window

IntegerType: TypeAlias = type[np.integer[Any]]
INTEGER_TYPES: tuple[IntegerType, ...] = (
    np.uint8,
    np.int16,
    np.uint16,
)  # the narrowest exact one is used; float32 when none fits
FLOAT_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Voxels with a meaning: (F, R, C) or (F, R, C, 3) uint8."""

    voxels: Array
    unit: Unit
    window: Window | None
    issues: tuple[Issue, ...] = ()


def to_values(stored: Array, photometric: str, header: Header, dataset: Any, name: str) -> Values:
    """Apply everything between the stored pixels and what a reader should see, larger being brighter.

    Raises:
        CorruptFileError: A look-up table or the rescale values are damaged.
    """
    if stored.ndim == 4 or photometric == "PALETTE COLOR":
        return Values(_colour(stored, photometric, header, dataset, name), Unit.RGB, None)
    if header.bits_allocated == 1:
        return Values(stored.astype(np.uint8), Unit.GREY, None)
    if "ModalityLUTSequence" in dataset and not header.has_rescale:
        voxels, range_ = _modality_table(stored, dataset, name)
    else:
        voxels = rescaled(stored, header.slope, header.intercept, name)
        range_ = _value_range(header, voxels)
    unit, window = unit_of(header), header.window
    issues: tuple[Issue, ...] = ()
    if header.projection and header.window is None and "VOILUTSequence" in dataset:
        voxels, range_, issues = _voi_table(voxels, range_, dataset, name)
    if inverted(header, dataset) and unit is Unit.GREY:
        voxels = _flip(voxels, range_)
        window = window and Window(range_[0] + range_[1] - window.centre, window.width)
    return Values(voxels, unit, window, issues)


def unit_of(header: Header) -> Unit:
    """HU for CT values that a rescale made absolute; GREY otherwise."""
    absolute = header.modality == "CT" and header.has_rescale and header.rescale_type in ("", "HU", "US")
    return Unit.HU if absolute and "LOCALIZER" not in header.image_type else Unit.GREY


def inverted(header: Header, dataset: Any) -> bool:
    """Whether the smallest value is to be shown white."""
    return header.photometric == "MONOCHROME1" or text(dataset, "PresentationLUTShape").upper() == "INVERSE"


def rescaled(stored: Array, slope: float, intercept: float, name: str) -> Array:
    """`stored × slope + intercept`, in the narrowest of uint8, int16, uint16 that is exact, else float32.

    Raises:
        CorruptFileError: The result is not finite.
    """
    if stored.dtype.kind == "f":
        return _as_float(stored, slope, intercept, name)
    low, high = int(stored.min()), int(stored.max())
    if not (float(slope).is_integer() and float(intercept).is_integer()):
        return _as_float(stored, slope, intercept, name)
    ends = sorted((low * int(slope) + int(intercept), high * int(slope) + int(intercept)))
    dtype = exact_type(stored.dtype, ends[0], ends[1], changed=(slope, intercept) != (1, 0))
    if dtype is None:
        return _as_float(stored, slope, intercept, name)
    if slope == 1:  # modular arithmetic in the target type is exact, because the result fits it
        same = stored.view(dtype) if stored.itemsize == np.dtype(dtype).itemsize else stored.astype(dtype)
        return np.add(same, np.array(int(intercept)).astype(dtype)) if intercept else same
    return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(dtype)


def exact_type(stored: np.dtype[Any], low: int, high: int, *, changed: bool) -> IntegerType | None:
    """The integer type for values from `low` to `high`; the stored one is kept when nothing changes them."""
    order = INTEGER_TYPES
    if not changed and stored in (np.dtype(t) for t in INTEGER_TYPES):
        return next(t for t in INTEGER_TYPES if np.dtype(t) == stored)
    if changed or stored.itemsize > 1:
        order = (np.int16, np.uint16)
    return next((t for t in order if np.iinfo(t).min <= low and high <= np.iinfo(t).max), None)


def _as_float(stored: Array, slope: float, intercept: float, name: str) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        if stored.dtype.itemsize > 2:  # float32 arithmetic would lose digits of 32-bit counts
            result = (stored.astype(np.float64) * slope + intercept).astype(np.float32)
        else:
            result = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    if not np.isfinite(result).all():
        raise CorruptFileError(
            N_("“{name}” contains values that are not finite numbers after rescaling."),
            hint=N_("Export it again from its source; the rescale values or pixels are damaged in this copy."),
            name=name,
        )
    return result


def _value_range(header: Header, voxels: Array) -> tuple[float, float]:
    """The values that the stored bits can reach: polarity turns about their middle, whatever the image holds."""
    if voxels.dtype.kind == "f" and header.bits_allocated > 16:
        return float(voxels.min()), float(voxels.max())
    low = -(1 << (header.bits_stored - 1)) if header.signed else 0
    high = low + (1 << header.bits_stored) - 1
    ends = sorted((low * header.slope + header.intercept, high * header.slope + header.intercept))
    return min(ends[0], float(voxels.min())), max(ends[1], float(voxels.max()))


def _flip(voxels: Array, range_: tuple[float, float]) -> Array:
    total = range_[0] + range_[1]
    if voxels.dtype.kind == "f":
        return (np.float32(total) - voxels).astype(np.float32)
    low, high = int(total) - int(voxels.max()), int(total) - int(voxels.min())
    dtype = exact_type(voxels.dtype, low, high, changed=False)
    if dtype is None or np.iinfo(dtype).min > low or np.iinfo(dtype).max < high:
        return np.float32(total) - voxels.astype(np.float32)
    return np.array(int(total) % (1 << 16), np.uint16).astype(dtype) - voxels.astype(dtype)


def _modality_table(stored: Array, dataset: Any, name: str) -> tuple[Array, tuple[float, float]]:
    from pydicom.pixels import apply_modality_lut

    try:
        values = np.asarray(apply_modality_lut(stored, dataset))
    except Exception as error:
        raise _bad_table(name) from error
    return rescaled(values, 1.0, 0.0, name), (float(values.min()), float(values.max()))


def _voi_table(
    voxels: Array, range_: tuple[float, float], dataset: Any, name: str
) -> tuple[Array, tuple[float, float], tuple[Issue, ...]]:
    from pydicom.pixels import apply_voi

    if voxels.dtype.kind == "f":
        return voxels, range_, ()
    try:
        table = np.asarray(apply_voi(voxels, dataset, index=0))
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
    except Exception as error:
        raise _bad_table(name) from error
    issue = Issue(
        "voi_table",
        Severity.INFO,
        Message(N_("The detector's own grey-scale curve (VOI LUT) was applied, as a viewer would.")),
    )
    return rescaled(table, 1.0, 0.0, name), (0.0, float((1 << bits) - 1)), (issue,)


def _colour(stored: Array, photometric: str, header: Header, dataset: Any, name: str) -> Array:
    """(F, R, C, 3) uint8 RGB."""
    bits = header.bits_stored
    if photometric == "PALETTE COLOR":
        stored = _palette(stored, dataset, name)
        bits = 16 if stored.dtype.itemsize > 1 and int(stored.max()) > 255 else 8
    if stored.shape[-1] != 3:
        raise CorruptFileError(
            N_("“{name}” has {channels} colour channels; MedCore reads grey and RGB images."),
            hint=N_("Export it again as an RGB or grey image."),
            name=name,
            channels=int(stored.shape[-1]),
        )
    if stored.dtype == np.uint8:
        return stored
    return (stored.astype(np.int64) >> max(bits - 8, 0)).clip(0, 255).astype(np.uint8)


def _palette(stored: Array, dataset: Any, name: str) -> Array:
    from pydicom.pixels import apply_color_lut

    colours = [f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")]
    try:
        if not dataset.original_encoding[1]:  # pydicom leaves the tables of a big-endian file unswapped
            for keyword in (keyword for keyword in colours if keyword in dataset):
                dataset[keyword].value = np.frombuffer(dataset[keyword].value, ">u2").astype("<u2").tobytes()
        return np.asarray(apply_color_lut(stored, dataset))[..., :3]
    except Exception as error:
        raise _bad_table(name) from error


def _bad_table(name: str) -> CorruptFileError:
    return CorruptFileError(
        N_("A look-up table in “{name}” is damaged, so its grey values or colours cannot be trusted."),
        hint=N_("Export it again from its source."),
        name=name,
    )
