"""Short titles of quality findings by code: of the readers, of the checks, and of the look into the store."""

from __future__ import annotations

from medcore.errors import N_
from medcore.imaging.quality import load_checks

OF_READERS = {
    "apart": N_("Slices apart"),
    "dose_grid": N_("Dose grid"),
    "duplicate": N_("Duplicate study"),
    "duplicate_slice": N_("Duplicate slices"),
    "first_page_only": N_("Pages left out"),
    "form_conflict": N_("Contradictory geometry"),
    "fractional_regions": N_("Fractional regions"),
    "frames_not_depth": N_("Frames without position"),
    "gantry_tilt": N_("Gantry tilt"),
    "high_bit": N_("Unusual bits"),
    "lossy": N_("Lossy compression"),
    "magnification": N_("Magnified projection"),
    "missing_slice": N_("Missing slices"),
    "mixed_series": N_("Mixed series"),
    "no_geometry": N_("No geometry"),
    "no_orientation": N_("No orientation"),
    "no_scale": N_("No scale"),
    "no_suv": N_("No SUV"),
    "not_finite": N_("Values that are no numbers"),
    "pages": N_("Pages"),
    "picture": N_("Picture without a scale"),
    "regions_outside": N_("Regions outside the scan"),
    "regions_resampled": N_("Regions resampled"),
    "scan_missing": N_("Scan of the regions missing"),
    "several_steps": N_("Several time points or echoes"),
    "shifted_slices": N_("Shifted slices"),
    "spacing_stated": N_("Spacing as stated"),
    "steps_by_number": N_("Order by number"),
    "suv": N_("SUV"),
    "uneven_spacing": N_("Uneven slice spacing"),
    "unit_spacing": N_("Spacing of 1 mm everywhere"),
    "voi_table": N_("Grey-scale curve"),
}


def quality_title(code: str) -> str:
    """English title of a code, for translation; the code itself where none is known."""
    of_checks = {key: title for check in load_checks().values() for key, title in check.codes.items()}
    return of_checks.get(code) or OF_READERS.get(code) or code
