"""The form of a new training: pictures, question, network, options; each option with what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from medcore.errors import N_, MedcoreError
from medcore.workbench.picture_sets import PictureSet, SetFacts, source_of
from medcore.workbench.train import NetworkChoice
from medcore.workbench.train_plan import Knob, Plan, Preset, Value, changed
from pages.ui import faults, pick, state, train_sets, train_sources
from pages.ui.words import plain, t

SIZES = (28, 64, 96, 128, 160, 224, 320)
METRICS = ("auc", "accuracy", "loss")
BOX_METRICS = ("map50", "auc_map50")
SECTIONS = {"options": N_("Training"), "augmentation": N_("Variation of the pictures")}
STARTS = {"": N_("nothing"), "imagenet": N_("published ImageNet weights, at their published width")}
HIDDEN = ("start_from",)  # has a chooser of its own
ASKED_OF = "task-of"  # the set for which a question was suggested last


@dataclass(frozen=True, slots=True)
class Planned:
    """What the form says: the plan, the set that it is about, and those beside it."""

    plan: Plan
    chosen: PictureSet
    beside: tuple[PictureSet, ...] = ()


def form() -> Planned | None:
    """The whole form; None while there is nothing to train on."""
    chosen = train_sets.choose()
    if chosen is None:
        return None
    try:
        facts = state.workbench().train.sets.facts(chosen, str(state.setting(_key("label", chosen.id)) or ""))
    except MedcoreError as error:
        faults.explain(error.message, error.hint)
        return None
    label, patient, columns = train_sources.columns(chosen, facts)
    positive = train_sources.positive(chosen, facts, label)
    beside = train_sources.beside(chosen)
    st.markdown("#### " + t("Question and network"))
    task = _task(chosen, facts)
    preset = _preset()
    source = source_of(chosen, facts, positive=positive, label=label, patient=patient, columns=columns)
    boxes = facts.boxes or beside.boxes
    network = _network(preset, boxes=boxes)
    size, epochs, batch, rate, growing = _numbers(preset, network)
    options, augmentation, start = _knobs(preset, network, boxes=boxes)
    known = state.workbench().train.knobs()
    title, finding = _title(preset, chosen)
    draws = state.workbench().train.draws(sum(facts.values.values()) + beside.pictures)
    plan = Plan(
        title=title,
        task=task,
        source=source,
        further=beside.further,
        measured=beside.measured,
        network=network.id,
        network_options=_width(preset, network),
        size=size,
        epochs=epochs,
        batch=batch,
        learning_rate=rate,
        draws=draws,
        finding=finding,
        growing=growing,
        options={**changed(options, known, "options"), **({"start_from": start} if start else {})},
        augmentation=changed(augmentation, known, "augmentation"),
    )
    planned = Planned(plan, chosen, beside.sets)
    _start(planned, ready=bool(positive) and beside.ready)
    return planned


def _task(chosen: PictureSet, facts: SetFacts) -> str:
    """The question; another set asks for its own likely one, which a person may then change."""
    likely, choices = state.workbench().train.suggest(facts), state.session().choices
    if choices.get(ASKED_OF, chosen.id) != chosen.id:
        state.choose("task", likely)
    choices[ASKED_OF] = chosen.id
    titles = {name: t(title) for name, title in state.workbench().train.tasks().items()}
    return pick.one_of("task", t("Question"), titles, default=likely)


def _preset() -> Preset:
    presets = {preset.id: preset for preset in state.workbench().train.presets()}
    return presets[pick.one_of("preset", t("Begin with"), {key: t(one.title) for key, one in presets.items()})]


def _network(preset: Preset, *, boxes: bool) -> NetworkChoice:
    networks = {one.id: one for one in state.workbench().train.networks(boxes=boxes)}
    ids = list(networks)
    chosen = st.selectbox(
        t("Network"),
        ids,
        index=ids.index(preset.network),
        format_func=lambda name: networks[name].title,
        key=_key("network", preset.id),
        persist_state="session",
    )
    return networks[chosen]


def _numbers(preset: Preset, network: NetworkChoice) -> tuple[int, int, int, float, bool]:
    place = f"{preset.id}-{network.id}"
    sizes = (network.side,) if network.side else tuple(size for size in SIZES if size >= 64)
    wished = preset.size if preset.size in sizes else sizes[min(1, len(sizes) - 1)]
    with st.container(horizontal=True):
        size = st.selectbox(
            t("Input size (px)"), sizes, index=sizes.index(wished), key=_key("size", place), persist_state="session"
        )
        epochs = st.number_input(t("Epochs"), 1, 500, preset.epochs, key=_key("epochs", place), persist_state="session")
        batch = st.number_input(t("Batch"), 4, 512, preset.batch, key=_key("batch", place), persist_state="session")
        rate = st.number_input(
            t("Learning rate"),
            1e-6,
            0.1,
            preset.learning_rate,
            step=1e-4,
            format="%.5f",
            key=_key("rate", place),
            persist_state="session",
        )
    growing = size >= 128 and st.toggle(
        t("Half the size at first: quicker, and rarely worse"), key=_key("growing", place), persist_state="session"
    )
    return size, epochs, batch, rate, bool(growing)


def _width(preset: Preset, network: NetworkChoice) -> dict[str, int | float]:
    """Options of the network; those that are not asked for stay as its author set them."""
    held = {name: state.setting(_key("net", f"{preset.id}-{network.id}-{name}")) for name in network.options}
    found = {name: value for name, value in held.items() if isinstance(value, int | float)}
    if "width" in network.options and network.id == preset.network:
        found.setdefault("width", preset.width)
    return {name: value for name, value in found.items() if value != network.options[name]}


def _knobs(preset: Preset, network: NetworkChoice, *, boxes: bool) -> tuple[dict[str, Value], dict[str, Value], str]:
    """All options, folded away: their defaults are sensible."""
    starts = ("", *state.workbench().train.starts(network.id))
    found: dict[str, dict[str, Value]] = {section: {} for section in SECTIONS}
    with st.expander(t("All options, each with what it is for"), icon=":material/tune:"):
        start = ""
        if len(starts) > 1:
            start = st.selectbox(
                t("Start from what another model has learnt"),
                starts,
                format_func=lambda name: t(STARTS[name]) if name in STARTS else name,
                key=_key("start", f"{preset.id}-{network.id}"),
                help=t(
                    "Pictures that it was trained or tested on keep their part: no figure is of a picture it knows."
                ),
                persist_state="session",
            )
        _network_options(preset, network)
        for section, title in SECTIONS.items():
            st.markdown(f"**{t(title)}**")
            given = preset.options if section == "options" else preset.augmentation
            columns = st.columns(2, gap="medium")
            own = [k for k in state.workbench().train.knobs() if k.section == section and k.name not in HIDDEN]
            for number, knob in enumerate(own):
                with columns[number % 2]:
                    default = given.get(knob.name, knob.default)
                    found[section][knob.name] = _knob(knob, default, preset.id, boxes=boxes)
    return found["options"], found["augmentation"], start


def _network_options(preset: Preset, network: NetworkChoice) -> None:
    with st.container(horizontal=True):
        for name, default in network.options.items():
            given = preset.width if name == "width" and network.id == preset.network else default
            st.number_input(
                f"{name} ({network.title})",
                value=given,
                min_value=type(given)(0),
                key=_key("net", f"{preset.id}-{network.id}-{name}"),
                persist_state="session",
                help=t("The published network has {value}; less is quicker and smaller.", value=default),
            )


def _knob(knob: Knob, default: Value, preset: str, *, boxes: bool) -> Value:
    label, key = f"**{knob.name}** · {t(knob.purpose)}", _key("knob", f"{preset}-{knob.section}-{knob.name}")
    among = (*METRICS, *(BOX_METRICS if boxes else ()), "") if knob.name == "choose" else knob.among
    if among:
        picked: str = st.selectbox(
            label, among, index=among.index(str(default)), format_func=lambda name: name or t("the last"), key=key,
            persist_state="session",
        )  # fmt: skip
        return picked
    if isinstance(default, int):
        low = None if knob.low is None else int(knob.low)
        high = None if knob.high is None else int(knob.high)
        return st.number_input(label, low, high, default, key=key, persist_state="session")
    if isinstance(default, float):
        low_end = None if knob.low is None else float(knob.low)
        high_end = None if knob.high is None else float(knob.high)
        return st.number_input(
            label, low_end, high_end, default, step=0.05 if (knob.high or 1) <= 2 else 1.0, format="%.4g", key=key,
            persist_state="session",
        )  # fmt: skip
    return st.text_input(label, default, key=key, persist_state="session")


def _title(preset: Preset, chosen: PictureSet) -> tuple[str, str]:
    first, second = st.columns(2)
    free = state.workbench().train.free_title(f"{Path(chosen.id).name} {preset.id}")
    with first:
        title = st.text_input(
            t("Title of the model"),
            free,
            key=_key("title", f"{free}-{preset.id}-{chosen.id}"),  # another one once a model has this title
            persist_state="session",
            max_chars=60,
        )
    with second:
        finding = st.text_input(
            t("What it recognises"),
            "",
            key=_key("finding", chosen.id),
            persist_state="session",
            placeholder=t("as the question says"),
            max_chars=60,
        )
    return title, finding


def _start(planned: Planned, *, ready: bool) -> None:
    if st.button(
        t("Start training"), icon=":material/play_arrow:", type="primary", disabled=not ready, key="start-training"
    ):
        try:
            run = state.workbench().train.start(planned.plan, planned.chosen, planned.beside)
        except MedcoreError as error:
            faults.explain(error.message, error.hint)
            return
        state.choose("run", run.id)
        state.choose("view", "runs")
        st.rerun()
    st.caption(
        t(
            "{set}: {count} pictures an epoch. The training runs beside the app, which stays usable; it goes on when "
            "you leave this page.",
            set=" + ".join(plain(source.name) for source in (planned.plan.source, *planned.plan.further)),
            count=planned.plan.draws,
        )
    )


def _key(name: str, of: str) -> str:
    return f"train-{name}-{of}"
