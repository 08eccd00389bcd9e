"""Products of two perpendicular diameters, as WHO and RANO sum them."""

from __future__ import annotations

from medcore.criteria._burden import TOO_SMALL_MM, Measure
from medcore.records import LesionReading


def product_mm2(lesion: LesionReading) -> float | None:
    """Longest diameter times its perpendicular, in mm²; None where one of them is unknown."""
    if lesion.longest_mm is None or lesion.perpendicular_mm is None:
        return None
    return lesion.longest_mm * lesion.perpendicular_mm


PRODUCTS = Measure("mm²", product_mm2, TOO_SMALL_MM**2)
