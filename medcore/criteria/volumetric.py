"""Volumetric response: the change of the summed volume against limits that the user sets."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from types import MappingProxyType

from medcore.criteria import OptionWords
from medcore.criteria._burden import TOO_SMALL_MM, Measure, Step
from medcore.criteria._overall import Verdict
from medcore.criteria._sums import Limits, SumCriterion, SumRule
from medcore.errors import N_, Message
from medcore.records import LesionReading

RECIST_RESPONSE_PERCENT = (1 - 0.7**3) * 100  # 65.7: a sphere that loses 30 % of its diameter
RECIST_PROGRESSION_PERCENT = (1.2**3 - 1) * 100  # 72.8: a sphere that gains 20 % of its diameter
ML = 1000.0  # mm³


def sphere_ml(diameter_mm: float) -> float:
    """Volume of a sphere: V = πd³/6.

    >>> round(sphere_ml(10.0), 3)
    0.524
    """
    return pi * diameter_mm**3 / 6 / ML


def sphere_diameter_mm(volume_ml: float) -> float:
    """Diameter of the sphere of this volume.

    >>> round(sphere_diameter_mm(0.5236), 2)
    10.0
    """
    return float((6 * volume_ml * ML / pi) ** (1 / 3))


@dataclass(frozen=True)
class Volumetric(SumCriterion):
    """Change of volume.

    Args:
        response_percent: Fall from the baseline that makes PR; that of a RECIST sphere unless set.
        progression_percent: Rise from the nadir that makes PD; that of a RECIST sphere unless set.
        least_ml: The rise must also reach this.
        spheres: Whether a lesion without a volume is taken as the sphere of its longest diameter.
    """

    title = N_("Volumetric")
    summary = N_("Summed volume, with limits you set; those of a RECIST sphere unless set.")
    source = "−65.7 / +72.8 %: spheres whose diameter changes by −30 / +20 %"
    unit = "ml"
    most_targets = None
    to_confirm = (N_("A lesion too small to measure counts as a sphere of 5 mm."),)
    option_words = MappingProxyType(
        {
            "response_percent": OptionWords(N_("Fall from the baseline for PR, %")),
            "progression_percent": OptionWords(N_("Rise from the nadir for PD, %")),
            "least_ml": OptionWords(N_("Least rise for PD, ml")),
            "spheres": OptionWords(N_("Take lesions without a volume as spheres")),
        }
    )

    response_percent: float = RECIST_RESPONSE_PERCENT
    progression_percent: float = RECIST_PROGRESSION_PERCENT
    least_ml: float = 0.0
    spheres: bool = False

    @property
    def rule(self) -> SumRule:
        """The limits that were set."""
        limits = Limits(self.response_percent, self.progression_percent, self.least_ml)
        return SumRule(Measure("ml", self._volume, sphere_ml(TOO_SMALL_MM)), limits)

    def notes(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """The diameter of the sphere that the sum would be, and which volumes are guessed."""
        notes = []
        if step.burden.sum:
            diameter = sphere_diameter_mm(step.burden.sum)
            notes.append(
                Message(N_("As one sphere the sum has a diameter of {diameter:.1f} mm."), {"diameter": diameter})
            )
        if self.spheres:
            guessed = [x.id for x in self.rule.chosen(step.visit) if x.volume_ml is None and x.longest_mm]
            if guessed:
                notes.append(
                    Message(
                        N_("Volume taken from the longest diameter as a sphere: {lesions}."),
                        {"lesions": ", ".join(guessed)},
                    )
                )
        return tuple(notes)

    def _volume(self, lesion: LesionReading) -> float | None:
        if lesion.volume_ml is None and self.spheres and lesion.longest_mm is not None:
            return sphere_ml(lesion.longest_mm)
        return lesion.volume_ml


CRITERION = Volumetric()
