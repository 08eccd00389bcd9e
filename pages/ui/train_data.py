"""A look at the pictures before training: counts, splits, twins, leaks, shortcuts, and examples as they are varied."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from medcore.errors import N_, Message
from medcore.workbench.jobs import Job, Progress
from medcore.workbench.train import Look
from pages.ui import faults, state, tray
from pages.ui.train_form import Planned
from pages.ui.words import plain, t

LOOKING = "look"
SPLITS = {"train": N_("Training"), "validation": N_("Validation"), "test": N_("Test")}
CONTROLS = {
    "thumbnail_ridge": N_("A linear model on 12 × 12 pixels"),
    "mean_brightness": N_("Mean brightness alone"),
    "metadata": N_("The table's columns alone"),
}
MOST_VALUES = 12
MOST_NAMES = 2
EASY = 0.75  # AUC of a trivial control from which a warning is due


def teach() -> None:
    """What the page is for, while there is nothing to train on."""
    st.subheader(t("Teach a network on pictures of your own"))
    st.markdown(
        t(
            "Choose labelled pictures, look at them, choose a network and start. The curves are live; the result is a "
            "model with a card, its weights and an honest evaluation, and it can be used at once.\n\n"
            "No pictures at hand? **Make phantom radiographs**: they are computed here, so that anybody can try."
        )
    )


def look(planned: Planned) -> None:
    """The button, the job, and what it found for this very plan."""
    of = _fingerprint(planned)
    working = state.session().working
    job = state.workbench().jobs.get(working.get(f"{LOOKING}-{of}", ""))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("#### " + t("The pictures as the network sees them"))
        if st.button(t("Look at the pictures"), icon=":material/visibility:", key="look", disabled=job is not None):
            job = _start(planned)
            working[f"{LOOKING}-{of}"] = job.id
            st.rerun()
    if job is None:
        st.caption(
            t(
                "Counts and balance, near-duplicates, leaks between the splits, what a trivial model can do, and "
                "examples as training varies them."
            )
        )
    elif not job.state.over:
        tray.follow(job)
    elif job.error is not None:
        faults.explain(job.error.message, job.error.hint)
    elif isinstance(job.result, Look):
        _found(job.result)


def _start(planned: Planned) -> Job:
    bench = state.workbench()

    def work(progress: Progress) -> Look:
        root = bench.train.sets.together((planned.chosen, *planned.beside))
        return bench.train.look(planned.plan, root, progress, cancelled=progress.cancelled)

    return bench.jobs.start(Message(N_("Looking at the pictures of {set}"), {"set": planned.chosen.id}), work)


def _fingerprint(planned: Planned) -> str:
    """Of what decides how the pictures look; titles and epochs do not."""
    plan = replace(planned.plan, title="x", epochs=1, learning_rate=1.0, batch=1, options={}, finding="")
    return str(abs(hash((repr(plan), planned.chosen.id))))


def _found(found: Look) -> None:
    survey = found.survey
    for message, hint in survey.problems:
        faults.explain(message, hint)
    rows = [(t(SPLITS[name]), *counts) for name, counts in survey.counts.items()]
    titles = (t("Split"), t("Absent"), t("Present"), t("Groups"))
    with st.container(key="figures-split"):
        st.table(
            {title: [row[i] for row in rows] for i, title in enumerate(titles)}, border="horizontal", hide_index=True
        )
    st.caption(
        t(
            "{groups} groups of one patient or of near-duplicates; a group is never divided. {twins} pairs are nearly "
            "the same picture.",
            groups=survey.groups,
            twins=survey.twins,
        )
    )
    _warnings(found)
    for present, title in ((False, t("Absent")), (True, t("Present"))):
        if present in found.sheets:
            st.markdown(f"**{title}** · " + t("as it is, then as training varies it"))
            st.image(found.sheets[present], width="stretch", output_format="PNG", alt=title)
    for column in survey.columns:
        if 1 < len(column.values) <= MOST_VALUES:
            st.markdown(f"**{plain(column.name)}**")
            st.table(
                {
                    t("Value"): [value or "–" for value in column.values],
                    t("Absent"): [absent for absent, _ in column.values.values()],
                    t("Present"): [present for _, present in column.values.values()],
                },
                border="horizontal",
                hide_index=True,
            )


def _warnings(found: Look) -> None:
    survey = found.survey
    absent, present, _ = survey.counts["train"]
    if min(absent, present) * 10 < max(absent, present):
        st.warning(
            t("One answer is more than ten times as frequent as the other; balanced drawing makes up for it."),
            icon=":material/balance:",
        )
    if survey.disputed:
        pairs = ", ".join(f"{plain(a)} = {plain(b)}" for a, b in survey.disputed[:MOST_NAMES])
        st.warning(
            t("{count} pairs of nearly the same picture have different labels: {pairs}", count=len(survey.disputed),
              pairs=pairs),
            icon=":material/content_copy:",
        )  # fmt: skip
    if survey.unreadable:
        names = ", ".join(plain(name) for name in survey.unreadable[:MOST_NAMES])
        st.warning(
            t("{count} pictures cannot be read and are left out: {names}", count=len(survey.unreadable), names=names),
            icon=":material/broken_image:",
        )
    for name, auc in survey.controls.items():
        text = t("{control} reaches AUC {auc}; a network proves little until it beats that.",
                 control=t(CONTROLS.get(name, name)), auc=f"{auc.value:.2f}")  # fmt: skip
        if auc.value >= EASY:
            st.warning(text, icon=":material/shortcut:")
        else:
            st.caption(text)
