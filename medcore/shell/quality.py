"""The verb `quality`: what is wrong with the scans in files, the worst first, with figures and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from medcore.intake import Found
from medcore.records import Issue
from medcore.settings import Settings
from medcore.shell.output import AsJson, Plain, error_object, plain, print_json, print_line, print_table, say, t
from medcore.shell.read import read_paths

Paths: TypeAlias = Annotated[list[Path], typer.Argument(metavar="PATH...", help=t("Files, folders or zips."))]


def quality(paths: Paths, as_json: AsJson = False) -> None:
    """Check the quality of scans without storing them."""
    from medcore.workbench.quality import with_quality  # brings the store with it, which takes a second

    reading = read_paths(paths, Settings.from_environment())
    found = [with_quality(one) for one in reading.found]
    if as_json:
        refused: list[Plain] = [{"name": one.name, **error_object(one.error)} for one in reading.refused]
        print_json({"volumes": [_volume(one) for one in found], "refused": refused})
        return
    rows = [_row(one, issue) for one in found for issue in one.issues]
    columns = (t("scan"), t("severity"), t("finding"), t("measured"), t("limit"), t("what it means"), t("what to do"))
    print_table(t("Quality"), columns, rows)
    for refusal in reading.refused:
        print_line(t("Refused: {reason} {hint}", reason=say(refusal.error.message), hint=say(refusal.error.hint)))


def _volume(found: Found) -> Plain:
    volume = found.volume
    issues: list[Plain] = [_issue(issue) for issue in found.issues]
    worst = found.issues[0].severity.value if found.issues else None
    return {"name": volume.name, "modality": volume.modality, "sha256": volume.sha256, "worst": worst, "issues": issues}


def _issue(issue: Issue) -> Plain:
    facts = plain(issue)
    assert isinstance(facts, dict)
    return {**facts, "title": _title(issue)}


def _row(found: Found, issue: Issue) -> tuple[str, ...]:
    figures = ("–" if value is None else f"{value:.3g}" for value in (issue.measured, issue.limit))
    return (
        found.volume.name,
        issue.severity.value,
        _title(issue),
        *figures,
        say(issue.message),
        say(issue.hint),
    )


def _title(issue: Issue) -> str:
    from medcore.workbench.quality_titles import quality_title  # brings OpenCV with it

    return t(quality_title(issue.code))
