"""Asking a model: which question, which model, how; the job that answers; the answer that is kept."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcore.errors import N_, Message
from medcore.records import ScanFacts, Study
from medcore.workbench.analyse import Analysis
from medcore.workbench.jobs import JobState
from pages.ui import faults, pick, state, tray
from pages.ui.words import t

DEVICES = {"auto": N_("Fastest here"), "cpu": N_("CPU"), "cuda": N_("GPU")}


def question(study: Study, controls: DeltaGenerator) -> tuple[ScanFacts, str, str]:
    """The choosers with Run.

    Returns:
        Scan, task and model as chosen; the model is "" when none fits.
    """
    analyse = state.workbench().analyse
    with controls:
        scan = pick.scan(study)
        task = pick.task(scan)
        choices = analyse.choices(scan, task)
        model = pick.model(choices)
        with st.popover(t("Options"), icon=":material/tune:"):
            where, options = device(), before(task)
            pick.unfit_models(choices)
        if st.button(
            t("Run"), type="primary", icon=":material/play_arrow:", disabled=not model, key="run", shortcut="Ctrl+Enter"
        ):
            _start(study, scan, task, model, device=where, options=options)
    return scan, task, model


def progress(study: Study) -> None:
    """The job that answers, while it is under way; why it failed, when it did."""
    job = state.workbench().jobs.get(state.session().analysing.get(study.id, ""))
    if job is None or job.state is JobState.DONE:
        return
    if not job.state.over:
        tray.follow(job)
    elif job.error is not None:
        faults.show(job.error)
    else:
        st.info(t("The analysis was cancelled."), icon=":material/cancel:")


def latest(study: Study, scan: ScanFacts, task: str, model: str) -> Analysis | None:
    """The newest kept answer to this question; it is there after a restart too."""
    for analysis in state.analyses(study.id):
        run = analysis.prediction.run
        if (run.scan, run.task, run.model) == (scan.id, task, model):
            return analysis
    return None


def explained(analysis: Analysis) -> Analysis:
    """The result with the heat map of the chosen method and label, which is computed and kept if it is new."""
    kept, card = analysis.explanation, analysis.card
    if card is None or analysis.outdated:
        st.warning(t("The model has changed since. Run again to explain this result."), icon=":material/history:")
        return analysis
    methods = {method: t(title) for method, title in state.workbench().analyse.methods().items()}
    labels = {label.id: t(label.title) for label in card.labels}
    with st.container(horizontal=True):
        method = pick.one_of(
            "method", t("Explained by"), methods, default=kept.method if kept else "", hide_single=True
        )
        target = pick.one_of("target", t("For"), labels, default=kept.target if kept else "", hide_single=True)
    if kept is not None and (kept.method, kept.target) == (method, target):
        return analysis
    with st.spinner(t("Computing the heat map")):
        explanation = state.workbench().analyse.explain(analysis, method=method, target=target)
    state.results_changed()
    return replace(analysis, explanation=explanation)


def teach() -> None:
    """What stands there while there is no study."""
    st.subheader(t("No study yet"))
    st.markdown(t("Analyse asks a model one question about one scan. Bring in a scan first, or take a sample."))
    if st.button(t("Go to Studies"), icon=":material/folder_open:", type="primary"):
        state.go("studies.py")


def several(controls: DeltaGenerator) -> bool:
    """Whether the user wants to analyse several studies in one go."""
    titles = {"no": t("One study"), "yes": t("Several")}
    with controls:
        return pick.segment("several", t("How many studies"), titles) == "yes"


def device() -> str:
    """Where to run."""
    ids = list(DEVICES)
    return st.selectbox(
        t("Device"), ids, format_func=lambda key: t(DEVICES[key]), key="device", persist_state="session"
    )


def before(task: str) -> tuple[str, ...]:
    """What to do to the scan before the question, as chosen; nothing by itself."""
    wanted = []
    for one in state.workbench().analyse.options(task):
        if st.checkbox(t(one.title), key=f"before-{task}-{one.id}", help=t(one.explained), persist_state="session"):
            wanted.append(one.id)
    return tuple(wanted)


def _start(study: Study, scan: ScanFacts, task: str, model: str, *, device: str, options: tuple[str, ...]) -> None:
    bench = state.workbench()
    job = bench.jobs.start(
        Message(N_("Analysing {title}"), {"title": study.title}),
        lambda progress: bench.analyse.run(
            study.id,
            scan.id,
            task=task,
            model=model,
            device=device,
            options=options,
            progress=progress,
            cancelled=progress.cancelled,
        ),
    )
    state.session().analysing[study.id] = job.id
    st.rerun()
