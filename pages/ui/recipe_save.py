"""Applies the recipe to the whole scan as a job and keeps the result; says which recipe made an open scan."""

from __future__ import annotations

import streamlit as st

from medcore.errors import N_, Message
from medcore.recipes import Recipe
from medcore.records import ScanFacts, Study
from medcore.workbench.jobs import Job
from medcore.workbench.prepare import Derived
from pages.ui import faults, state, tray
from pages.ui.words import plain, t


def save(study: Study, scan: ScanFacts, *, fits: bool) -> None:
    """The button, then the job, then what became of it."""
    recipe = state.session().draft.recipe
    job = state.workbench().jobs.get(state.session().saving.get(scan.id, ""))
    busy = job is not None and not job.state.over
    if st.button(
        t("Apply to the whole scan and save"),
        type="primary",
        icon=":material/save:",
        key="save-recipe",
        disabled=not (recipe.steps and fits) or busy,
        help=t("The result becomes a scan of its own beside the original, which stays as it is."),
    ):
        _start(study, scan, recipe)
    if job is not None:
        _outcome(job)


def made_by(scan: ScanFacts) -> None:
    """For a scan that a recipe has made: that recipe, to be looked at or used again."""
    recipe = state.workbench().prepare.recipe_of(state.volume(scan.id))
    if recipe is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        steps = ", ".join(step.step for step in recipe.steps)
        st.caption(t("This scan was made by the recipe “{title}”.", title=plain(recipe.title or steps)))
        st.button(
            t("Use this recipe"),
            key="use-recipe",
            type="tertiary",
            icon=":material/replay:",
            on_click=state.session().draft.load,
            args=(recipe,),
        )


def _start(study: Study, scan: ScanFacts, recipe: Recipe) -> None:
    bench = state.workbench()
    job = bench.jobs.start(
        Message(N_("Preparing {title}"), {"title": study.title}),
        lambda progress: bench.prepare.save(study.id, scan.id, recipe, progress=progress, cancelled=progress.cancelled),
    )
    state.session().saving[scan.id] = job.id
    st.rerun()


def _outcome(job: Job) -> None:
    if not job.state.over:
        tray.follow(job)
    elif isinstance(job.result, Derived):
        _saved(job.result)
    elif job.error is not None:
        faults.show(job.error)
    else:
        st.info(t("Stopped. Nothing was saved."), icon=":material/cancel:")


def _saved(derived: Derived) -> None:
    text = t("This result was saved before.") if derived.known else t("Saved as a scan of this study.")
    if derived.masks:
        text += " " + t("Masks that went along: {count}.", count=len(derived.masks))
    st.success(text, icon=":material/check_circle:")
    st.button(
        t("Open the result"),
        icon=":material/open_in_new:",
        key="open-derived",
        on_click=state.choose,
        args=("scan", derived.scan.id),
    )
