"""The trainings: the list, and one of them live with its curves, time left, pause, cancel and result."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from medcore.errors import N_, MedcoreError
from medcore.workbench.train_runs import RunState, TrainingRun, state_title
from pages.ui import charts, faults, state, train_charts
from pages.ui.words import plain, say, t

REFRESH_SECONDS = 2.0
ENDED = ("done", "stopped", "failed")  # stages
COLOURS = {
    RunState.RUNNING: "blue",
    RunState.PAUSING: "orange",
    RunState.PAUSED: "orange",
    RunState.INTERRUPTED: "orange",
    RunState.FAILED: "red",
    RunState.DONE: "green",
}
ICONS = {
    RunState.RUNNING: ":material/play_circle:",
    RunState.PAUSING: ":material/hourglass_top:",
    RunState.PAUSED: ":material/pause_circle:",
    RunState.INTERRUPTED: ":material/power_off:",
    RunState.FAILED: ":material/error:",
    RunState.DONE: ":material/check_circle:",
}
METRICS = {"auc": N_("AUC"), "accuracy": N_("Accuracy"), "loss": N_("Loss"), "map50": N_("mAP50")}


def page(runs: Sequence[TrainingRun]) -> None:
    """All trainings left, the chosen one right."""
    if not runs:
        st.subheader(t("No training yet"))
        st.markdown(t("Start one under **New training**. It stays here with its curves, also after a restart."))
        return
    current = state.chosen("run", [run.id for run in runs])
    with st.container(key="split-opened-runs"):
        listed, opened = st.columns([2, 5], gap="medium")
    with listed:
        for run in runs:
            _row(run, current)
    with opened:
        active = next(run for run in runs if run.id == current).state.active
        st.fragment(_live, run_every=REFRESH_SECONDS if active else None)(current, active)


def _row(run: TrainingRun, current: str) -> None:
    mark = "open-" if run.id == current else ""
    with st.container(key=f"entry-{mark}{run.id}", gap=None):
        st.button(plain(run.title), key=f"open-run-{run.id}", type="tertiary", on_click=state.choose,
                  args=("run", run.id), icon=ICONS[run.state])  # fmt: skip
        st.caption(" · ".join((say(state_title(run.state)), plain(run.data), plain(run.network))))


def _live(run_id: str, was_active: bool) -> None:
    """One training; the page runs again when it has ended."""
    with faults.caught():
        run = state.workbench().train.runs.get(run_id)
        if was_active and not run.state.active:
            st.rerun()
        _head(run)
        _progress(run)
        if run.history:
            left, right = st.columns(2, gap="medium")
            left.plotly_chart(train_charts.losses(run), key=f"loss-{run.id}", config=charts.CONFIG)
            right.plotly_chart(train_charts.metrics(run), key=f"metric-{run.id}", config=charts.CONFIG)
            left.plotly_chart(train_charts.rates(run), key=f"rate-{run.id}", config=charts.CONFIG)
            with right:
                _figures(run)
        _result(run)
        _files(run)


def _head(run: TrainingRun) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"### {plain(run.title)}")
        st.badge(say(state_title(run.state)), icon=ICONS[run.state], color=COLOURS[run.state])  # type: ignore[arg-type]
        st.badge(plain(run.network), color="gray")
        st.badge(plain(run.data), color="gray")


def _progress(run: TrainingRun) -> None:
    runs = state.workbench().train.runs
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if run.state.active:
            st.progress(run.fraction, text=_line(run))
            st.button(t("Pause"), icon=":material/pause:", key=f"pause-{run.id}", on_click=runs.pause, args=(run.id,),
                      disabled=run.state is RunState.PAUSING)  # fmt: skip
        elif run.state in (RunState.PAUSED, RunState.INTERRUPTED, RunState.FAILED):
            st.progress(len(run.history) / run.epochs, text=_stopped(run))
            if st.button(t("Go on"), icon=":material/play_arrow:", key=f"go-on-{run.id}", type="primary"):
                try:
                    runs.go_on(run.id)
                except MedcoreError as error:
                    faults.explain(error.message, error.hint)
                    return
                st.rerun()
        title = t("Cancel") if run.state is not RunState.DONE else t("Take off the list")
        if st.button(title, icon=":material/delete:", key=f"cancel-run-{run.id}", type="tertiary"):
            _confirm(run.id, done=run.state is RunState.DONE)
    if run.state is RunState.FAILED and run.status is not None and run.status.error is not None:
        faults.explain(*run.status.error)
    if run.state is RunState.INTERRUPTED:
        st.info(t("The process ended without saying why: it was killed, or the machine was. Nothing of the whole "
                  "epochs is lost."), icon=":material/power_off:")  # fmt: skip


def _line(run: TrainingRun) -> str:
    status = run.status
    if status is None or status.stage in ENDED:  # what its process before this one wrote
        return t("Starting")
    left = t("about {time} left", time=duration(status.seconds_left)) if status.seconds_left is not None else ""
    done = t("epoch {number} of {total}", number=min(len(run.history) + 1, run.epochs), total=run.epochs)
    return " · ".join(filter(None, (t(status.stage.words), done if status.stage == "training" else "", left)))


def _stopped(run: TrainingRun) -> str:
    return t("{done} of {total} epochs are done", done=len(run.history), total=run.epochs)


@st.dialog(" ")
def _confirm(run: str, *, done: bool) -> None:
    if done:
        st.markdown(t("The training leaves this list with its curves and log. The model stays."))
    else:
        st.markdown(t("The training ends, and what it has learnt so far is dropped."))
    if st.button(t("Take off the list") if done else t("Cancel the training"), key="confirm-cancel", type="primary"):
        state.workbench().train.runs.cancel(run)
        st.rerun()


def _figures(run: TrainingRun) -> None:
    """The best epoch and the speed."""
    best = next((epoch for epoch in reversed(run.history) if epoch.best), run.history[-1])
    with st.container(horizontal=True):
        for name, title in METRICS.items():
            if name in best.metrics:
                st.metric(t(title), f"{best.metrics[name]:.3f}")
        st.metric(t("Images a second"), f"{run.history[-1].images_per_second:.0f}")
    st.caption(
        t(
            "On the validation split; best so far: epoch {number}, chosen by {metric}.",
            number=best.number + 1,
            metric=t(METRICS.get(run.choose, run.choose)) if run.choose else t("the last"),
        )
    )


def _result(run: TrainingRun) -> None:
    if run.state is not RunState.DONE:
        return
    st.success(
        t("The model “{model}” is ready: it is on the page Models, and Analyse offers it.", model=plain(run.title)),
        icon=":material/check_circle:",
    )
    with st.container(horizontal=True):
        st.page_link(state.PAGES / "models.py", label=t("See its card"), icon=":material/network_node:")
        st.page_link(
            state.PAGES / "evaluate.py",
            label=t("See how good it is"),
            icon=":material/monitoring:",
            query_params={"model": run.model},
        )


def _files(run: TrainingRun) -> None:
    runs = state.workbench().train.runs
    with st.expander(t("Recipe and log"), icon=":material/description:"):
        st.download_button(
            t("Download the recipe"), runs.recipe(run.id), f"{run.model}.toml", key=f"recipe-{run.id}",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.code(runs.recipe(run.id), language="toml", height=220)
        st.code(runs.log(run.id) or "–", language=None, height=220)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> duration(59), duration(3725)
    ('0:59', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
