"""Draws records: a study, its scans and their quality, the run behind a number."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

import streamlit as st

from medcore.errors import MedcoreError
from medcore.records import Issue, Run, Severity, Study
from pages.ui import state
from pages.ui.words import day, kind, millimetres, plain, say, scans, seconds, size, t

ORDER = (Severity.BLOCK, Severity.WARN, Severity.INFO)
ICONS = {Severity.BLOCK: ":material/block:", Severity.WARN: ":material/warning:", Severity.INFO: ":material/info:"}
COLOURS = {Severity.BLOCK: "red", Severity.WARN: "orange", Severity.INFO: "blue"}


def thumbnail(study: Study, *, pixels: int) -> None:
    """The first scan, small."""
    scan_thumbnail(study.scans[0].id, pixels=pixels)


def scan_thumbnail(scan: str, *, pixels: int) -> None:
    """A scan, small."""
    try:
        picture = state.workbench().studies.thumbnail(scan)
    except MedcoreError:  # the study itself is worth showing without its picture
        st.markdown(":material/hide_image:")
        return
    st.image(picture, width=pixels, alt=t("Small picture of the scan"))


def study_facts(study: Study) -> None:
    """Pseudonym, date and badges, small."""
    with st.container(gap="xsmall"):
        if known := identity(study):
            st.caption(plain(known))
        with st.container(horizontal=True, gap="xsmall"):
            badges(study)


def identity(study: Study) -> str:
    """Pseudonym and date, as far as they are known."""
    return " · ".join(filter(None, (study.patient, day(study.acquired_on) if study.acquired_on else "")))


def badges(study: Study) -> None:
    """Modalities, quality and origin of a study as words with icons."""
    for modality in study.modalities:
        st.badge(kind(modality), color="gray")
    quality_badge(study.worst)
    if study.synthetic:
        st.badge(t("Synthetic"), icon=":material/science:", color="violet")


def quality_badge(worst: Severity | None) -> None:
    """How good a scan is, as one word."""
    if worst is None or worst is Severity.INFO:
        st.badge(t("Good"), icon=":material/check_circle:", color="green")
    elif worst is Severity.WARN:
        st.badge(t("With care"), icon=ICONS[worst], color=COLOURS[worst])  # type: ignore[arg-type]
    else:
        st.badge(t("Do not use"), icon=ICONS[worst], color=COLOURS[worst])  # type: ignore[arg-type]


def issues(found: Iterable[Issue], counts: Mapping[int, int] | None = None) -> None:
    """Quality issues, worst first, each with what to do.

    Args:
        counts: How many scans have an issue, by its `id`, where several have the same.
    """
    for issue in sorted(found, key=lambda issue: ORDER.index(issue.severity)):
        hint, count = say(issue.hint), (counts or {}).get(id(issue), 1)
        text = plain(say(issue.message)) + (f" ({scans(count)})" if count > 1 else "")
        text += f"  \n:small[{plain(hint)}]" if hint else ""
        colour = COLOURS[issue.severity]
        st.markdown(f":{colour}[{ICONS[issue.severity]}] {text}")


def scan_facts(study: Study) -> None:
    """Each scan of a study in one line."""
    for scan in study.scans:
        spacing = t("no scale") if scan.spacing_mm is None else millimetres(scan.spacing_mm[scan.shape[0] == 1 :])
        parts = [plain(scan.name), kind(scan.modality), size(scan.shape), spacing, scan.body_part, scan.view]
        st.caption(" · ".join(part for part in parts if part))


def run_record(run: Run) -> None:
    """Everything needed to reproduce a number."""
    with st.expander(t("How this was made"), icon=":material/receipt_long:"):
        facts(
            {
                t("Run"): run.id,
                t("Time"): run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
                t("Model"): f"{run.model} {run.model_version}",
                t("Weights SHA-256"): run.weights_sha256,
                t("Scan SHA-256"): run.scan_sha256,
                t("Preprocessing"): ", ".join(f"{name} = {value}" for name, value in run.preprocessing.items()),
                t("Device"): f"{run.device}, {run.precision}",
                t("Duration"): seconds(run.seconds),
                t("Software"): ", ".join(f"{name} {version}" for name, version in run.software.items()),
            }
        )


def facts(pairs: Mapping[str, str]) -> None:
    """Names and values in two columns."""
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in pairs.items())
    st.html(f'<dl class="medcore-facts">{rows}</dl>')
