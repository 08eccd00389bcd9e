"""What the reports, tables and differences of a comparison are made of, gathered once."""

from __future__ import annotations

from dataclasses import dataclass

from medcore.comparison.changes import VisitChange
from medcore.comparison.compare import Compared
from medcore.comparison.proof import Proof
from medcore.errors import N_
from medcore.exports.report_document import Text
from medcore.records import Issue
from medcore.workbench.assess import Certainty
from medcore.workbench.comparison_answer import Opinion, Row, opinions, rows
from medcore.workbench.comparison_draft import Draft
from medcore.workbench.comparison_models import RadiographSeries
from medcore.workbench.comparison_probabilities import ProbabilityChange
from medcore.workbench.comparisons import Aligned

ROLES = {"target": N_("target"), "nontarget": N_("non-target"), "new": N_("new")}
FATES = {
    "not_yet": "", "first_seen": N_("first seen"), "followed": N_("followed"), "new": N_("new"), "gone": N_("gone"),
    "outside": N_("outside the scan"), "merged": N_("merged"), "split_off": N_("split off"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """Where the lesions of a visit come from: a stored mask, or a model. Names that people typed stay out of it."""

    visit: int
    what: Text
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class More:
    """What may be told beside the response.

    Args:
        sure: The chance of each category.
        changes: Of each later study against the baseline; None where the alignment is in doubt.
        series: A model's answers to radiographs.
    """

    sure: Certainty | None = None
    changes: tuple[VisitChange | None, ...] = ()
    series: RadiographSeries | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """All that a report is made of.

    Args:
        sure: The chances; None where they cannot be told.
        proof: What the pipeline found of a known change, if that was tried.
        probabilities: What models said of the studies.
        sources: Where the lesions come from.
        changes: What changed at each later study, place by place, if that was mapped; None where it must not be.
        series: What one model said of radiographs, with its heat, if it was asked.
        doubts: What spoke against comparing these studies.
        hidden: Ids of scans whose pictures may show a name and must stay out.
    """

    aligned: Aligned
    found: Compared
    draft: Draft
    sure: Certainty | None = None
    proof: Proof | None = None
    probabilities: tuple[ProbabilityChange, ...] = ()
    sources: tuple[Source, ...] = ()
    doubts: tuple[Issue, ...] = ()
    hidden: frozenset[str] = frozenset()
    changes: tuple[VisitChange | None, ...] = ()
    series: RadiographSeries | None = None

    @property
    def lesions(self) -> tuple[Row, ...]:
        """All lesions over all visits; none where a study has no mask."""
        return rows(self.aligned, self.found)

    @property
    def opinions(self) -> tuple[Opinion, ...]:
        """What every criterion says."""
        return opinions(self.found.timepoints, self.found.response) if self.found.response else ()
