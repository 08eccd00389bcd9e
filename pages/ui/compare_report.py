"""The report of a comparison on the page: signing off, the versions with what changed, downloads in both languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pandas as pd
import streamlit as st

from medcore.language import LANGUAGES
from medcore.records import DatePolicy
from medcore.workbench import comparison_readings
from medcore.workbench.assess import Certainty
from medcore.workbench.comparison_readings import Changed, Frozen, Paper, Said, SignedVersion, Tables, Told
from medcore.workbench.comparisons import Aligned, Found, Proved
from pages.ui import compare_changes, faults, state
from pages.ui.compare_draft import Reading
from pages.ui.words import plain, t, translate

PAPER_HEIGHT = 760


def panel(
    reading: Reading, aligned: Aligned, found: Found, *, sure: Certainty | None = None, proof: Proved | None = None
) -> None:
    """The draft's report and its signed versions."""
    door = state.workbench().readings
    told = door.told(
        *(aligned, found, reading.draft, sure, proof),
        changes=compare_changes.mapped(reading),
        series=compare_changes.asked(reading, aligned),
    )
    versions = door.versions(reading.baseline.id)
    with st.container(border=True, key="compare-report-panel", gap="small"):
        st.markdown("#### " + t("Report"))
        mapping = compare_changes.again(reading, aligned, found)
        chosen = _version(reading, versions)
        if chosen is None:
            with faults.caught():
                _draft(reading, told, versions, mapping=mapping)
        else:
            with faults.caught():
                _signed(door.open(chosen.id))


def _version(reading: Reading, versions: Sequence[SignedVersion]) -> SignedVersion | None:
    """Which version to look at; None for the draft."""
    if not versions:
        st.caption(t("Nothing is signed off yet. What you change is kept as a draft at once, also through a crash."))
        return None
    titles = {"": t("Draft")} | {one.id: _title(one) for one in versions}
    picked = st.selectbox(
        t("Version"),
        list(titles),
        format_func=titles.__getitem__,
        key=f"compare-version-{reading.baseline.id}-{len(versions)}",
        help=t("A signed version stays as it was signed; a later change makes a new one."),
    )
    return next((one for one in versions if one.id == picked), None)


def _title(one: SignedVersion) -> str:
    sealed = "" if one.sound else " · " + t("not what was signed")
    return t("Version {version} · {who} · {when}", version=one.version, who=one.signed_by,
             when=f"{one.signed_at:%Y-%m-%d %H:%M} UTC") + sealed  # fmt: skip


def _draft(reading: Reading, told: Told, versions: Sequence[SignedVersion], *, mapping: bool) -> None:
    """What would be signed, how it differs from the newest version, and the signature.

    Args:
        mapping: A map of change is being made; a signature now would leave it out.
    """
    door = state.workbench().readings
    newest = versions[0] if versions else None
    if newest is not None:
        changes = door.changes_since(newest, told)
        if changes:
            st.markdown(t("**Changed since version {version}**", version=newest.version))
            _changes(changes)
        else:
            st.success(
                t("The figures are those of version {version}.", version=newest.version), icon=":material/check:"
            )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        who = st.text_input(t("Your name or initials"), max_chars=80, key="compare-signer", width=280)
        pressed = st.button(
            t("Sign off"),
            type="primary",
            icon=":material/verified_user:",
            key="compare-sign",
            disabled=mapping,
            help=t("Freezes this reading with your name and the time. It does not make it a diagnosis."),
        )
    if pressed:
        with st.spinner(t("Looking for text in the pictures and signing off …")):
            signed = door.sign(told, who or "", after=newest.version if newest else 0)
        st.toast(t("Signed off as version {version}.", version=signed.version), icon=":material/verified_user:")
        st.rerun()
    _downloads(reading.baseline.id, lambda: door.report(told, newest), lambda: door.tables(told, newest))


def _signed(frozen: Frozen) -> None:
    """A version as it was signed, with what it changed."""
    signed = frozen.signed
    st.markdown(
        t(
            "Signed off by **{who}**, {when}. Frozen; its seal is whole.",
            who=plain(signed.signed_by),
            when=f"{signed.signed_at:%Y-%m-%d %H:%M} UTC",
        )
    )
    st.caption(f"SHA-256 {signed.sha256}")
    if frozen.before:
        st.markdown(t("**Changed since version {version}**", version=frozen.before))
        if frozen.changes:
            _changes(frozen.changes)
        else:
            st.caption(t("None of the figures changed."))
    _downloads(signed.study, lambda: frozen.document, lambda: frozen.tables, f"v{signed.version}")
    st.iframe(_page_url(frozen.document), height=PAPER_HEIGHT, alt=t("The report as it was signed"))


def _changes(changes: Sequence[Changed]) -> None:
    """Which lesion, what measurement, before and after."""
    rows = [
        {
            t("Where"): _words(one.where),
            t("What"): _words(one.what),
            t("Before the change"): _words(one.before),
            t("After the change"): _words(one.after),
        }
        for one in changes
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def _words(text: Said) -> str:
    return comparison_readings.in_words(text, translate())


def _downloads(baseline: str, document: Callable[[], Paper], tables: Callable[[], Tables], name: str = "") -> None:
    """HTML, PDF and CSV, made when they are asked for; `name` is that of a signed version."""
    door = state.workbench().readings
    dates = {
        DatePolicy.KEEP: t("Keep"),
        DatePolicy.SHIFT: t("Move"),
        DatePolicy.DROP: t("Remove"),
    }
    codes = list(LANGUAGES)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        language = st.segmented_control(
            t("Language of the report"),
            codes,
            format_func=LANGUAGES.__getitem__,
            default=state.language(),
            required=True,
            key=f"compare-report-language-{state.language()}",
        )
        policy = st.segmented_control(
            t("Dates"),
            list(dates),
            format_func=dates.__getitem__,
            default=DatePolicy.KEEP,
            required=True,
            key="compare-report-dates",
            help=t("Whoever knows a date may find the patient: move or remove them before the report leaves."),
        )
        pictured = st.checkbox(
            t("With pictures of the scans"),
            value=True,
            key="compare-report-pictures",
            help=t("Without them no pixel of the patient leaves; figures, tables and charts stay."),
        )
    moved = door.moved(baseline, DatePolicy(policy or DatePolicy.KEEP))
    code = language or "en"

    def made(form: Callable[[Paper, str, timedelta | None], bytes], what: str) -> Callable[[], bytes]:
        def make() -> bytes:
            whole = document()
            data = form(whole if pictured else comparison_readings.bare(whole), code, moved)
            door.exported(baseline, f"report {name or 'draft'} {what} {code} dates={policy} pictures={pictured}")
            return data

        return make

    def packed() -> bytes:
        data = comparison_readings.zipped(tables(), moved)
        door.exported(baseline, f"report {name or 'draft'} csv dates={policy}")
        return data

    with st.container(horizontal=True):
        file = f"medcore-response-{name}".rstrip("-")
        _button(t("Report (HTML)"), made(comparison_readings.html, "html"), f"{file}-{code}.html", "text/html")
        _button(t("Report (PDF)"), made(comparison_readings.pdf, "pdf"), f"{file}-{code}.pdf", "application/pdf")
        _button(t("Tables (CSV)"), packed, f"{file}-csv.zip", "application/zip")


def _button(title: str, data: Callable[[], bytes], file: str, mime: str) -> None:
    icons = {"html": ":material/description:", "pdf": ":material/picture_as_pdf:", "zip": ":material/table:"}
    kind = file.rpartition(".")[2]
    key = {"html": "compare-report", "pdf": "compare-pdf", "zip": "compare-csv"}[kind]
    st.download_button(title, data, file, mime, icon=icons[kind], key=key, on_click="ignore")


def _page_url(document: Paper) -> str:
    """The report as an address of its own, so that it shares nothing with the app."""
    return comparison_readings.data_url(comparison_readings.html(document, state.language()))
