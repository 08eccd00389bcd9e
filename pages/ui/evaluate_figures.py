"""The figures of an evaluation: a threshold that moves them all, curves with bands, groups, controls, the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from medcore.cards import Estimate
from medcore.errors import N_
from medcore.workbench.evaluate import PartFigures
from pages.ui import charts, evaluate_charts, show, state
from pages.ui.evaluate_choice import Chosen
from pages.ui.words import plain, t

METRICS = {
    "auc": N_("AUC"),
    "average_precision": N_("Average precision"),
    "accuracy": N_("Accuracy"),
    "balanced_accuracy": N_("Balanced accuracy"),
    "sensitivity": N_("Sensitivity (recall)"),
    "specificity": N_("Specificity"),
    "precision": N_("Precision"),
    "negative_predictive_value": N_("Negative predictive value"),
    "f1": N_("F1"),
    "brier": N_("Brier score"),
    "ece": N_("Calibration error (ECE)"),
    "map50": N_("mAP50 (boxes)"),
    "dice_mean": N_("Dice, mean"),
    "dice_median": N_("Dice, median"),
    "missed_rate": N_("Missed altogether"),
    "false_region_rate": N_("False region where there is nothing"),
    "class_accuracy": N_("Kind called right"),
    "surface_dice_mean": N_("Surface Dice, mean"),
    "hd95_mm_median": N_("HD95, median (mm)"),
    "hd95_px_median": N_("HD95, median (pixels)"),
    "relative_volume_error_mean": N_("Relative volume error, mean"),
}
CONTROLS = {
    "thumbnail_ridge": N_("A linear model on 12 × 12 pixels"),
    "mean_brightness": N_("Mean brightness alone"),
    "metadata": N_("The table's columns alone"),
}
SETS = {
    "all": N_("All"),
    "positive": N_("Where the finding is present"),
    "negative": N_("Where it is absent"),
    "undecided": N_("Left open (both answers)"),
    "empty": N_("Nothing fits (no answer)"),
}
TEST = "test"  # among what the gate was shown
WITHIN = {
    "within source": N_("Within one data set"),
    "within patient": N_("Within one patient"),
    "within region": N_("Within one body region"),
}
GROUPED = ("auc", "sensitivity", "specificity", "precision", "ece")


def figures(chosen: Chosen) -> None:
    """All figures at a threshold, and the curves."""
    if not chosen.part.answers:
        st.info(
            t("This evaluation keeps no answers of single pictures, so the threshold cannot be moved. "
              "Evaluate the model on a folder to see more."), icon=":material/info:",
        )  # fmt: skip
        table({t("Figure"): [], t("Value (95 % interval)"): []}, chosen.evaluated.metrics, "kept")
        beyond(chosen)
        return
    st.fragment(_at_threshold)(chosen)
    beyond(chosen)


def _at_threshold(chosen: Chosen) -> None:
    bench, curves = state.workbench(), state.workbench().evaluate.curves(chosen.evaluated, chosen.part)
    left, right = st.columns([4, 7], gap="large")
    with left:
        threshold = st.slider(
            t("Threshold (the card's: {threshold})", threshold=f"{chosen.evaluated.threshold:.2f}"),
            0.0,
            1.0,
            chosen.evaluated.threshold,
            0.005,
            format="%.3f",
            key=f"threshold-{chosen.key}",
        )
        at = bench.evaluate.at(chosen.part, threshold)
        st.plotly_chart(evaluate_charts.confusion(at), key="confusion", config=charts.CONFIG)
        table({t("Figure"): [], t("Value (95 % interval)"): []}, at.metrics, "at")
        st.caption(
            t("{count} pictures of {patients} patients or clusters; intervals are drawn over these.",
              count=len(chosen.part.answers), patients=chosen.part.patients)
        )  # fmt: skip
    with right:
        first, second = st.columns(2)
        if curves.roc is None:
            st.info(t("Only one answer occurs here, so there are no curves."), icon=":material/info:")
            return
        first.markdown("**" + t("ROC") + "**")
        first.plotly_chart(evaluate_charts.roc(curves, at), key="roc", config=charts.CONFIG)
        second.markdown("**" + t("Precision and recall") + "**")
        second.plotly_chart(evaluate_charts.precision_recall(curves, at), key="pr", config=charts.CONFIG)
        first.markdown("**" + t("Reliability") + "**")
        first.plotly_chart(evaluate_charts.reliability(curves), key="reliability", config=charts.CONFIG)
        second.markdown("**" + t("Decision curve") + "**")
        second.plotly_chart(evaluate_charts.net_benefit(curves, at), key="benefit", config=charts.CONFIG)


def table(columns: Mapping[str, list[str]], metrics: Mapping[str, Estimate], key: str) -> None:
    """Figures with their intervals, in the order of METRICS; the two column titles come with it."""
    names = [name for name in METRICS if name in metrics] + [name for name in metrics if name not in METRICS]
    values = ([t(METRICS.get(name, name)) for name in names], [interval(metrics[name]) for name in names])
    with st.container(key=f"figures-{key}"):
        st.table(dict(zip(columns, values, strict=True)), border="horizontal", hide_index=True)


def beyond(chosen: Chosen) -> None:
    """What stands beside the classifier's own figures: boxes, sets, the gate."""
    one = chosen.evaluated
    left, right = st.columns(2, gap="large")
    with left:
        if one.froc is not None:
            st.markdown("**" + t("Boxes: FROC") + "**")
            st.plotly_chart(evaluate_charts.froc(one.froc), key="froc", config=charts.CONFIG)
        if "map50" in one.metrics:
            show.facts({t("mAP50 (boxes)"): interval(one.metrics["map50"])})
        _sets(chosen)
    with right:
        if one.unfamiliar:
            st.markdown("**" + t("Refused as unlike the training images") + "**")
            titles = {TEST: t("Its own test images")}
            show.facts({titles.get(name, name): f"{share:.1%}" for name, share in one.unfamiliar.items()})


def _sets(chosen: Chosen) -> None:
    """Measured coverage of the conformal sets, of the part in sight where its answers are kept."""
    one = chosen.evaluated
    found = state.workbench().evaluate.coverage(chosen.card, chosen.part) or one.conformal
    if not found or one.promised is None:
        return
    st.markdown("**" + t("Conformal sets, promised to hold the truth in {share}", share=f"{one.promised:.0%}") + "**")
    show.facts({t(SETS.get(name, name)): interval(value) for name, value in found.items()})
    st.caption(
        t(
            "The limits are set on the validation images, for ill and well people apart. The promise is an average "
            "over images drawn like those, all sets together: one set, or images from elsewhere, may lie well below it."
        )
    )


def groups(chosen: Chosen) -> None:
    """Subgroups, trivial controls, and figures within strata."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        sets = state.workbench().evaluate.by_source(chosen.evaluated)
        if sets:
            st.markdown("#### " + t("By set"))
            _group(t("Data set"), sets)
        st.markdown("#### " + t("By column"))
        found = state.workbench().evaluate.subgroups(chosen.part, chosen.evaluated.threshold)
        if not found:
            st.caption(t("The table has no column with several values of ten pictures or more."))
        for name in dict.fromkeys(part.name for part in found):
            _group(plain(name), [part for part in found if part.name == name])
    with right:
        own = chosen.evaluated.metrics.get("auc")
        st.markdown("#### " + t("Beside trivial controls"))
        rows = {t("This model"): own} if own is not None else {}
        rows |= {t(CONTROLS.get(name, name)): value for name, value in chosen.evaluated.controls.items()}
        _aucs(rows, "controls")
        st.caption(t("A control sees a thumbnail or the table alone and learns within these very pictures, by "
                     "cross-validation; a network proves little until it beats it."))  # fmt: skip
        _beside_set_controls(chosen.evaluated.set_controls, sets)
        if chosen.evaluated.within:
            st.markdown("#### " + t("Within strata"))
            within = chosen.evaluated.within
            _aucs({t(WITHIN[n]) if n in WITHIN else plain(n): value for n, value in within.items()}, "within")
            st.caption(t("AUC over pairs that share their source, region or patient, so that these cannot help."))


def _beside_set_controls(controls: Mapping[str, Estimate], sets: Sequence[PartFigures]) -> None:
    """Model and thumbnail control side by side in each set, whose images cannot be told apart by their set."""
    both = [(one, controls[one.value]) for one in sets if one.value in controls and "auc" in one.metrics]
    if not both:
        return
    ridge = CONTROLS["thumbnail_ridge"]
    with st.container(key="figures-set-controls"):
        st.table(
            {
                t("AUC within the set"): [plain(one.value) for one, _ in both],
                t("This model"): [narrow(one.metrics["auc"]) for one, _ in both],
                t(ridge): [narrow(control) for _, control in both],
            },
            border="horizontal",
            hide_index=True,
        )
    st.caption(t("Here the control has learnt from the training images of that set."))


def _group(name: str, parts: Sequence[PartFigures]) -> None:
    told = [t("{source}, never trained on", source=part.value) if part.external else part.value for part in parts]
    table: dict[str, list[str]] = {name: [plain(one) for one in told]}
    table[t("Pictures (present)")] = [f"{part.n} ({part.positive})" for part in parts]
    for metric in GROUPED:
        table[t(METRICS[metric])] = [narrow(part.metrics[metric]) if metric in part.metrics else "–" for part in parts]
    with st.container(key=f"figures-group-{name}"):
        st.table(table, border="horizontal", hide_index=True)


def _aucs(rows: Mapping[str, Estimate], key: str) -> None:
    with st.container(key=f"figures-{key}"):
        st.table(
            {"": list(rows), t("AUC (95 % interval)"): [interval(value) for value in rows.values()]},
            border="horizontal",
            hide_index=True,
        )


def narrow(value: Estimate) -> str:
    """A figure with its interval for a narrow column: a line breaks between the two, never within the interval."""
    return interval(value).replace("–", "\u2060–\u2060")  # word joiners


def interval(value: Estimate) -> str:
    """A figure with its interval."""
    return f"{value.value:.3f} ({value.low:.3f}–{value.high:.3f})"
