"""The right half of a result with lesions: how many, how large, of what kind, and what the reader makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from medcore.cards import ModelCard
from medcore.predictions import Detection, Score, Segmentation
from medcore.workbench.analyse import Analysis
from medcore.workbench.corrected import Finding, Origin, Review, Standing
from pages.ui import model_cards, show, state, volume_export, volume_history, volume_review, volume_table
from pages.ui.words import percent, plain, say, seconds, t

CRITERIA = {"lung_rads": "Lung-RADS v2022", "fleischner": "Fleischner 2017"}
LEAST_SHOWN = 0.05  # a kind less probable than this is not worth a line


def page(analysis: Analysis, findings: Sequence[Finding], weakest: float) -> None:
    """Findings, table, the chosen lesion, history, export, warnings, model, run: in the order of reading."""
    review, run = state.review(analysis), analysis.prediction.run
    _headline(analysis, review, findings, weakest)
    if isinstance(analysis.prediction, Segmentation):
        _kinds(analysis.prediction.scores, analysis.card)
    chosen = volume_review.chosen(findings)
    if findings:
        volume_table.show(analysis, findings, chosen)
    if chosen is not None:
        _lesion(analysis, review, chosen, [one.id for one in findings])
    if isinstance(analysis.prediction, Detection):
        _suggestions(review)
    _how_to_correct(review)
    volume_history.show(analysis, review)
    volume_export.show(analysis)
    st.caption(t("Computed on {device} in {duration}", device=run.device, duration=seconds(run.seconds)))
    show.issues(run.warnings)
    if analysis.outdated:
        text = t("The model has changed since. Run again for a result of the present one.")
        st.warning(text, icon=":material/history:")
    if analysis.card:
        model_cards.excerpt(analysis.card)
    show.run_record(run)


def slider(analysis: Analysis) -> float:
    """From which probability on boxes are shown; by default the model's operating point."""
    boxes = analysis.prediction.boxes if isinstance(analysis.prediction, Detection) else ()
    if not boxes:
        return 0.0
    labels = analysis.card.labels if analysis.card else ()
    point = round(100 * min((label.threshold for label in labels), default=0.5))
    chosen = st.slider(
        t("Show from a probability of"),
        0,
        100,
        point,
        format="%d %%",
        key=f"weakest-{analysis.prediction.run.id}",
        help=t(
            "The model's operating point is {point} %. Further down, more is found and more of it is wrong.",
            point=point,
        ),
    )
    return chosen / 100


def _headline(analysis: Analysis, review: Review, findings: Sequence[Finding], weakest: float) -> None:
    counted = [one for one in findings if one.counts]
    hidden = len(review.findings) - len(findings)
    st.markdown(f"#### {plain(_total(analysis, review, counted))}")
    notes = [volume_review.waiting_note(findings)]
    if hidden:
        notes.append(t("{count} below {point} are hidden", count=hidden, point=percent(weakest)))
    if line := " · ".join(filter(None, notes)):
        st.caption(line)
    if not counted and not findings:
        st.markdown(t("The model finds nothing that it was trained to mark. That is no proof that nothing is there."))


def _total(analysis: Analysis, review: Review, counted: Sequence[Finding]) -> str:
    """Count and burden in one line."""
    if isinstance(analysis.prediction, Detection):
        if len(counted) == 1:
            count = t("1 place marked")
        else:
            count = t("{count} places marked", count=len(counted))
    elif len(counted) == 1:
        count = t("1 lesion")
    else:
        count = t("{count} lesions", count=len(counted))
    sizes = [one.lesion for one in counted if one.lesion]
    if not sizes:
        return count
    if all(one.volume_ml is not None for one in sizes):
        total = volume_table.ml(sum(one.volume_ml or 0.0 for one in sizes))
        return t("{lesions}, {volume} ml together", lesions=count, volume=total)
    voxels = f"{sum(one.voxels for one in sizes):,}".replace(",", " ")
    return t("{lesions}, {voxels} voxels together (no millimetres)", lesions=count, voxels=voxels)


def _kinds(scores: Sequence[Score], card: ModelCard | None) -> None:
    """The kind that the model suggests, with its probability, and what else it may be."""
    if not scores:
        return
    ranked = sorted(scores, key=lambda score: -score.probability)
    named = [(volume_review.title_of(one.label, card), percent(one.probability)) for one in ranked]
    with st.container(key="kinds", gap="xsmall"):
        name, share = named[0]
        st.markdown(t("Suggested kind: **{kind}**, {percent} on this model's scale", kind=plain(name), percent=share))
        others = [
            f"{name} {share}" for (name, share), one in zip(named[1:], ranked[1:], strict=True)
            if one.probability >= LEAST_SHOWN
        ]  # fmt: skip
        if others:
            st.caption(plain(t("Also possible: {kinds}", kinds=", ".join(others))))


def _lesion(analysis: Analysis, review: Review, finding: Finding, order: Sequence[str]) -> None:
    """The chosen lesion: its facts, and what the reader says of it."""
    with st.container(border=True, key="lesion", gap="small"):
        title = volume_review.title_of(finding.label, analysis.card)
        with st.container(horizontal=True, vertical_alignment="center"):
            name = t("**Place {id}**", id=finding.id) if finding.lesion is None else t("**Lesion {id}**", id=finding.id)
            st.markdown(f"{name} · {plain(title)}")
            _badge(finding)
        _facts(review, finding)
        if finding.standing is Standing.ERASED:
            st.caption(t("It was erased with the brush. Undo brings it back."))
            return
        with st.container(horizontal=True):
            for verdict, text, icon in (
                (Standing.ACCEPTED, t("Accept"), ":material/check:"),
                (Standing.REJECTED, t("Reject"), ":material/close:"),
                (Standing.OPEN, t("Leave open"), ":material/undo:"),
            ):
                if verdict is finding.standing:
                    continue
                st.button(
                    text,
                    icon=icon,
                    key=f"judge-{verdict.value}",
                    type="tertiary" if verdict is Standing.OPEN else "secondary",
                    on_click=volume_review.judge,
                    args=(analysis, finding.id, verdict, order),
                )


def _badge(finding: Finding) -> None:
    if finding.standing is Standing.ACCEPTED:
        st.badge(t("accepted"), icon=":material/check:", color="green")
    elif finding.standing is Standing.REJECTED:
        st.badge(t("rejected"), icon=":material/close:", color="red")
    if finding.origin is Origin.CHANGED:
        st.badge(t("corrected"), icon=":material/brush:", color="blue")
    elif finding.origin is Origin.ADDED:
        st.badge(t("drawn by a reader"), icon=":material/brush:", color="blue")


def _facts(review: Review, finding: Finding) -> None:
    """What is known of one lesion, as names and values."""
    lesion, box, facts = finding.lesion, finding.box, dict[str, str]()
    if lesion is not None:
        facts[t("Volume")] = f"{text} ml" if (text := volume_table.volume_with_interval(lesion)) else ""
        share = volume_table.share_text(finding, review)
        facts[t("Voxels")] = " · ".join(filter(None, (volume_table.voxels_with_interval(lesion), share)))
        if lesion.product_mm2 is not None:
            facts[t("Longest × perpendicular")] = f"{volume_table.size_text(finding)} mm = {lesion.product_mm2:.0f} mm²"
        former = _original(review, finding)
        if former:
            facts[t("As the model drew it")] = former
    if box is not None:
        facts[t("Type")] = volume_table.type_text(finding)
        facts[t("Suspicion rating")] = "" if box.malignancy is None else percent(box.malignancy)
    place = lesion.centre_lps_mm if lesion is not None else box.centre_lps_mm if box is not None else None
    centre = "" if place is None else "L {:.1f}  P {:.1f}  S {:.1f} mm".format(*place)
    facts[t("Centre of mass")] = centre.replace("-", "−")
    show.facts({name: value for name, value in facts.items() if value})
    said = [plain(say(one)) for one in (box.evidence if box is not None and finding.origin is Origin.FOUND else ())]
    if box is not None and box.malignancy is not None:
        said.append(t("The rating says how suspicious radiologists would find it; it is no probability of cancer."))
    if said:
        st.caption("  \n".join(said))


def _original(review: Review, finding: Finding) -> str:
    """Volume before the reader's correction."""
    if finding.origin is not Origin.CHANGED:
        return ""
    if isinstance(review.prediction, Detection):
        sizes = [box.volume_ml for box in review.prediction.boxes if str(box.mask_label) == finding.id]
        return f"{volume_table.ml(sizes[0])} ml" if sizes and sizes[0] is not None else ""
    if not isinstance(review.prediction, Segmentation):
        return ""
    former = next((one for one in review.prediction.lesions if one.id == finding.id), None)
    if former is None:
        return ""
    return f"{former.voxels}" if former.volume_ml is None else f"{volume_table.ml(former.volume_ml)} ml"


def _suggestions(review: Review) -> None:
    """What published rules say of what counts, with the rule that fired; told anew after each correction."""
    for one in review.suggestions:
        with st.container(border=True, key=f"rule-{one.criterion}", gap="xsmall"):
            name, code = CRITERIA.get(one.criterion, one.criterion), "_" in one.category  # a code: the reason says it
            st.markdown(f"**{name}**" if code else f"**{name}: {plain(one.category)}**")
            st.markdown(plain(say(one.reason)))
            notes = [plain(say(note)) for note in one.notes]
            if notes:
                st.caption("  \n".join(notes))
    if any(one.origin is Origin.ADDED for one in review.counted) and review.suggestions:
        st.caption(t("Lesions that a reader drew are not among what the rules look at: their kind is not known."))


def _how_to_correct(review: Review) -> None:
    if review.mask is not None:
        st.caption(t("To correct: choose the brush over the picture (key M), draw or erase (U); sizes follow at once."))
