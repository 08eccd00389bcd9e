"""The quality report of a scan: what all checks found, together with what reading found, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medcore.imaging.quality import load_checks
from medcore.imaging.quality._sample import sample
from medcore.records import Issue, Severity
from medcore.volume import Volume

ORDER = (Severity.BLOCK, Severity.WARN, Severity.INFO)


def quality_report(volume: Volume, known: Sequence[Issue] = ()) -> tuple[Issue, ...]:
    """All findings about a scan, the worst first.

    Args:
        known: What reading found; a check that finds the same (by code) says nothing new.
    """
    codes = {issue.code for issue in known}
    return worst_first([*known, *(issue for issue in inspect(volume) if issue.code not in codes)])


def inspect(volume: Volume) -> tuple[Issue, ...]:
    """What the checks find in the pixels, the worst first; the same scan gives the same findings."""
    looked_at = sample(volume)
    return worst_first([issue for check in load_checks().values() for issue in check.find(looked_at)])


def worst_first(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Issues by severity, then by how far the measured value is beyond its limit."""
    return tuple(sorted(issues, key=lambda issue: (ORDER.index(issue.severity), -_excess(issue))))


def _excess(issue: Issue) -> float:
    if issue.measured is None or not issue.limit:
        return 0.0
    ratio = abs(issue.measured / issue.limit)
    return max(ratio, 1 / ratio) if ratio > 0 else float("inf")
