"""What in a set's table means what, and the sets beside the first: to learn from too, or only to measure on."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from medcore.errors import N_, MedcoreError
from medcore.workbench.picture_sets import PHANTOMS, PictureSet, SetFacts, source_of
from medcore.workbench.train_plan import Beside
from pages.ui import faults, state
from pages.ui.words import plain, t

LEARN, MEASURE = "learn", "measure"
USES = {LEARN: N_("Learn from it too"), MEASURE: N_("Only measure on it")}


def beside(first: PictureSet) -> Beside:
    """Further sets, each with its columns and its use."""
    sets = {one.id: one for one in state.workbench().train.sets.list() if one.id != first.id}
    if not sets:
        return Beside()
    chosen = st.multiselect(
        t("Further sets"),
        list(sets),
        format_func=_title,
        key=_key("beside", first.id),
        persist_state="session",
        placeholder=t("None"),
        help=t(
            "Pictures of several hospitals make a model that holds elsewhere; a set that is only measured on says "
            "whether it does."
        ),
    )
    found, taken = Beside(), {first.id.rpartition("/")[2]}
    for name in chosen:
        with st.container(border=True, key=f"train-set-{list(sets).index(name)}"):
            found = _added(found, sets[name], taken)
    return found


def _title(name: str) -> str:
    return t("Phantom radiographs (synthetic)") if name == PHANTOMS else name


def _added(found: Beside, one: PictureSet, taken: set[str]) -> Beside:
    """With one more set; names are told apart by the folder above."""
    st.markdown(f"**{plain(_title(one.id))}**")
    try:
        facts = state.workbench().train.sets.facts(one, str(state.setting(_key("label", one.id)) or ""))
    except MedcoreError as error:
        faults.explain(error.message, error.hint)
        return replace(found, ready=False)
    use = st.selectbox(
        t("Use"), list(USES), format_func=lambda name: t(USES[name]), key=_key("use", one.id), persist_state="session"
    )
    share = 1.0
    if use == LEARN:
        share = st.number_input(
            t("Its share of the drawn pictures; the first set's is 1"), 0.05, 20.0, 1.0, step=0.25,
            key=_key("share", one.id), persist_state="session",
        )  # fmt: skip
    label, patient, reported = columns(one, facts)
    values = positive(one, facts, label)
    source = source_of(one, facts, positive=values, label=label, patient=patient, columns=reported)
    source = replace(source, name=one.id if source.name in taken else source.name, weight=share)
    taken.add(source.name)
    found = replace(found, ready=found.ready and bool(values), sets=(*found.sets, one))
    if use == MEASURE:
        return replace(found, measured=(*found.measured, replace(source, weight=0.0, split="")))
    return replace(
        found,
        further=(*found.further, source),
        pictures=found.pictures + sum(facts.values.values()),
        boxes=found.boxes or facts.boxes,
    )


def columns(chosen: PictureSet, facts: SetFacts) -> tuple[str, str, list[str]]:
    """Which column holds the label, which names the patient, and which to report by."""
    if not facts.columns:
        return "", "", []
    first, second, third = st.columns(3)
    with first:
        label = st.selectbox(
            t("Column with the label"),
            facts.columns,
            index=facts.columns.index(facts.label),
            key=_key("label", chosen.id),
            persist_state="session",
        )
    others = [name for name in facts.columns if name != label]
    with second:
        patient = st.selectbox(
            t("Column with the patient"),
            ["", *others],
            index=["", *others].index(facts.patient) if facts.patient in others else 0,
            format_func=lambda name: name or t("nobody knows"),
            key=_key("patient", chosen.id),
            persist_state="session",
            help=t("Pictures of one patient stay in one split; near-duplicates stay together in any case."),
        )
    with third:
        reported = st.multiselect(
            t("Report by"),
            others,
            default=[name for name in facts.reported if name in others],
            key=_key("columns", chosen.id),
            persist_state="session",
            placeholder=t("No column"),
        )
    return label, patient, reported


def positive(chosen: PictureSet, facts: SetFacts, label: str) -> list[str]:
    """Values of the label that mean “present”; none while the choice is of no use."""
    if len(facts.values) < 2:
        return list(facts.positive) or ["*"]
    values = list(facts.values)
    found = st.multiselect(
        t("Values that mean “present”"),
        values,
        default=[value for value in facts.positive if value in values],
        format_func=lambda value: f"{value} ({facts.values[value]})",
        key=_key("positive", f"{chosen.id}-{label}"),
        persist_state="session",
        placeholder=t("Choose at least one"),
    )
    if len(found) == len(values):
        st.warning(t("Every picture would be “present”: there is nothing to tell apart."), icon=":material/warning:")
        return []
    return found


def _key(name: str, of: str) -> str:
    return f"train-{name}-{of}"
