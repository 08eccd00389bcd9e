"""mRECIST for hepatocellular carcinoma: diameters of the viable, arterially enhancing part of each target."""

from __future__ import annotations

from dataclasses import dataclass

from medcore.criteria._burden import TOO_SMALL_MM, Measure, Step
from medcore.criteria._history import warning
from medcore.criteria._overall import Verdict, role, targets
from medcore.criteria._recist import MEASURABLE_MM, MEASURABLE_NODE_MM, NO_SIZE, PROGRESSION_PERCENT, RESPONSE_PERCENT
from medcore.criteria._sums import Limits, NodeRule, SumCriterion, SumRule
from medcore.errors import N_, Message
from medcore.records import Issue, LesionReading, LesionRole, Timepoint

PORTA_HEPATIS_NODE_MM = 20.0  # Lencioni 2010: a node at the porta hepatis is malignant from 20 mm short axis
PORTA_HEPATIS = ("porta hepatis", "portal hilum", "hepatic hilum")
NEW_NODULE_MM = 10.0  # Lencioni 2010: a new hepatic nodule counts as HCC from 10 mm with a typical pattern


def viable_mm(lesion: LesionReading) -> float | None:
    """Diameter of the enhancing part; of a node the short axis; the longest diameter where no viable one is given."""
    if lesion.node:
        return lesion.short_axis_mm
    return lesion.longest_mm if lesion.viable_mm is None else lesion.viable_mm


class ViableRule(NodeRule):
    """A target with nothing viable left is gone, however large its necrosis is."""

    def gone(self, lesion: LesionReading) -> bool:
        """See SumRule."""
        return super().gone(lesion) or (not lesion.node and lesion.viable_mm == 0)


@dataclass(frozen=True)
class MRecist(SumCriterion):
    """mRECIST for HCC."""

    title = N_("mRECIST (HCC)")
    summary = N_("Liver cancer: diameters of what still enhances in the arterial phase.")
    source = "Lencioni & Llovet 2010, Semin Liver Dis 30:52"
    unit = "mm"
    to_confirm = (
        NO_SIZE,
        N_("mRECIST is applied without an absolute minimum of 5 mm for progression."),
        N_("A new hepatic nodule counts as progression as soon as the reader calls it new; mRECIST asks for 10 mm."),
    )

    @property
    def rule(self) -> SumRule:
        """±30/20 % of the viable diameters."""
        return ViableRule(Measure("mm", viable_mm, TOO_SMALL_MM), Limits(RESPONSE_PERCENT, PROGRESSION_PERCENT))

    def unfit(self, baseline: Timepoint) -> tuple[Issue, ...]:
        """Targets that are too small, nodes at the porta hepatis below 20 mm among them."""
        return tuple(_unfit(lesion) for lesion in targets(baseline) if _too_small(lesion))

    def notes(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """Whether whole diameters stood in for viable ones, and small new nodules."""
        notes = []
        whole = [x.id for x in targets(step.visit) if not x.node and x.viable_mm is None and x.longest_mm]
        if whole:
            notes.append(
                Message(
                    N_("The longest diameter is taken as viable diameter of: {lesions}."), {"lesions": ", ".join(whole)}
                )
            )
        small = [x.id for x in role(step.visit, LesionRole.NEW) if 0 < (viable_mm(x) or 0) < NEW_NODULE_MM]
        if small:
            notes.append(
                Message(
                    N_("New nodules below {least:.4g} mm, which mRECIST asks to be followed first: {lesions}."),
                    {"lesions": ", ".join(small), "least": NEW_NODULE_MM},
                )
            )
        return tuple(notes)


def _too_small(lesion: LesionReading) -> bool:
    if lesion.node and lesion.organ.strip().casefold() in PORTA_HEPATIS:
        return (lesion.short_axis_mm or 0.0) < PORTA_HEPATIS_NODE_MM
    size = viable_mm(lesion)
    return size is not None and size < (MEASURABLE_NODE_MM if lesion.node else MEASURABLE_MM)


def _unfit(lesion: LesionReading) -> Issue:
    return warning(
        "target_not_measurable",
        N_("Target {lesion} is too small at the baseline: {size:.4g} mm viable."),
        N_("A target needs 10 mm of viable tumour, a node 15 mm, a node at the porta hepatis 20 mm."),
        lesion=lesion.id,
        size=viable_mm(lesion) or 0.0,
    )


CRITERION = MRecist()
