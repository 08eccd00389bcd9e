"""What the grey steps share: foreground, values between 0 and 1, what was clipped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy import float32
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from medcore.errors import N_, Message
from medcore.recipes import Parameter
from medcore.records import Issue, Severity
from medcore.volume import Array, Unit, Volume, Window

SAMPLE_VOXELS = 4_000_000  # enough for statistics of values
CLIPPED_WARN_PERCENT = 5.0  # from here on a reader should look at what is gone
OVER = Parameter(
    "over",
    N_("Statistics over"),
    "all",
    choices={
        "all": N_("all voxels"),
        "above_lowest": N_("voxels above the lowest value"),
        "foreground": N_("the foreground (Otsu)"),
    },
    explained=N_("Air around the patient can be left out of the statistics."),
)


def chosen_values(voxels: Array, over: str) -> Array:
    """The values that statistics are taken over, at most some millions of them, evenly spread; never empty."""
    flat = voxels.reshape(-1)
    flat = flat[:: max(1, flat.size // SAMPLE_VOXELS)]
    if over == "above_lowest":
        part = flat[flat > flat.min()]
    elif over == "foreground" and flat.min() < flat.max():
        part = flat[flat > threshold_otsu(flat)]
    else:
        part = flat
    return part if part.size else flat


def to_unit_range(voxels: Array) -> NDArray[float32]:
    """Lowest value to 0, highest to 1; a flat image becomes zeros."""
    low, high = float(voxels.min()), float(voxels.max())
    if high <= low:
        return np.zeros(voxels.shape, dtype=float32)
    return np.asarray((voxels.astype(float32) - low) * (1.0 / (high - low)), dtype=float32).clip(0, 1)


def as_grey(scan: Volume, values: Array, *, window: Window | None) -> Volume:
    """The scan with values that mean no unit any more."""
    return replace(scan, voxels=np.asarray(values, dtype=float32), unit=Unit.GREY, window=window)


UNIT_WINDOW = Window(0.5, 1.0)


def clipped(values: Array, low: float, high: float) -> tuple[Issue, ...]:
    """How much of the scan lies beyond the limits and is lost."""
    below = 100.0 * np.count_nonzero(values < low) / values.size
    above = 100.0 * np.count_nonzero(values > high) / values.size
    if below + above == 0:
        return ()
    severity = Severity.WARN if above >= CLIPPED_WARN_PERCENT else Severity.INFO
    return (
        Issue(
            "values_clipped",
            severity,
            Message(
                N_("Values are clipped: {below} % of the voxels below {low} and {above} % above {high}."),
                {"below": f"{below:.1f}", "above": f"{above:.1f}", "low": f"{low:.4g}", "high": f"{high:.4g}"},
            ),
            measured=round(below + above, 2),
        ),
    )


def lost_unit(scan: Volume) -> tuple[Issue, ...]:
    """That HU or SUV are HU or SUV no more."""
    if scan.unit not in (Unit.HU, Unit.SUV):
        return ()
    return (
        Issue(
            "unit_lost",
            Severity.INFO,
            Message(N_("Values are no {unit} any more; measure them on the original."), {"unit": scan.unit.value}),
        ),
    )
