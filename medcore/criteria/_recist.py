"""What RECIST 1.1 and its descendants share: sizes, measurable lesions, the ±30/20 % and 5 mm limits."""

from __future__ import annotations

from medcore.criteria._burden import TOO_SMALL_MM, Measure
from medcore.criteria._history import warning
from medcore.criteria._overall import targets
from medcore.criteria._sums import Limits
from medcore.errors import N_
from medcore.records import Issue, LesionReading, Timepoint

RESPONSE_PERCENT = 30.0  # RECIST 1.1, section 4.3.1: at least a 30 % decrease from the baseline sum
PROGRESSION_PERCENT = 20.0  # RECIST 1.1, section 4.3.1: at least a 20 % increase over the smallest sum on study
PROGRESSION_MIN_MM = 5.0  # RECIST 1.1, section 4.3.1: and an absolute increase of at least 5 mm
MEASURABLE_MM = 10.0  # RECIST 1.1, section 3.1: longest diameter on CT with slices of at most 5 mm
MEASURABLE_NODE_MM = 15.0  # RECIST 1.1, section 3.1: short axis of a node
THICK_SLICE_MM = 5.0  # RECIST 1.1, section 3.1: thicker slices ask for lesions of twice the slice thickness
SOURCE = "Eisenhauer 2009, Eur J Cancer 45:228 (RECIST 1.1); recist.eortc.org"
LIMITS = Limits(RESPONSE_PERCENT, PROGRESSION_PERCENT, PROGRESSION_MIN_MM)
THICK_SLICES = N_("Slices thicker than 5 mm ask for targets of twice the slice thickness.")  # to be confirmed
NO_SIZE = N_("A lesion that vanished counts 0 mm; one too small to measure counts 5 mm.")  # to be confirmed


def size_mm(lesion: LesionReading) -> float | None:
    """Longest diameter, of a node the short axis (RECIST 1.1, section 4.1)."""
    return lesion.short_axis_mm if lesion.node else lesion.longest_mm


DIAMETERS = Measure("mm", size_mm, TOO_SMALL_MM)


def measurable(lesion: LesionReading, *, slice_mm: float = THICK_SLICE_MM) -> bool:
    """Whether a lesion of this size may be a target; an unknown size is not."""
    size = size_mm(lesion)
    return size is not None and size >= least_size_mm(lesion, slice_mm=slice_mm)


def least_size_mm(lesion: LesionReading, *, slice_mm: float = THICK_SLICE_MM) -> float:
    """The size from which this lesion is measurable."""
    if lesion.node:
        return MEASURABLE_NODE_MM
    return 2 * slice_mm if slice_mm > THICK_SLICE_MM else MEASURABLE_MM


def unmeasurable_targets(baseline: Timepoint, *, slice_mm: float = THICK_SLICE_MM) -> tuple[Issue, ...]:
    """A warning for each target that is too small to be one."""
    return tuple(
        warning(
            "target_not_measurable",
            N_("Target {lesion} measures {size:.4g} mm at the baseline; a target needs {least:.4g} mm."),
            N_("Make it non-target: small lesions change by a large percentage through the reading alone."),
            lesion=lesion.id,
            size=size,
            least=least_size_mm(lesion, slice_mm=slice_mm),
        )
        for lesion in targets(baseline)
        if (size := size_mm(lesion)) is not None and not measurable(lesion, slice_mm=slice_mm)
    )
