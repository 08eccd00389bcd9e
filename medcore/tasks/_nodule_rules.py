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


def suggestions(boxes: Sequence[Box], acquired_on: date | None) -> tuple[Suggestion, ...]:
    """The category of each rule, with the rule that fired."""
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
    found = []
    for name in RULES:
        response = load_criterion(name).assess((visit,))
        row = response.timepoints[0]
        found.append(
            Suggestion(name, row.overall, row.rule, row.reason, (FOR_TEACHING, FIRST_LOOK, *response.to_confirm))
        )
    return tuple(found)
