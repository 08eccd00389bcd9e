"""Last step of a comparison: the response with its reasons and its uncertainty, the proof, the report."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from medcore.errors import N_, Message
from medcore.records import Severity
from medcore.workbench import comparison_readings, proof_words
from medcore.workbench.alignment_words import length_unit
from medcore.workbench.comparisons import Aligned, Found, Proved
from pages.ui import (
    compare_answer,
    compare_criteria,
    compare_draft,
    compare_lesions,
    compare_report,
    compare_timeline,
    compare_what_if,
    compare_whole,
    show,
    state,
)
from pages.ui.compare_draft import Reading
from pages.ui.words import change_percent, percent, plain, say, t, translate


def page(reading: Reading) -> None:
    """The step."""
    aligned = reading.aligned
    if aligned is None:
        compare_draft.need_alignment(reading)
        return
    _probabilities(reading)
    if not aligned.visits:
        compare_lesions.no_masks(reading)
        _without_lesions(reading, aligned)
        return
    _controls(reading)
    found = compare_draft.concluded(reading, aligned)
    if found is None:
        return
    blocked = [one for one in found.issues if one.severity is Severity.BLOCK]
    if found.response is None or blocked:
        show.issues(blocked)
        st.button(t("Check alignment"), on_click=compare_draft.go, args=("alignment",), key="compare-check")
        return
    _answer(reading, aligned, found)


def _without_lesions(reading: Reading, aligned: Aligned) -> None:
    """The report of what needs no lesion: the alignment, what changed, and what a model said of each study."""
    found = compare_draft.concluded(reading, aligned)
    if found is not None and not any(one.severity is Severity.BLOCK for one in found.issues):
        compare_report.panel(reading, aligned, found)


def _controls(reading: Reading) -> None:
    draft = reading.draft
    with st.container(horizontal=True, vertical_alignment="bottom"):
        facts = compare_answer.criterion(draft.criterion, reading.key("criterion"))
        if facts.id != draft.criterion:
            compare_draft.change(reading, replace(draft, criterion=facts.id, options={}))
        options = compare_answer.options(facts, draft.options, reading.key("option"))
        if options != dict(draft.options):
            compare_draft.change(reading, replace(draft, options=options))
        sd_mm = st.number_input(
            t("Reader SD, mm"),
            0.0,
            10.0,
            draft.reader_sd_mm,
            0.5,
            key=reading.key("sd"),
            help=t("Standard deviation of a diameter when another reader measures it; 1 to 2 mm is usual for CT."),
        )
        if sd_mm != draft.reader_sd_mm:
            compare_draft.change(reading, replace(draft, reader_sd_mm=sd_mm))
        organ = st.text_input(
            t("Organ of all lesions"), draft.organ, key=reading.key("organ"), placeholder=t("lung, liver, brain …")
        ).strip()
        if organ != draft.organ:
            compare_draft.change(reading, replace(draft, organ=organ))
        compare_draft.undo(reading)


def _answer(reading: Reading, aligned: Aligned, found: Found) -> None:
    response, draft = found.response, reading.draft
    assert response is not None, "checked by the caller"
    labels = [compare_draft.title_of(reading, number) for number in range(len(draft.visits))]
    sure = compare_answer.sure_of(found.timepoints, response, draft.options, draft.reader_sd_mm)
    left, right = st.columns([3, 2], gap="medium")
    with right:
        compare_answer.headline(response)
        if sure is not None:
            compare_answer.certainty(response, sure)
        compare_what_if.panel(found.timepoints, response, draft.options, "compare")
    with left:
        compare_timeline.section(reading, undo=False)
        compare_answer.pictures(found.timepoints, response, labels, sure, "compare-chart")
        compare_answer.visits(response, labels)
        compare_whole.panel(found, labels)
        if found.relative:
            st.warning(t("Only relative change is true here: a study has no true spacing."), icon=":material/rule:")
        compare_criteria.side_by_side(found.timepoints, response)
        proof = _proof(reading, aligned)
        show.issues(found.issues)
        compare_report.panel(reading, aligned, found, sure=sure, proof=proof)


def _proof(reading: Reading, aligned: Aligned) -> Proved | None:
    """A known change is put into the patient's own baseline and must be found again; what was found."""
    with st.expander(t("Prove it on this patient"), icon=":material/verified:", key="compare-proof", on_change="rerun"):
        st.caption(
            t(
                "The lesions of the baseline are grown or shrunk by what you choose, the scan is moved and noised, and "
                "everything is computed again; beside it the same without any change, which must be found to be none."
            )
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            sized = length_unit(aligned.moments[0].scan) == "mm"
            title = t("Border moves outwards by, mm") if sized else t("Border moves outwards by, voxels")
            grown_mm = st.number_input(title, -10.0, 10.0, 2.0 if sized else 0.5, 0.5, key="compare-grown")
            if st.button(t("Prove"), icon=":material/science:", key="compare-prove"):
                _start_proof(reading, aligned, grown_mm)
                st.rerun()
        job = compare_draft.follow(state.session().comparing.get(_proof_key(reading), ""))
        result = job.result if job is not None else None
        proof = result if isinstance(result, Proved) else state.workbench().comparisons.proved(reading.draft)
        if proof is not None:
            _proved(proof, aligned)
    return proof


def _proved(proof: Proved, aligned: Aligned) -> None:
    """What was put in, what came out, and the null."""
    baseline = aligned.moments[0].scan
    words = comparison_readings.in_words
    show.facts({say(name): words(value, translate()) for name, value in proof_words.facts(proof, baseline)})
    st.caption(say(proof_words.limits(proof, baseline)))
    st.caption(t(proof_words.KNOWN))


def _start_proof(reading: Reading, aligned: Aligned, grown_mm: float) -> None:
    door, draft = state.workbench().comparisons, reading.draft
    job = state.workbench().jobs.start(
        Message(N_("Proving on a known change")),
        lambda progress: door.prove(aligned, draft, grown_mm, progress=progress, cancelled=progress.cancelled),
    )
    state.session().comparing[_proof_key(reading)] = job.id


def _proof_key(reading: Reading) -> str:
    """A proof counts for the scans and masks that it was made with."""
    return f"prove {state.workbench().comparisons.fingerprint(reading.draft)}"


def _probabilities(reading: Reading) -> None:
    """How the answers of a model changed between the studies, where it was asked about them."""
    changes = state.workbench().comparisons.probabilities(reading.draft)
    if not changes:
        return
    with st.container(border=True, key="compare-probabilities", gap="small"):
        st.markdown(t("**What the model said of each study**"))
        cards = {card.id: card for card in state.workbench().models.cards()}
        for one in changes:
            card = cards.get(one.model)
            title = t(card.label(one.label).title) if card else one.label
            steps = " → ".join("–" if score is None else percent(score.probability) for score in one.scores)
            change = "" if one.change is None else f" ({change_percent(100 * one.change)})"
            st.markdown(f"{plain(title)}: {plain(steps + change)}  \n:small[{plain(one.model)}]")
        st.caption(t("A probability is how sure the model is, not how much of the lung is affected."))
