"""The verbs `assess` (the response from a table of measured lesions) and `criteria` (which there are)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medcore.comparison.certainty import Noise
from medcore.errors import N_, HistoryError
from medcore.records import Response, TimepointResponse
from medcore.shell.output import AsJson, Plain, note, plain, print_issues, print_json, print_line, print_table, say, t
from medcore.workbench.assess import Certainty, assess_table, certainty
from medcore.workbench.assess import criteria as all_criteria
from medcore.workbench.history_cells import COLUMNS
from medcore.workbench.history_table import read_history


def assess(
    history: Annotated[Path, typer.Argument(metavar="HISTORY.csv", help=t("One row a lesion and time point."))],
    *,
    criterion: Annotated[str, typer.Option("--criterion", help=t("See the verb criteria."))],
    option: Annotated[list[str] | None, typer.Option("--option", help=t("An option of it: name=value."))] = None,
    reader_sd: Annotated[
        float | None,
        typer.Option("--reader-sd", min=0.0, max=50.0, help=t("Error of one diameter in mm: adds chances and flips.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell the response to treatment."""
    data, options = _bytes(history), option_values(option or [])
    answer = assess_table(data, criterion, options)
    sure = None
    if reader_sd is not None:
        sure = certainty(read_history(data).timepoints, criterion, Noise(length_mm=reader_sd), options)
    if as_json:
        print_json({**response_object(answer), **certainty_object(sure)})
    else:
        print_response(answer)
        if sure is not None:
            print_certainty(sure)


def criteria(as_json: AsJson = False) -> None:
    """List the response criteria."""
    found = all_criteria()
    if as_json:
        listed: list[Plain] = [
            {
                "id": one.id,
                "title": t(one.title),
                "summary": t(one.summary),
                "source": one.source,
                "unit": one.unit,
                "order": list(one.order),
                "options": plain(one.options),
            }
            for one in found
        ]
        print_json({"criteria": listed, "columns": list(COLUMNS)})
        return
    rows = [(one.id, t(one.title), t(one.summary), ", ".join(one.options) or "–") for one in found]
    print_table(t("Response criteria"), (t("id"), t("title"), t("what it is for"), t("options")), rows)


def response_object(answer: Response) -> dict[str, Plain]:
    """The response as JSON: see CLI contract."""
    whole = plain(answer)
    if not isinstance(whole, dict):
        raise TypeError("a response is a record")
    whole["title"] = t(answer.title)
    return whole


def print_response(answer: Response) -> None:
    """The response for people: the table, the reasons, what is missing, and how near the next category is."""
    columns = (
        t("time point"),
        t("date"),
        t("sum in {unit}", unit=answer.unit),
        t("baseline"),
        t("nadir"),
        t("% from baseline"),
        t("% from nadir"),
        t("target"),
        t("non-target"),
        t("new"),
        t("overall"),
    )
    print_table(t(answer.title), columns, [_cells(row) for row in answer.timepoints])
    print_line("")
    for row in answer.timepoints:
        print_line(f"{row.timepoint}: {row.overall} – {say(row.reason)}")
        for message in (*row.missing, *row.notes):
            print_line(f"    {say(message)}")
    _print_thresholds(answer)
    best = t("Best response: {best}; confirmed: {confirmed}.", best=answer.best, confirmed=answer.best_confirmed)
    print_line(best)
    if answer.progressed_at is not None:
        print_line(t("Progression since: {timepoint}.", timepoint=answer.progressed_at))
    for text in answer.to_confirm:
        print_line(": ".join((t("To be confirmed"), say(text))))
    print_issues(t(answer.title), answer.issues)
    note(t("{source}. Research and teaching; not a medical device.", source=answer.source))


def print_certainty(sure: Certainty) -> None:
    """The chance of each category at every visit, and what would flip the last answer."""
    for visit in sure.chances:
        shares = ", ".join(f"{category} {chance:.0%}" for category, chance in visit.chances.items())
        print_line(t("Chances at {timepoint}: {chances}.", timepoint=visit.timepoint, chances=shares))
    for flip in sure.flips:
        for by_mm, category in ((flip.larger_mm, flip.larger), (flip.smaller_mm and -flip.smaller_mm, flip.smaller)):
            if by_mm is not None:
                text = t(
                    "With {lesion} {change} mm at {timepoint} it would be {category}.",
                    lesion=flip.lesion,
                    change=f"{by_mm:+.1f}",
                    timepoint=flip.timepoint,
                    category=category,
                )
                print_line(text)


def certainty_object(sure: Certainty | None) -> dict[str, Plain]:
    """The chance of each category at each visit, and what would flip the last answer, as JSON; {} where unknown."""
    return {} if sure is None else {"chances": plain(sure.chances), "flips": plain(sure.flips)}


def _print_thresholds(answer: Response) -> None:
    last = answer.timepoints[-1]
    for limit in last.thresholds:
        text = t(
            "{category} begins at {at} {unit}: {distance} {unit} from the sum at {timepoint}.",
            category=limit.category,
            at=_number(limit.at),
            unit=answer.unit,
            distance=f"{limit.distance:+.3g}",
            timepoint=last.timepoint,
        )
        print_line(text)


def _cells(row: TimepointResponse) -> tuple[str, ...]:
    return (
        row.timepoint,
        row.acquired_on.isoformat() if row.acquired_on else "–",
        _number(row.sum),
        _number(row.baseline),
        _number(row.nadir),
        _percent(row.change_from_baseline_percent),
        _percent(row.change_from_nadir_percent),
        row.target,
        row.nontarget,
        row.new,
        row.overall,
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f}"


def option_values(given: list[str]) -> dict[str, str]:
    """Options of a criterion from `name=value` words.

    Raises:
        HistoryError: One has no equals sign.
    """
    for text in given:
        if "=" not in text:
            raise HistoryError(N_("“{option}” is not an option."), hint=N_("Write name=value."), option=text)
    return {name.strip(): value.strip() for name, _, value in (text.partition("=") for text in given)}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HistoryError(
            N_("{path} cannot be read: {reason}"),
            hint=N_("Give a CSV file with one row a lesion and time point; the verb criteria lists its columns."),
            path=str(path),
            reason=error.strerror or str(error),
        ) from error
