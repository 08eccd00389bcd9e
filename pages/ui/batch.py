"""Several studies, one question: choosers, the job, a table of findings and its CSV."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcore.errors import N_, Message
from medcore.predictions import Classification
from medcore.records import Study
from medcore.workbench.batch import BatchReport, BatchRow, analyse_all, as_csv
from pages.ui import analysing, faults, pick, state, tray
from pages.ui.words import day, distinct, percent, say, studies_text, study_title, t, translate


def page(controls: DeltaGenerator) -> None:
    """The whole of it."""
    studies = _chosen()
    with controls:
        task = pick.any_task()
        model = pick.any_model(task)
        with st.popover(t("Options"), icon=":material/tune:"):
            device = analysing.device()
        go = st.button(
            t("Run: {studies}", studies=studies_text(len(studies))),
            type="primary",
            icon=":material/play_arrow:",
            key="run-batch",
            disabled=not (studies and model),
        )
    if go:
        _start(studies, task, model, device)
    _outcome()


def _chosen() -> list[Study]:
    everything = {study.id: study for study in state.workbench().studies.list()}
    chosen = state.ticked(list(everything))
    st.multiselect(
        t("Studies"),
        list(everything),
        format_func=distinct({key: study_title(one) for key, one in everything.items()}).__getitem__,
        placeholder=t("Choose studies"),
        key=state.TICKED,
        on_change=state.commit_ticked,
    )
    return [everything[key] for key in chosen]


def _start(studies: list[Study], task: str, model: str, device: str) -> None:
    bench = state.workbench()
    job = bench.jobs.start(
        Message(N_("Analysing {count} studies"), {"count": len(studies)}),
        lambda progress: analyse_all(
            bench.analyse,
            studies,
            task=task,
            model=model,
            device=device,
            progress=progress,
            cancelled=progress.cancelled,
        ),
    )
    state.session().batch = job.id
    st.rerun()


def _outcome() -> None:
    job = state.workbench().jobs.get(state.session().batch)
    if job is None:
        return
    if not job.state.over:
        tray.follow(job)
    elif isinstance(job.result, BatchReport):
        _table(job.result)
    elif job.error is not None:
        faults.show(job.error)


def _table(report: BatchReport) -> None:
    if report.stopped:
        st.info(t("The batch was cancelled. These studies had been analysed before."), icon=":material/cancel:")
    table = pd.DataFrame([line for row in report.rows for line in _lines(row)])
    st.dataframe(table, hide_index=True, width="stretch", key="batch-table")
    st.download_button(
        t("Download as CSV"),
        data=as_csv(report, translate()),
        file_name="medcore-research-only.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(t("Each line of the file says: research and teaching only, not a medical device."))


def _lines(row: BatchRow) -> list[dict[str, str]]:
    study = {t("Study"): study_title(row.study), t("Date"): day(row.study.acquired_on)}
    if row.analysis is None:
        return [{**study, t("Note"): say(row.reason) if row.reason else ""}]
    prediction = row.analysis.prediction
    notes = " ".join(say(issue.message) for issue in prediction.run.warnings)
    if not isinstance(prediction, Classification):
        return [{**study, t("Note"): notes}]
    card, strange = row.analysis.card, prediction.run.unfamiliar
    return [
        {
            **study,
            t("Finding"): t(card.label(score.label).title) if card else score.label,
            t("On this model's scale"): percent(score.probability),
            t("Operating point"): percent(score.threshold),
            t("Result"): t("Unfamiliar image") if strange else t("above") if score.positive else t("below"),
            t("Note"): notes,
        }
        for score in prediction.scores
    ]
