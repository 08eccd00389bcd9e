"""Two models on the same pictures: differences with intervals, DeLong, McNemar, the paired bootstrap."""

from __future__ import annotations

import streamlit as st

from medcore.cards import Estimate
from medcore.errors import MedcoreError
from medcore.workbench.evaluate import Pair
from medcore.workbench.evaluation_file import Evaluated
from pages.ui import charts, evaluate_charts, faults, pick, state
from pages.ui.evaluate_choice import Chosen, all_of
from pages.ui.evaluate_figures import METRICS
from pages.ui.words import plain, t
from pages.ui.words import signed as with_sign

SHOWN = ("auc", "average_precision", "accuracy", "sensitivity", "specificity", "precision", "f1", "brier", "ece")


def compare(chosen: Chosen) -> None:
    """Choose the other model and see the difference."""
    cards = {c.id: c for c in state.workbench().models.cards() if c.task == chosen.card.task and c.id != chosen.card.id}
    if not cards:
        st.info(t("There is no other model of this question."), icon=":material/info:")
        return
    name = pick.one_of("other", t("Compare with"), {key: t(card.title) for key, card in cards.items()})
    pair = _best_pair(chosen, all_of(cards[name]))
    if pair is None:
        return
    titles = t(chosen.card.title), t(cards[name].title)
    left, right = st.columns([5, 4], gap="large")
    with left:
        counted = t("{count} pictures, {positive} with the finding", count=pair.n, positive=pair.positive)
        st.markdown(f"**{plain(titles[0])} − {plain(titles[1])}** · {counted}")
        _differences(pair)
        st.markdown(
            t("DeLong's test of the AUCs: **p {delong}**. McNemar's test of the calls at the cards' thresholds: "
              "**p {mcnemar}**.", delong=_stated(pair.comparison.p_delong), mcnemar=_stated(pair.comparison.p_mcnemar))
        )  # fmt: skip
        st.caption(
            t("Differences and their p come from a bootstrap over patients that draws both models' answers together. "
              "DeLong and McNemar take pictures for independent, which is too bold with several a patient.")
        )  # fmt: skip
    with right:
        st.plotly_chart(evaluate_charts.two(titles, pair), key="two", config=charts.CONFIG)


def _best_pair(chosen: Chosen, others: tuple[Evaluated, ...]) -> Pair | None:
    """With that evaluation of the other model that shares most pictures."""
    found, problem = [], None
    for second in others:
        try:
            found.append(state.workbench().evaluate.compare(chosen.evaluated, second, chosen.part))
        except MedcoreError as error:
            problem = error
    if not found:
        if problem is not None:
            faults.explain(problem.message, problem.hint)
        else:
            st.info(t("No evaluation is stored with this model. Evaluate it on a folder."), icon=":material/info:")
        return None
    return max(found, key=lambda pair: pair.n)


def _differences(pair: Pair) -> None:
    names = [name for name in SHOWN if name in pair.comparison.differences]
    gaps = [pair.comparison.differences[name] for name in names]
    with st.container(key="figures-pair"):
        st.table(
            {
                t("Figure"): [t(METRICS[name]) for name in names],
                t("Difference (95 % interval)"): [signed(g) for g in gaps],
                "p": [_p(pair.comparison.p_bootstrap[name]) for name in names],
            },
            border="horizontal",
            hide_index=True,
        )


def signed(gap: Estimate) -> str:
    """A difference with its interval; a comma, since a dash beside signs reads like another sign.

    >>> signed(Estimate(-0.021, -0.036, 0.0))
    '−0.021 (−0.036, +0.000)'
    """
    return f"{with_sign(gap.value, 3)} ({with_sign(gap.low, 3)}, {with_sign(gap.high, 3)})"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _stated(value: float) -> str:
    return _p(value) if value < 0.001 else f"= {_p(value)}"
