"""What published rules say of the nodules of one CT: decision support for teaching."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from medcore.criteria import load_criterion
from medcore.errors import N_, Message
from medcore.predictions import Box, Suggestion
from medcore.records import LesionReading, LesionRole, Timepoint

RULES = ("lung_rads", "fleischner")
FOR_TEACHING = Message(N_("Decision support for teaching: a reader decides."))
FIRST_LOOK = Message(N_("Taken as the first CT of the patient: growth and newness need an earlier one."))
PART_ONLY = Message(N_("Only a part of the lungs is in the scan: nodules beyond it would count too."))
INCOMPLETE = Message(
    N_("Category 0: a part of the lungs is not in the scan, so that nobody can say there is no nodule.")
)


def suggestions(boxes: Sequence[Box], acquired_on: date | None, *, partial: bool = False) -> tuple[Suggestion, ...]:
    """The category of each rule, with the rule that fired.

    Args:
        partial: The scan shows only a part of the lungs, so that no nodule in it does not mean none.
    """
    if partial and not boxes:
        return (Suggestion("lung_rads", "0", "lung_rads.0", INCOMPLETE, (FOR_TEACHING,)),)
    nodules = tuple(
        LesionReading(
            id=str(box.mask_label),
            role=LesionRole.TARGET,
            organ="lung",
            longest_mm=box.longest_mm,
            short_axis_mm=box.short_axis_mm,
            volume_ml=box.volume_ml,
            hu_mean=box.hu_mean,
            solid_mm=box.solid_mm,
            kind=box.kind,
        )
        for box in boxes
    )
    visit = Timepoint("CT", acquired_on, nodules, baseline=True)
    first = (FOR_TEACHING, PART_ONLY, FIRST_LOOK) if partial else (FOR_TEACHING, FIRST_LOOK)
    found = []
    for name in RULES:
        response = load_criterion(name).assess((visit,))
        row = response.timepoints[0]
        found.append(Suggestion(name, row.overall, row.rule, row.reason, (*first, *response.to_confirm)))
    return tuple(found)
