"""The device-shift laboratory on the page: figures over growing noise, blur, gamma ..., one model or two."""

from __future__ import annotations

from math import ceil, floor

import streamlit as st

from medcore.errors import N_, Message
from medcore.workbench.laboratory import LabReport, shift_titles
from pages.ui import charts, evaluate_charts, faults, pick, state, tray
from pages.ui.evaluate_choice import Chosen
from pages.ui.evaluate_figures import METRICS
from pages.ui.words import plain, t

LAB = "lab"
SHOWN = ("auc", "sensitivity", "specificity", "accuracy", "ece")
ACROSS = 3


def laboratory(chosen: Chosen) -> None:
    """Choose a second model if there is one, start, and look at the curves."""
    bench = state.workbench()
    others = {c.id: t(c.title) for c in bench.models.cards() if c.task == chosen.card.task and c.id != chosen.card.id}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        beside = pick.one_of("beside", t("Beside"), {"none": t("no other model"), **others})
        metric = pick.one_of("metric", t("Figure"), {name: t(METRICS[name]) for name in SHOWN})
        models = [chosen.card.id, *([beside] if beside in others else [])]
        key = f"{LAB}-{chosen.key}-{'-'.join(models)}"
        job = bench.jobs.get(state.session().working.get(key, ""))
        if st.button(t("Start"), icon=":material/experiment:", type="primary", key="start-lab",
                     disabled=job is not None and not job.state.over):  # fmt: skip
            job = bench.jobs.start(
                Message(N_("Device shifts of {model}"), {"model": chosen.card.id}),
                lambda progress: bench.evaluate.laboratory(
                    chosen.evaluated, chosen.part, models, progress=progress, cancelled=progress.cancelled
                ),
            )
            state.session().working[key] = job.id
            st.rerun()
    found = job.result if job is not None else None
    if found is None and (job is None or job.state.over):
        found = bench.evaluate.kept_laboratory(chosen.evaluated, chosen.part, models)
    if job is not None and not job.state.over:
        tray.follow(job)
        return
    if job is not None and job.error is not None:
        faults.explain(job.error.message, job.error.hint)
    if isinstance(found, LabReport):
        _found(found, metric)
    else:
        st.markdown(
            t(
                "The same pictures, made worse step by step as another device, dose or export would: noise, blur, "
                "contrast, gamma, resolution, bias field, JPEG, rotation. The threshold stays that of the card. "
                "Where a figure falls by more than 0.05, and its interval with it, the model breaks."
            )
        )


def _found(found: LabReport, metric: str) -> None:
    names = {card.id: t(card.title) for card in state.workbench().models.cards()}
    labs, titles = found.labs, shift_titles()
    st.caption(t("{count} pictures, half of them with the finding.", count=labs[0].n))
    span, columns = _span(found, metric), st.columns(ACROSS, gap="medium")
    for number, curve in enumerate(labs[0].curves):
        title, unit = titles[curve.shift]
        with columns[number % ACROSS]:
            st.markdown(f"**{t(title)}**")
            values = {names.get(lab.model, lab.model): lab.curves[number].metrics[metric] for lab in labs}
            figure = evaluate_charts.shift(curve.strengths, values, t(unit), span=span)
            st.plotly_chart(figure, key=f"shift-{curve.shift}", config=charts.CONFIG)
            said = [(name, lab.curves[number].breaks_at[metric]) for name, lab in zip(values, labs, strict=True)]
            st.markdown("  \n".join(_breaks(name if len(labs) > 1 else "", at) for name, at in said))


def _span(found: LabReport, metric: str) -> tuple[float, float]:
    """The axis of all charts: every interval of all of them, out to whole tenths."""
    met = [value for lab in found.labs for curve in lab.curves for value in curve.metrics[metric]]
    low = floor(min(value.low for value in met) * 10) / 10
    high = ceil(max(value.high for value in met) * 10) / 10
    return low - 0.02, high + 0.02


def _breaks(name: str, at: float | None) -> str:
    broken = t("breaks at {strength}", strength=f"{at:g}") if at is not None else ""
    said = f":orange[:material/warning: {broken}]" if broken else t("holds to the end")
    return f"{plain(name)}: {said}" if name else said
