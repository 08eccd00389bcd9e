"""Which model, which evaluation, which part of the pictures; and a new evaluation on a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from medcore.cards import ModelCard
from medcore.errors import N_, MedcoreError, Message
from medcore.workbench.evaluate import EVERY_PART, Part
from medcore.workbench.evaluation_file import STORED, Evaluated
from medcore.workbench.picture_sets import PictureSet, SetFacts
from pages.ui import faults, pick, state, tray
from pages.ui.words import plain, t

RUNNING = "evaluate"
EVERYTHING = EVERY_PART  # name of the part that is all of the test


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the page is about.

    Args:
        part: Of the pictures that were asked about.
    """

    card: ModelCard
    evaluated: Evaluated
    part: Part

    @property
    def key(self) -> str:
        """Names the part of the evaluation."""
        return f"{self.card.id}-{self.card.sha256[:12]}-{self.evaluated.id}-{self.part.name}"


def choose() -> Chosen | None:
    """The choosers; None while there is nothing to show."""
    bench = state.workbench()
    cards = {card.id: card for card in bench.models.cards()}
    if not cards:
        st.subheader(t("No model yet"))
        st.markdown(t("Train one on the page Train; it is measured at once on pictures that it has not seen."))
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = pick.one_of("model", t("Model"), {key: t(card.title) for key, card in cards.items()})
        found = all_of(cards[model])
        titles = {one.id or "stored": _title(one) for one in found}
        name = pick.one_of("evaluation", t("Measured on"), titles) if found else ""
        evaluated = next((one for one in found if (one.id or "stored") == name), None)
        part = _part(evaluated) if evaluated is not None else None
        with st.popover(t("Evaluate on a folder"), icon=":material/add:"):
            _new(cards[model])
        if evaluated is not None and evaluated.id != STORED:
            st.button(t("Delete"), icon=":material/delete:", type="tertiary", key="delete-evaluation",
                      on_click=bench.evaluate.delete, args=(evaluated.id,))  # fmt: skip
    _running(model)
    if evaluated is None or part is None:
        st.info(t("No evaluation is stored with this model. Evaluate it on a folder."), icon=":material/monitoring:")
        return None
    _notes(evaluated)
    return Chosen(cards[model], evaluated, part)


def all_of(card: ModelCard) -> tuple[Evaluated, ...]:
    """All evaluations of a model; nothing where they are damaged, which is said."""
    try:
        return state.workbench().evaluate.of_model(card.id)
    except MedcoreError as error:
        faults.explain(error.message, error.hint)
        return ()


def _title(one: Evaluated) -> str:
    if one.id == STORED:
        return t("Its own test images")
    return f"{one.data} · {one.made_at:%Y-%m-%d %H:%M}" if one.made_at else one.data


def _part(evaluated: Evaluated) -> Part:
    parts = state.workbench().evaluate.parts(evaluated)
    if len(parts) < 2:
        return parts[EVERY_PART]
    titles = {name or "all": f"{_part_title(part)} ({len(part.answers)})" for name, part in parts.items()}
    name = pick.one_of("part", t("Part"), titles)
    return parts[EVERY_PART if name == "all" else name]


def _part_title(part: Part) -> str:
    if not part.name:
        return t("All test images")
    return t("{source}, never trained on", source=part.name) if part.external else part.name


def _notes(evaluated: Evaluated) -> None:
    if evaluated.seen_in_training:
        st.warning(
            t("{count} of these pictures were in the model's own training.", count=evaluated.seen_in_training),
            icon=":material/school:",
        )
    if evaluated.refused:
        names = ", ".join(plain(name) for name in evaluated.refused[:3])
        st.caption(t("{count} pictures could not be read: {names}", count=len(evaluated.refused), names=names))


def _new(card: ModelCard) -> None:
    """A set, the values that mean "present", and the button."""
    sets = {one.id: one for one in state.workbench().train.sets.list()}
    if not sets:
        st.markdown(t("There are no labelled pictures here. Add a set on the page Train."))
        return
    name = st.selectbox(t("Labelled pictures"), list(sets), key="evaluate-set", persist_state="session")
    try:
        facts = state.workbench().train.sets.facts(sets[name])
    except MedcoreError as error:
        faults.explain(error.message, error.hint)
        return
    positive = list(facts.positive)
    if len(facts.values) > 1:
        positive = st.multiselect(
            t("Values that mean “present”"),
            list(facts.values),
            default=positive,
            format_func=lambda value: f"{value} ({facts.values[value]})",
            key=f"evaluate-positive-{name}",
        )
    if st.button(t("Evaluate"), icon=":material/play_arrow:", type="primary", key="run-evaluation",
                 disabled=not positive):  # fmt: skip
        _start(card.id, sets[name], facts, positive)
        st.rerun()


def _start(model: str, chosen: PictureSet, facts: SetFacts, positive: Sequence[str]) -> None:
    bench = state.workbench()
    job = bench.jobs.start(
        Message(N_("Evaluating {model} on {set}"), {"model": model, "set": chosen.id}),
        lambda progress: bench.evaluate.run(
            model, chosen, facts, positive=positive, progress=progress, cancelled=progress.cancelled
        ),
    )
    state.session().working[f"{RUNNING}-{model}"] = job.id


def _running(model: str) -> None:
    working = state.session().working
    job = state.workbench().jobs.get(working.get(f"{RUNNING}-{model}", ""))
    if job is None:
        return
    if not job.state.over:
        tray.follow(job)
        return
    del working[f"{RUNNING}-{model}"]
    if job.error is not None:
        faults.explain(job.error.message, job.error.hint)
    elif isinstance(job.result, Evaluated):
        state.choose("evaluation", job.result.id)
        st.rerun()
